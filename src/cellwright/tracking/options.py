"""What a person may decide about linking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright._arguments import (
    check_above_zero,
    check_flags,
    check_one_of,
    check_whole_numbers,
    described,
    given,
)
from cellwright._errors import UsageError
from cellwright._words import option

MOTIONS = ("auto", "brownian", "directed", "switching")
TELLERS = ("model", "overlap", "distance")


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How detections are linked; all else is estimated from them.

    Parameters
    ----------
    divisions : bool
        Whether cells divide.
    max_gap : int
        Frames in a row that a cell may be missing from.
    max_distance : float, optional
        Longest way of a cell between two frames, in µm, or px where the pixel size is not known;
        the drift of the whole field does not count, nor do ways into and out of objects of two
        cells, whose middle lies between these.
    merges : bool
        Whether two cells may be seen as one object for some frames.
    motion : {"auto", "brownian", "directed", "switching"}
        How cells go on: at random, with a velocity that they keep, or by turns; by default what
        the movie speaks for.
    min_cycle : int
        Fewest frames that a cell lives from its birth to its division.
    by : {"model", "overlap", "distance"}
        What tells links of frames that follow each other: a model of how the cells of this movie
        move, change, divide, come and go; the pixels that outlines share; or nearness alone. Gaps,
        and daughters that are seen late, are told by the model always.

    Raises
    ------
    UsageError
        If an argument is of a wrong kind or out of range.
    """

    divisions: bool = True
    max_gap: int = 2
    max_distance: float | None = None
    merges: bool = True
    motion: str = "auto"
    min_cycle: int = 1
    by: str = "model"

    def __post_init__(self) -> None:
        check_flags(divisions=self.divisions, merges=self.merges)
        check_one_of(MOTIONS, motion=self.motion)
        check_one_of(TELLERS, by=self.by)
        check_whole_numbers(0, max_gap=self.max_gap)
        check_whole_numbers(1, min_cycle=self.min_cycle)
        check_above_zero(**given(max_distance=self.max_distance))
        if self.by == "distance" and self.motion != "auto":
            raise UsageError(
                f"With {option(by=self.by)}, no motion is looked at; leave out "
                f"{option(motion=self.motion)}."
            )

    @property
    def reach(self) -> float:
        """Longest way between two frames; infinite when not limited."""
        return np.inf if self.max_distance is None else self.max_distance


def check_options(value: Any) -> None:
    """Raise `UsageError` unless what was given as options is `LinkOptions`."""
    if not isinstance(value, LinkOptions):
        raise UsageError(
            f"options must be cellwright.tracking.options.LinkOptions(…), not {described(value)}."
        )


def check_scorer(options: LinkOptions, scorer: object) -> None:
    """Raise `UsageError` where a scorer is given, but something else is to tell links."""
    if scorer is not None and options.by != "model":
        raise UsageError(
            f"{option(by=options.by)} and {option('scorer')} both tell links; take one of them."
        )
