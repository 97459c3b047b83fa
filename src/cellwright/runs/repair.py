"""``cellwright data repair``: a copy of label images with what is often drawn wrong put right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from cellwright._errors import CellwrightError, InputError, OutputError
from cellwright._files import write_json
from cellwright._progress import progress
from cellwright._types import LabelArray
from cellwright.datasets.repair import Flaws, Parts, find_flaws, repaired
from cellwright.images.find import Found, find_images
from cellwright.images.image import Image
from cellwright.images.read import read_labels
from cellwright.images.write import refuse_existing, write_labels
from cellwright.runs.doctor import versions
from cellwright.runs.results.folder import refuse_inputs_inside
from cellwright.runs.results.result import command_line

RECORD_FILE = "repair.json"
_MANY = 20  # objects in several parts; fewer are repaired whatever their share


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of one label image.

    Parameters
    ----------
    name : str
        Its path below the given folder.
    flaws : Flaws
        What was found in it.
    before, after : int
        Objects in it.
    error : str, optional
        Why nothing was written; None when it is done.
    """

    name: str
    flaws: Flaws = field(default_factory=Flaws)
    before: int = 0
    after: int = 0
    error: str | None = None


def repair_labels(
    labels: Sequence[str | Path],
    output: Path,
    *,
    parts: Parts = "split",
    fill_holes: bool = True,
    min_size: int = 1,
    axes: str | None = None,
    overwrite: bool = False,
) -> list[Repaired]:
    """Write repaired copies of label images; the frames of a movie are repaired one by one.

    Parameters
    ----------
    labels : sequence of str or Path
        Files, folders or patterns.
    output : Path
        A folder for the copies, which are TIFFs of the same names, and for ``repair.json``.
    parts, fill_holes, min_size
        As for `cellwright.datasets.repair.repaired`.
    axes : str, optional
        Where the files do not say.
    overwrite : bool
        Replace copies that are there.

    Raises
    ------
    InputError
        If there are no label images.
    OutputError
        If `output` contains them, or copies are there already.
    """
    found = find_images(labels)
    refuse_inputs_inside(output, (label.path for label in found))
    targets = [output / f"{label.relative.as_posix()}.tif" for label in found]
    for target in (*targets, output / RECORD_FILE):
        refuse_existing(target, overwrite)
    options = {"parts": parts, "fill_holes": fill_holes, "min_size": min_size}
    repair = partial(repaired, parts=parts, fill_holes=fill_holes, min_size=min_size)
    done = []
    for label, target in progress(list(zip(found, targets, strict=True)), "Repairing"):
        try:
            done.append(_repair_file(label, target, repair, axes))
        except OutputError:
            raise  # no other copy could be written either
        except CellwrightError as error:
            done.append(Repaired(label.relative.as_posix(), error=str(error)))
    record = {"command_line": command_line(), "parameters": options, "versions": versions()}
    write_json(output / RECORD_FILE, record | {"labels": [asdict(one) for one in done]})
    return done


def _repair_file(
    label: Found, target: Path, repair: Callable[[LabelArray], LabelArray], axes: str | None
) -> Repaired:
    """Write the repaired copy of one label image; where nothing is known, nothing is changed."""
    stack, stack_axes = read_labels(label.path, axes=axes)
    frames = stack if "T" in stack_axes else stack[None]
    flaws = sum((find_flaws(frame) for frame in frames), Flaws())
    _refuse_photograph(label.path, flaws, _objects(frames))
    copies = [repair(frame) for frame in frames]
    copy = np.stack(copies).reshape(stack.shape)
    partly = bool(copy.min(initial=0) < 0)
    like = Image(copy, stack_axes)
    write_labels(target, copy, like=like, partly_known=partly, overwrite=True)
    return Repaired(label.relative.as_posix(), flaws, _objects(frames), _objects(copies))


def _refuse_photograph(path: Path, flaws: Flaws, objects: int) -> None:
    """Refuse an image whose values are brightness: nearly each of them is in many places."""
    if flaws.scattered > max(_MANY, objects / 2):
        raise InputError(
            f"'{path}' does not look like labels: {flaws.scattered} of its {objects} values are in "
            "several places. Give images of numbered objects, not the images themselves."
        )


def _objects(frames: Sequence[LabelArray] | LabelArray) -> int:
    return sum(len(np.unique(frame[frame > 0])) for frame in frames)
