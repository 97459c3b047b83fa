"""How fast, how far and how straight cells go, and how often they divide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.tracklets import Tracklets, find_tracklets
from cellwright.tracking.tracks import PROBABILITY, Tracks

_LONGEST_LAG = 50  # frames
_DOUBTFUL = 0.7


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What tracks say about the cells; K tracks, from one division to the next.

    Lengths are in µm and times in s where the movie says so, else in px and frames.

    Attributes
    ----------
    detections, frames, divisions, gaps, doubtful, births : int
        `doubtful` links are less probable than 0.7; `births` are tracks that begin inside the
        movie without a mother.
    track_frames : array of int, shape (K,)
        Frames from the first to the last detection of each.
    speed, net, path : array of float, shape (K,)
        Mean speed, distance from first to last detection, and length of the way; NaN for tracks
        of one detection.
    cycle : array of float
        Times from birth to division, of the tracks that have both.
    lags, msd : array of float
        Mean squared displacement at each time lag.
    cells : array of int, shape (T,)
        Detections of each frame.
    division_rate : float
        Divisions per cell and unit of time.
    """

    detections: int
    frames: int
    divisions: int
    gaps: int
    doubtful: int
    births: int
    track_frames: IntArray
    speed: DoubleArray
    net: DoubleArray
    path: DoubleArray
    cycle: DoubleArray
    lags: DoubleArray
    msd: DoubleArray
    cells: IntArray
    division_rate: float

    @property
    def directionality(self) -> DoubleArray:
        """Distance from first to last detection over the length of the way, 0 to 1."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.net / self.path)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers that stand in ``run.json``."""
        return {
            "frames": self.frames,
            "detections": self.detections,
            "tracks": len(self.track_frames),
            "divisions": self.divisions,
            "gaps_closed": self.gaps,
            "doubtful_links": self.doubtful,
            "median_speed": _median(self.speed),
            "median_cycle": _median(self.cycle),
            "division_rate": self.division_rate,
        }

    def warnings(self) -> tuple[str, ...]:
        """Return what a user should look at before trusting the tracks."""
        found = []
        links = self.detections - len(self.track_frames)
        if self.births > 0.1 * max(links, 1):
            found.append(
                f"{self.births:,} tracks begin inside the movie without a mother: cells are missed "
                "in many frames, or move too far between them."
            )
        if self.doubtful > 0.05 * max(links, 1):
            found.append(
                f"{self.doubtful:,} of {links:,} links are doubtful (probability below "
                f"{_DOUBTFUL}): the worst of them stand in tracks_doubtful.csv."
            )
        if (self.cells == 0).any():
            empty = int(np.count_nonzero(self.cells == 0))
            found.append(f"{empty} frame{'s are' if empty > 1 else ' is'} empty.")
        jump = np.abs(np.diff(self.cells)) > 0.5 * np.maximum(self.cells[:-1], 10)
        if jump.any():
            frame = int(np.flatnonzero(jump)[0])
            found.append(
                f"The number of objects jumps from {self.cells[frame]} to {self.cells[frame + 1]} "
                f"after frame {frame}: check the segmentation there."
            )
        return tuple(found)


def summarise(tracks: Tracks) -> TrackSummary:
    """Summarise tracks, each from one division (or merger) to the next."""
    tracklets = find_tracklets(tracks, cut=tracks.branches())
    source, target = tracks.edges.T
    interval = tracks.frame_interval or 1.0
    lasted = (tracklets.end - tracklets.begin).astype(np.int64)
    path = _paths(tracks, tracklets)
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = path / (lasted * interval)
    place = tracks.position_um
    net = np.linalg.norm(place[tracklets.last] - place[tracklets.first], axis=1)
    divisions = int(np.count_nonzero(tracks.out_degree() > 1))
    both = (tracklets.parent_counts() == 1) & (tracklets.child_counts() > 1)
    lags, msd = _mean_squared_displacement(tracks, tracklets)
    probability = tracks.edge_properties.get(PROBABILITY, np.ones(len(tracks.edges)))
    orphans = (tracklets.parent_counts() == 0) & (tracklets.begin > 0)
    lived = float(max(len(source), 1)) * interval
    return TrackSummary(
        detections=len(tracks),
        frames=tracks.frame_count,
        divisions=divisions,
        gaps=int(np.count_nonzero(tracks.frame[target] - tracks.frame[source] > 1)),
        doubtful=int(np.count_nonzero(probability < _DOUBTFUL)),
        births=int(np.count_nonzero(orphans)),
        track_frames=lasted + 1,
        speed=np.where(lasted > 0, speed, np.nan),
        net=np.where(lasted > 0, net, np.nan),
        path=np.where(lasted > 0, path, np.nan),
        cycle=(lasted[both] + 1) * interval,
        lags=lags,
        msd=msd,
        cells=np.diff(tracks.frame_offsets()),
        division_rate=divisions / lived,
    )


def _paths(tracks: Tracks, tracklets: Tracklets) -> DoubleArray:
    """Return the length of the way of each tracklet."""
    source, target = tracks.edges.T
    own = tracklets.of[source] == tracklets.of[target]
    place = tracks.position_um
    steps = np.linalg.norm(place[target[own]] - place[source[own]], axis=1)
    of = tracklets.of[source[own]]
    return np.bincount(of, weights=steps, minlength=len(tracklets)).astype(np.float64)


def _mean_squared_displacement(
    tracks: Tracks, tracklets: Tracklets
) -> tuple[DoubleArray, DoubleArray]:
    """Return time lags and the mean squared displacement at each, over all tracklets."""
    order = np.lexsort((tracks.frame, tracklets.of))
    place, frame, of = tracks.position_um[order], tracks.frame[order], tracklets.of[order]
    longest = min(_LONGEST_LAG, max(tracks.frame_count // 2, 1))
    sums, counts = np.zeros(longest + 1), np.zeros(longest + 1)
    for behind in range(1, min(longest, len(order) - 1) + 1):
        lag = frame[behind:] - frame[:-behind]
        usable = (of[behind:] == of[:-behind]) & (lag <= longest)
        squares = ((place[behind:] - place[:-behind])[usable] ** 2).sum(axis=1)
        sums += np.bincount(lag[usable], weights=squares, minlength=longest + 1)
        counts += np.bincount(lag[usable], minlength=longest + 1)
    seen = np.flatnonzero(counts)
    interval = np.float64(tracks.frame_interval or 1.0)
    return seen * interval, sums[seen] / counts[seen]


def _median(values: DoubleArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
