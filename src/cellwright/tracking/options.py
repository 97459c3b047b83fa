"""What a person may decide about linking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._errors import UsageError

MOTIONS = ("auto", "brownian", "directed", "switching")


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
        the drift of the whole field does not count.
    merges : bool
        Whether two cells may be seen as one object for some frames.
    motion : {"auto", "brownian", "directed", "switching"}
        How cells go on: at random, with a velocity that they keep, or by turns; by default what
        the movie speaks for.
    min_cycle : int
        Fewest frames that a cell lives from its birth to its division.

    Raises
    ------
    UsageError
        If a number is out of range.
    """

    divisions: bool = True
    max_gap: int = 2
    max_distance: float | None = None
    merges: bool = True
    motion: str = "auto"
    min_cycle: int = 1

    def __post_init__(self) -> None:
        if self.motion not in MOTIONS:
            raise UsageError(f"There is no motion '{self.motion}'; take one of {MOTIONS}.")
        if self.min_cycle < 1:
            raise UsageError(f"A cycle of {self.min_cycle} frames was asked for; give 1 or more.")
        if self.max_gap < 0:
            raise UsageError(f"A gap of {self.max_gap} frames was asked for; give 0 or more.")
        if self.max_distance is not None and not self.max_distance > 0:
            raise UsageError(
                f"A largest distance of {self.max_distance} was asked for; give one above 0."
            )

    @property
    def reach(self) -> float:
        """Longest way between two frames; infinite when not limited."""
        return np.inf if self.max_distance is None else self.max_distance
