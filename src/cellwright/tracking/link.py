"""From detections to tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import BoolArray, DoubleArray, IntArray
from cellwright.tracking.assignment import assign
from cellwright.tracking.candidates import make_grid, neighbours
from cellwright.tracking.costs import link_costs, link_probabilities
from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Frame, Movie
from cellwright.tracking.model import LinkModel
from cellwright.tracking.pair import NEIGHBOURS, PairLinks, link_pair
from cellwright.tracking.tracks import PROBABILITY, Tracks

_MISSED = 0.5
"""How probable it is, beforehand, that a track that ends for no visible reason was only missed."""
_MISSED_AGAIN = 0.3
"""That a detection which was missed is missed in the next frame, too."""


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

    Raises
    ------
    UsageError
        If a number is out of range.
    """

    divisions: bool = True
    max_gap: int = 2
    max_distance: float | None = None

    def __post_init__(self) -> None:
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


def link(
    detections: Tracks, options: LinkOptions | None = None, *, model: LinkModel | None = None
) -> Tracks:
    """Link the detections of a movie to tracks with divisions.

    Frame pairs are linked one after the other, each exactly; then tracks that ended are continued
    by tracks that begin within a few frames. How far cells go, how they change and divide, come
    and go is estimated from the movie beforehand.

    Parameters
    ----------
    detections : Tracks
        Links that it has already are not used.
    options : LinkOptions, optional
    model : LinkModel, optional
        In place of one estimated from the detections, as `fit_model` returns it.

    Returns
    -------
    Tracks
        The same detections with links; the edge column ``probability`` says how probable each is.

    Raises
    ------
    InputError
        If there are no detections at all.

    References
    ----------
    Jaqaman et al., Robust single-particle tracking in live-cell time-lapse sequences, Nature
    Methods 5 (2008). Magnusson et al., Global linking of cell tracks using the Viterbi algorithm,
    IEEE TMI 34 (2015).

    Examples
    --------
    >>> from cellwright.tracking.tracks import make_tracks
    >>> walk = make_tracks(frame=[0, 0, 1, 1], position=[[0, 0], [9, 9], [9, 8], [1, 0]])
    >>> link(walk).edges.tolist()
    [[0, 3], [1, 2]]
    """
    if not len(detections):
        raise InputError("There is nothing to track: no frame has a detection.")
    options = options or LinkOptions()
    movie = Movie(detections)
    if model is None:
        model = fit_model(movie, divisions=options.divisions, max_distance=options.reach)
    linker = Linker(model, options)
    for number in range(len(movie)):
        linker.add(movie.frame(number))
    edges, probability = linker.links()
    return detections.with_edges(edges, {PROBABILITY: probability})


class Linker:
    """Links frames as they come; it keeps the last frame and the tracks that ended lately.

    Parameters
    ----------
    model : LinkModel
    options : LinkOptions
    """

    def __init__(self, model: LinkModel, options: LinkOptions) -> None:
        self._model = model
        self._options = options
        self._last: Frame | None = None
        self._open: list[_Ends] = []
        self._edges: list[IntArray] = []
        self._probability: list[DoubleArray] = []

    def add(self, frame: Frame) -> None:
        """Link the next frame of the movie to those before it."""
        before, self._last = self._last, frame
        if before is None:
            return
        free = np.ones(len(frame), bool)
        ended = np.ones(len(before), bool)
        shift, step = np.zeros(self._model.dimensions), self._model.step
        if len(frame) and len(before):
            found = self._link(before, frame)
            free[found.target] = False
            ended[found.source] = False
            shift, step = found.shift, found.step
        self._open = [ends.moved(shift, step) for ends in self._open]
        self._close_gaps(frame, free)
        if self._options.max_gap:
            self._open.append(_Ends.of(before, ended, shift, step, self._model))
            self._open = self._open[-self._options.max_gap :]

    def links(self) -> tuple[IntArray, DoubleArray]:
        """Return all links so far, as rows (source, target), and their probabilities."""
        edges = np.concatenate([np.zeros((0, 2), np.int64), *self._edges])
        return edges, np.concatenate([np.zeros(0), *self._probability])

    def _link(self, before: Frame, frame: Frame) -> PairLinks:
        found = link_pair(
            before,
            frame,
            self._model,
            divisions=self._options.divisions,
            max_distance=self._options.reach,
        )
        self._keep(before.rows[found.source], frame.rows[found.target], found.probability)
        return found

    def _keep(self, source: IntArray, target: IntArray, probability: DoubleArray) -> None:
        self._edges.append(np.stack([source, target], axis=1))
        self._probability.append(probability)

    def _close_gaps(self, frame: Frame, free: BoolArray) -> None:
        """Continue tracks that ended some frames ago by detections that nothing led to."""
        starts = np.flatnonzero(free)
        if not self._open or not len(starts):
            return
        ends = _Ends.joined(self._open)
        if not len(ends.rows):
            return
        model = self._model
        radius = min(
            model.reach(float(ends.step.max())), self._options.reach * (ends.missed.max() + 1)
        )
        edges = neighbours(
            ends.position, make_grid(frame.position[starts]), radius, NEIGHBOURS[model.dimensions]
        )
        costs = link_costs(edges, ends.features, frame.features[starts], model, ends.step)
        costs = costs + ends.waiting_cost[edges.rows]
        alone = model.start_costs(frame.border[starts], model.step)
        near = edges.weights <= (self._options.reach * (ends.missed[edges.rows] + 1)) ** 2
        costs = np.where(near, costs, 1e9)
        solved = assign(edges.starts, edges.columns, costs, ends.alone_cost, alone)
        rows = np.flatnonzero(solved.column_of >= 0)
        columns = solved.column_of[rows]
        probability = link_probabilities(
            edges.starts, edges.columns, costs, ends.alone_cost, alone,
            solved.column_of, solved.row_of,
        )  # fmt: skip
        self._keep(ends.rows[rows], frame.rows[starts[columns]], probability[rows])
        still = np.ones(len(ends.rows), bool)
        still[rows] = False
        parts = np.cumsum([0, *(len(one.rows) for one in self._open)])
        self._open = [
            one.where(still[a:b]) for one, a, b in zip(self._open, parts, parts[1:], strict=False)
        ]


@dataclass(frozen=True, slots=True)
class _Ends:
    """Ends of tracks that may yet go on.

    `position` moves with the field and `step` widens with every frame that passes.
    """

    rows: IntArray
    position: DoubleArray
    features: DoubleArray
    step: DoubleArray
    missed: IntArray
    inside: DoubleArray

    @classmethod
    def of(
        cls, frame: Frame, ended: BoolArray, shift: DoubleArray, step: float, model: LinkModel
    ) -> _Ends:
        """Return the detections of a frame that have just ended."""
        rows = np.flatnonzero(ended)
        count = len(rows)
        costs = model.end_costs(frame.border[rows], step)
        return cls(
            rows=frame.rows[rows],
            position=frame.position[rows] + shift,
            features=frame.features[rows],
            step=np.full(count, step),
            missed=np.zeros(count, np.int64),
            inside=np.minimum(model.end_rate * np.exp(costs), 1.0),
        )

    @classmethod
    def joined(cls, parts: list[_Ends]) -> _Ends:
        """Return several as one."""
        columns = ("rows", "position", "features", "step", "missed", "inside")
        return cls(*(np.concatenate([getattr(one, name) for one in parts]) for name in columns))

    def moved(self, shift: DoubleArray, step: float) -> _Ends:
        """Return them one frame later."""
        return _Ends(
            self.rows,
            self.position + shift,
            self.features,
            np.hypot(self.step, step),
            self.missed + 1,
            self.inside,
        )

    def where(self, kept: BoolArray) -> _Ends:
        """Return some of them."""
        return _Ends(
            self.rows[kept],
            self.position[kept],
            self.features[kept],
            self.step[kept],
            self.missed[kept],
            self.inside[kept],
        )

    @property
    def waiting_cost(self) -> DoubleArray:
        """Cost of having been missed for so long and no longer."""
        missed = _MISSED * self.inside * (1 - _MISSED_AGAIN)
        return np.asarray(-np.log(missed) - (self.missed - 1) * np.log(_MISSED_AGAIN))

    @property
    def alone_cost(self) -> DoubleArray:
        """Cost of having really ended."""
        return np.asarray(-np.log1p(-_MISSED * self.inside))
