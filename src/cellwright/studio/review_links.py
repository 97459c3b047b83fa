"""Tracks that are corrected by hand: some links are cut or joined, the rest is solved again."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import ModelError, UsageError
from cellwright._types import AnyArray, IntArray, LabelArray, Table
from cellwright.models.scorer import load_scorer
from cellwright.tracking.formats.ctc import open_ctc
from cellwright.tracking.formats.files import read_tracks
from cellwright.tracking.formats.pins import FORBIDDEN, FORCED, PIN, read_pins
from cellwright.tracking.formats.table import LINKS, tracks_to_tables
from cellwright.tracking.link import Linking, start_linking
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pair import MovieScorer
from cellwright.tracking.pins import NO_PINS
from cellwright.tracking.plain import Overlaps
from cellwright.tracking.tracklets import find_tracklets, track_numbers
from cellwright.tracking.tracks import Tracks

CUT, DIVIDE = "cut", "divide"
_NONE = np.zeros((0, 2), np.int64)
_OTHERWISE = (
    "The links of this result cannot be corrected here: solving them again gives others, because "
    "they were made by another version of Cellwright, or with pins or a scorer that are not there "
    "any more. Run 'cellwright track' again."
)


@dataclass(frozen=True, slots=True)
class Pin:
    """One correction.

    Parameters
    ----------
    kind : {"cut", "join", "divide"}
        That of the journal.
    rows : tuple of int
        Of two detections; of a division that of the mother, then those of both daughters.
    """

    kind: str
    rows: tuple[int, ...]

    @property
    def links(self) -> IntArray:
        """The links that it is about, shape (L, 2)."""
        source, *targets = self.rows
        return np.array([(source, target) for target in targets], np.int64)


class Solver:
    """Links the detections of a result again as pins ask for.

    What was solved for the first pins is kept, so that one pin more, or less, touches the frames
    around it only.

    Parameters
    ----------
    folder : Path
        The result folder.
    record : dict
        Its ``run.json``.
    tracks : Tracks
        Its tracks.
    """

    def __init__(self, folder: Path, record: dict[str, Any], tracks: Tracks) -> None:
        self._folder, self._record, self.found = folder, record, tracks
        self._lock = threading.Lock()
        self._pins: list[Pin] = []
        self._solved: list[Linking] = []

    def check(self, pin: Pin) -> None:
        """Refuse what is no correction.

        Raises
        ------
        UsageError
            If the detections do not follow each other, or are not as many as it takes.
        """
        frame = self.found.frame[list(pin.rows)]
        needed, words = (
            (3, "a mother and two daughters") if pin.kind == DIVIDE else (2, "two cells")
        )
        if len(set(pin.rows)) != needed:
            raise UsageError(f"Select {words}, and no others.")
        if (frame[1:] <= frame[0]).any():
            raise UsageError("Select cells of different frames: links lead forward in time.")

    def tracks(self, pins: Sequence[Pin]) -> Tracks:
        """Return the tracks with pins, those given last being right where they contradict.

        Raises
        ------
        InputError
            If they cannot all be honoured.
        UsageError
            If the result cannot be solved again.
        """
        if not pins:
            return self.found
        with self._lock:
            if not self._solved:
                self._solved = [self._started()]
            same = 0
            while same < min(len(pins), len(self._pins)) and pins[same] == self._pins[same]:
                same += 1
            del self._pins[same:], self._solved[same + 1 :]
            for pin in pins[same:]:
                forced, forbidden = (_NONE, pin.links) if pin.kind == CUT else (pin.links, _NONE)
                self._solved.append(self._solved[-1].pinned(forced, forbidden))
                self._pins.append(pin)
            return self._solved[-1].tracks()

    def table(self, pins: Sequence[Pin]) -> Table:
        """Return what is forced and forbidden as ``cellwright track --pins`` reads it."""
        self.tracks(pins)
        asked = self._solved[-1].pins if pins else NO_PINS
        rows = np.concatenate([asked.forced, asked.forbidden])
        ends = (rows[:, 0], rows[:, 0], rows[:, 1], rows[:, 1])
        values = (self.found.frame, self.found.label) * 2
        table: Table = {name: of[end] for name, of, end in zip(LINKS, values, ends, strict=True)}
        wishes = [FORCED] * len(asked.forced) + [FORBIDDEN] * len(asked.forbidden)
        return table | {PIN: np.array(wishes, np.str_)}

    def _started(self) -> Linking:
        detections = read_tracks(self._folder / "tracks.geff")
        asked = self._record["parameters"]
        known = {one.name: asked[one.name] for one in fields(LinkOptions) if one.name in asked}
        options = LinkOptions(**known)
        scorer = _same_scorer(asked.get("scorer"))
        if options.by == "overlap":
            scorer = self._overlaps(options.divisions)
        linking = start_linking(detections, options, scorer=scorer)
        if asked.get("pins"):
            earlier = Path(asked["pins"]["path"])
            if not earlier.is_file():
                raise UsageError(_OTHERWISE)
            wanted = read_pins(earlier, detections)
            linking = linking.pinned(wanted.forced, wanted.forbidden)
        if not np.array_equal(linking.tracks().edges, self.found.edges):
            raise UsageError(_OTHERWISE)
        return linking

    def _overlaps(self, divisions: bool) -> MovieScorer:
        """Return what outlines tell, by the label images that were written: of whole tracks."""
        tracklets = find_tracklets(self.found.unshared())
        numbers = track_numbers(self.found, tracklets)[tracklets.of].astype(np.int32)
        offsets = self.found.frame_offsets()
        frames = (
            relabelled(frame, numbers[first:end], self.found.label[first:end])
            for frame, first, end in zip(
                open_ctc(self._folder / "ctc").frames(), offsets[:-1], offsets[1:], strict=True
            )
        )
        return Overlaps.of(frames).scorer(self.found, divisions=divisions)


def _same_scorer(asked: Mapping[str, str] | None) -> MovieScorer | None:
    """Return the scorer that a run was made with, if it was made with one."""
    if not asked:
        return None
    try:
        scorer, package = load_scorer(asked["path"])
    except ModelError as error:
        raise UsageError(_OTHERWISE) from error
    if package.sha256 != asked["sha256"]:
        raise UsageError(_OTHERWISE)
    return scorer


def numbered_as_before(tracks: Tracks, before: IntArray) -> Table:
    """Return ``track`` and ``parent`` of detections; tracks keep the numbers that they had.

    Where a track falls apart, its first part keeps the number, and the others get new ones.

    Parameters
    ----------
    tracks : Tracks
    before : array of int, shape (N,)
        The track of each detection before links were corrected.
    """
    table = tracks_to_tables(tracks)[0]
    new, first = np.unique(table["track"], return_index=True)
    order = np.argsort(first)
    own = before[first[order]]
    kept = np.zeros(len(own), bool)
    kept[np.unique(own, return_index=True)[1]] = True
    number = np.where(kept, own, 0)
    fresh = before.max(initial=0) + 1 + np.arange(np.count_nonzero(~kept))
    number[~kept] = fresh
    lut = np.zeros(int(new.max(initial=0)) + 1, np.int64)
    lut[new[order]] = number
    return {name: lut[table[name]] for name in ("track", "parent")}


def relabelled(
    labels: AnyArray, was: IntArray | LabelArray, now: IntArray | LabelArray
) -> AnyArray:
    """Return a tile of labels in which objects have other numbers."""
    lut = np.zeros(max(int(labels.max(initial=0)), int(was.max(initial=0))) + 1, np.int32)
    lut[was] = now
    return lut[labels]
