"""What is annotated, part by part: what is learned of it, and what is set aside to judge by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cellwright._errors import DatasetError

_FEW = 5  # parts, below which they are cut, so that some can be set aside
_PIECE = 512  # px
_SET_ASIDE = 0.2  # of the parts

Box = tuple[int, int, int, int]
"""Upper left pixel, and the one after the lower right: ``(y0, x0, y1, x1)``."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a plane in which everything is annotated.

    Parameters
    ----------
    image : str
        Name of the image.
    index : tuple of int
        The plane, along the leading axes of the labels.
    box : Box
        In px.
    split : {"", "train", "val"}
        Whether it is learned, or set aside to judge by.
    plane : str
        Name of the files of its plane, once they are written.
    """

    image: str
    index: tuple[int, ...]
    box: Box
    split: str = ""
    plane: str = ""

    def overlaps(self, other: Part) -> bool:
        """Whether two parts share a pixel."""
        apart = any(
            self.box[i] >= other.box[i + 2] or other.box[i] >= self.box[i + 2] for i in (0, 1)
        )
        return (self.image, self.index) == (other.image, other.index) and not apart


def divided(parts: Sequence[Part], earlier: Iterable[Part] = ()) -> list[Part]:
    """Decide which parts are learned, and which are set aside.

    What an earlier round learned is never judged by, for its model may be where this one starts;
    and what was set aside stays so. Of new parts, a fifth is set aside; those that overlap are not
    divided. A few are cut into pieces first.

    Raises
    ------
    DatasetError
        If there is nothing to learn.
    """
    if not parts:
        raise DatasetError(
            "Nothing is annotated yet. Draw the objects of an image and mark it as done, or draw "
            "all objects in a part of it and mark that as an annotated area (R)."
        )
    pieces = list(parts) if len(parts) >= _FEW else [p for part in parts for p in _cut(part)]
    known = list(earlier)
    decided: list[Part] = []
    for piece in pieces:
        before = {other.split for other in (*known, *decided) if other.overlaps(piece)}
        aside = sum(part.split == "val" for part in decided)
        due = aside < _SET_ASIDE * (len(decided) + 1)
        split = "train" if "train" in before else "val" if before or due else "train"
        decided.append(replace(piece, split=split))
    return _both(decided)


def _both(parts: list[Part]) -> list[Part]:
    """Return parts of which some are learned and some set aside, whatever was decided."""
    splits = {part.split for part in parts}
    if splits == {"train", "val"}:
        return parts
    if splits == {"train"}:
        raise DatasetError(
            "All that is annotated was learned before, so nothing is left to judge the next round "
            "by. Annotate one more image or area."
        )
    return [replace(parts[0], split="val"), *(replace(p, split="train") for p in parts[1:])]


def _cut(part: Part) -> list[Part]:
    """Cut a part into at least two pieces."""
    y0, x0, y1, x1 = part.box
    rows, columns = (max(1, -(-size // _PIECE)) for size in (y1 - y0, x1 - x0))
    if rows * columns == 1:
        rows, columns = (2, 1) if y1 - y0 >= x1 - x0 else (1, 2)
    ys = np.linspace(y0, y1, rows + 1).round().astype(int).tolist()
    xs = np.linspace(x0, x1, columns + 1).round().astype(int).tolist()
    return [
        replace(part, box=(ys[r], xs[c], ys[r + 1], xs[c + 1]))
        for r in range(rows)
        for c in range(columns)
    ]
