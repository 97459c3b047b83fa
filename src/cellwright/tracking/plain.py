"""Links told by overlap or by nearness alone, in place of how the cells of a movie live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, DoubleArray, IntArray
from cellwright.metrics.overlap import OverlapTable, overlap_table
from cellwright.tracking.candidates import Edges
from cellwright.tracking.frames import Frame, Movie
from cellwright.tracking.joint import NO_SPLITS, Problem, solve, split_worth
from cellwright.tracking.motion import FramePair
from cellwright.tracking.pair import Draft, MovieScorer, Scorer
from cellwright.tracking.pins import pinned_candidates
from cellwright.tracking.splits import SURE, Splits
from cellwright.tracking.tracks import Tracks, find_rows

NO_OUTLINES = (
    "Overlap is told by outlines: it takes label images or a movie that is segmented, not points."
)
_LEAST = 0.02
"""Intersection over union of two outlines that are as well apart as one cell."""
_APART = 1e3
"""What a link costs that is out of the question, unless a person asks for it."""
_WISHED = 1e6


class Overlaps:
    """How many pixels objects share with those of the next frame.

    `watch` frames, then have them tell links by `scorer`.
    """

    def __init__(self) -> None:
        self._tables: list[OverlapTable] = []

    @classmethod
    def of(cls, frames: Iterable[AnyArray]) -> Overlaps:
        """Return those of all frames, shape ([Z,] Y, X) each."""
        overlaps = cls()
        for _ in overlaps.watch(frames):
            pass
        return overlaps

    def watch(self, frames: Iterable[AnyArray]) -> Iterator[AnyArray]:
        """Yield label images, shape ([Z,] Y, X), and count what they share as they go by."""
        before = None
        for frame in frames:
            yield frame
            if before is not None:
                self._tables.append(overlap_table(before, np.asarray(frame)))
            before = np.array(frame)  # whoever yields frames may do so in one buffer

    def scorer(self, detections: Tracks, *, divisions: bool = True) -> MovieScorer:
        """Return what tells links of these detections by the pixels that their outlines share.

        Parameters
        ----------
        detections : Tracks
            Of the frames that were watched, with their labels.
        divisions : bool
            Whether a cell may have two daughters.

        Raises
        ------
        InputError
            If as many frames were not watched.

        Notes
        -----
        A link costs the less the greater the intersection over union of both outlines is, a
        division the less that of the mother with both daughters together.
        """
        if len(self._tables) != max(detections.frame_count - 1, 0):
            raise InputError(
                f"{len(self._tables) + 1} frames were watched, but the detections are of "
                f"{detections.frame_count}; watch the frames that they were found in."
            )
        keys, shared, sizes = self._of(detections)

        def scored(draft: Draft) -> Draft:
            pair = draft.pair
            found = _sharing(keys, len(detections), pair).within(draft.max_distance)
            edges, wishes = pinned_candidates(found, draft.pins)
            ends = pair.earlier.rows[edges.rows], pair.later.rows[edges.columns]
            wanted = ends[0] * len(detections) + ends[1]
            at = np.searchsorted(keys, wanted)
            pixels = np.where(keys[at] == wanted, shared[at], 0)
            own, other = sizes[ends[0]], sizes[ends[1]]
            costs = _cost(pixels, own + other - pixels) + wishes
            pairs = _best_two(edges, pixels - _WISHED * np.minimum(wishes, 0))
            both = pixels[pairs].sum(axis=1)
            whole = own[pairs[:, 0]] + other[pairs].sum(axis=1) - both
            split = _cost(both, whole) + wishes[pairs].sum(axis=1)
            shares, wished = (one[pairs].all(axis=1) for one in (pixels > 0, wishes < 0))
            possible = (shares | wished) & divisions
            return _solved(draft, edges, costs, pairs[possible], split[possible])

        return lambda movie: scored

    def _of(self, detections: Tracks) -> tuple[IntArray, IntArray, IntArray]:
        """Return pairs of detections as sorted keys, their shared pixels, and all sizes.

        The last key is greater than all, so that each search ends at one.
        """
        tables, sizes = self._tables, np.ones(len(detections), np.int64)

        def rows(first: int, labels: Sequence[IntArray]) -> IntArray:
            frames = np.repeat(np.arange(len(labels)) + first, [len(one) for one in labels])
            return find_rows(detections, frames, _joined(labels))

        for known, areas in (
            (rows(0, [one.truth_labels for one in tables]), [one.truth_areas for one in tables]),
            (rows(1, [one.predicted_labels for one in tables]),
             [one.predicted_areas for one in tables]),
        ):  # fmt: skip
            sizes[known[known >= 0]] = _joined(areas)[known >= 0]
        sources = rows(0, [one.truth for one in tables])
        targets = rows(1, [one.prediction for one in tables])
        both = (sources >= 0) & (targets >= 0)
        keys = sources[both] * len(detections) + targets[both]
        pixels = _joined([one.pixels for one in tables])[both]
        order = np.argsort(keys)
        return np.append(keys[order], np.iinfo(np.int64).max), np.append(pixels[order], 0), sizes


def by_distance(movie: Movie) -> Scorer:
    """Return what tells links by nearness alone, of frames that follow each other.

    The sum of the squared ways is the least one; ways longer than cells of this movie are thought
    to go are none. Nothing divides from one frame to the next, but where a person says so.
    """

    def scored(draft: Draft) -> Draft:
        edges, step = draft.problem.edges, draft.step
        reach = draft.model.reach(2 * draft.model.step)
        # What a person asks for counts more than all ways of cells of this movie.
        farthest = max(reach**2 / (2 * step**2), 1.0)
        costs = (edges.weights - reach**2) / (2 * step**2) + draft.wishes * farthest
        pairs = _best_two(edges, -draft.wishes)
        pairs = pairs[(draft.wishes[pairs] < 0).all(axis=1)]
        return _solved(draft, edges, costs, pairs, costs[pairs].sum(axis=1))

    return scored


def _sharing(keys: IntArray, count: int, pair: FramePair) -> Edges:
    """Return all detections of two frames that share pixels, with their squared distances.

    `keys` are sorted and name them as source * count + target, by rows of the movie.
    """
    earlier, later = pair.earlier, pair.later
    first, last = earlier.rows.min(), earlier.rows.max() + 1
    among = slice(*np.searchsorted(keys, [first * count, last * count]))
    source, target = np.divmod(keys[among], count)
    source, target = _places(earlier, source), _places(later, target)
    ways = later.position[target] - earlier.position[source] - pair.carried[source]
    return Edges.of(source, target, (ways**2).sum(axis=1), len(earlier))


def _places(frame: Frame, rows: IntArray) -> IntArray:
    """Return where in a frame the detections in these rows of the movie are."""
    order = np.argsort(frame.rows)
    return np.asarray(order[np.searchsorted(frame.rows, rows, sorter=order)])


def _joined(parts: Sequence[IntArray]) -> IntArray:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _cost(pixels: IntArray, whole: IntArray) -> DoubleArray:
    """Return the log odds against one cell, by shared pixels and those of both outlines."""
    share = np.clip(pixels / whole, 1e-6, 1 - 1e-6)
    costs = np.log(_LEAST / (1 - _LEAST)) - np.log(share / (1 - share))
    return np.where(pixels > 0, costs, _APART)


def _best_two(edges: Edges, worth: DoubleArray) -> IntArray:
    """Return the two most worthy candidates of each row that has as many, shape (P, 2)."""
    order = np.lexsort((-worth, edges.rows))
    firsts = edges.starts[:-1][np.diff(edges.starts) > 1]
    return np.asarray(np.stack([order[firsts], order[firsts + 1]], axis=1))


def _solved(
    draft: Draft, edges: Edges, costs: DoubleArray, pairs: IntArray, split: DoubleArray
) -> Draft:
    """Return a draft of such links and divisions, and their costs; being alone costs nothing."""
    rows = edges.rows
    alone = np.zeros(len(draft.pair.earlier)), np.zeros(len(draft.pair.later))
    problem = Problem(edges, costs, *alone)
    without = solve(problem, NO_SPLITS)
    splits = Splits(rows[pairs[:, 0]], pairs, split, split)
    splits = replace(splits, price=split - split_worth(problem, without, splits))
    return replace(
        draft, problem=problem, without=without, splits=splits.where(splits.price < SURE)
    )
