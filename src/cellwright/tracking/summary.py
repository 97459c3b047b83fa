"""How fast, how far and how straight cells go, and how often they divide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright._types import DoubleArray, IntArray, Table
from cellwright._words import by_place, counted
from cellwright.tracking.diffusion import displacements
from cellwright.tracking.frames import bounds, cut_off
from cellwright.tracking.lineage import find_cells
from cellwright.tracking.relation import are_unrelated
from cellwright.tracking.tracklets import Tracklets
from cellwright.tracking.tracks import PROBABILITY, Tracks, check_tracks

_DOUBTFUL = 0.7
_VANISHING = 0.3  # share of daughters, per division, that makes divisions hard to believe
_FEWEST_VANISHED = 3
_LISTED = 8  # empty frames


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What tracks say about the cells; K tracks, from one division to the next.

    Lengths are in µm and times in s where the movie says so, else in px and frames.

    Attributes
    ----------
    detections, links, frames, divisions, gaps, merges, doubtful, births, vanished : int
        `merges` are cells that are seen as one object with another for a while; `doubtful` links
        are less probable than 0.7; `births` are tracks that begin inside the movie without a
        mother; `vanished` are daughters that neither divide nor leave the field, and yet are gone
        before the end.
    track : array of int, shape (K,)
        Number of each track, in the table of detections that of its first part.
    track_begin, track_frames : array of int, shape (K,)
        First frame, and frames from there to the last detection of each.
    speed, net, path : array of float, shape (K,)
        Mean speed, distance from first to last detection, and length of the way; NaN for tracks
        of one detection.
    cycle : array of float
        Times from birth to division, of the tracks that have both.
    lags, msd : array of float
        Mean squared displacement at each time lag.
    msd_pairs : array of int
        Pairs of positions behind each.
    diffusion : float
        Diffusion coefficient, from the first four lags; NaN where it cannot be told, because
        tracks are too short, or squared displacements do not grow beyond the uncertainty of
        positions.
    diffusion_interval : tuple of float
        Its interval of 95 % confidence, from 0 at least; NaN where there are too few tracks.
    exponent : float
        Power of time that squared displacements grow with: 1 for free diffusion, 2 for straight
        ways, less than 1 for what is confined; NaN where tracks are too short.
    track_diffusion : array of float, shape (K,)
        Diffusion coefficient of each track; below 0 where the uncertainty of positions happens to
        hide it, so that their mean is right.
    cells : array of int, shape (T,)
        Detections of each frame.
    division_rate : float
        Divisions per cell and unit of time.
    unrelated : bool
        Whether cells are hardly nearer to those of the next frame than by chance.
    length_unit, time_unit : str
        ``"µm"`` or ``"px"``, and ``"s"`` or ``"frame"``.
    """

    detections: int
    links: int
    frames: int
    divisions: int
    gaps: int
    merges: int
    doubtful: int
    births: int
    vanished: int
    track: IntArray
    track_begin: IntArray
    track_frames: IntArray
    speed: DoubleArray
    net: DoubleArray
    path: DoubleArray
    cycle: DoubleArray
    lags: DoubleArray
    msd: DoubleArray
    msd_pairs: IntArray
    diffusion: float
    diffusion_interval: tuple[float, float]
    exponent: float
    track_diffusion: DoubleArray
    cells: IntArray
    division_rate: float
    unrelated: bool
    length_unit: str
    time_unit: str

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
            "links": self.links,
            "tracks": len(self.track_frames),
            "divisions": self.divisions,
            "gaps_closed": self.gaps,
            "merges": self.merges,
            "doubtful_links": self.doubtful,
            "median_speed": _median(self.speed),
            "diffusion": _known(self.diffusion),
            "diffusion_interval": [_known(one) for one in self.diffusion_interval],
            "msd_exponent": _known(self.exponent),
            "median_cycle": _median(self.cycle),
            "division_rate": self.division_rate,
            "length_unit": self.length_unit,
            "time_unit": self.time_unit,
        }

    def tables(self) -> tuple[Table, Table]:
        """Return one row per track, and one per time lag.

        Returns
        -------
        tracks : Table
            ``track``, ``begin`` (frame, from 0), ``frames``, ``speed_um_per_s``,
            ``displacement_um``, ``path_um``, ``directionality``, ``diffusion_um2_per_s``; where
            the units are not known, their names are px and frame.
        lags : Table
            ``lag_s``, ``msd_um2``, ``pairs``.
        """
        length, time = self.length_unit.replace("µ", "u"), self.time_unit
        tracks: Table = {
            "track": self.track,
            "begin": self.track_begin,
            "frames": self.track_frames,
            f"speed_{length}_per_{time}": self.speed,
            f"displacement_{length}": self.net,
            f"path_{length}": self.path,
            "directionality": self.directionality,
            f"diffusion_{length}2_per_{time}": self.track_diffusion,
        }
        return tracks, {
            f"lag_{time}": self.lags,
            f"msd_{length}2": self.msd,
            "pairs": self.msd_pairs,
        }

    def warnings(self) -> tuple[str, ...]:
        """Return what a user should look at before trusting the tracks."""
        found = []
        if self.unrelated:
            found.append(
                "The frames have hardly anything in common: objects are no nearer to those of the "
                "next frame than by chance. Are these pictures of one movie, in their order? If "
                "they are, objects move as far between frames as they lie apart, and links are "
                "guesses: take pictures more often."
            )
        if self.births > 0.1 * max(self.links, 1):
            found.append(
                f"{self.births:,} tracks begin inside the movie without a mother: cells are missed "
                "in many frames, or move too far between them."
            )
        if self.vanished >= max(_FEWEST_VANISHED, _VANISHING * self.divisions):
            grown = int(self.cells[-1]) - int(self.cells[0])
            found.append(
                f"Divisions look invented: {counted(self.divisions, 'division')} in "
                f"{counted(self.frames, 'frame')}, while the number of objects went from "
                f"{self.cells[0]:,} to {self.cells[-1]:,} ({grown:+,}), and "
                f"{counted(self.vanished, 'daughter')} vanished inside the field. The "
                "segmentation probably cuts objects into pieces now and then; mend that, or use "
                f"{by_place('--no-divisions', 'divisions=False')} where cells do not divide."
            )
        if self.doubtful > 0.05 * max(self.links, 1):
            found.append(
                f"{self.doubtful:,} of {self.links:,} links are doubtful (probability below "
                f"{_DOUBTFUL}): the worst of them stand in tracks_doubtful.csv."
            )
        if (self.cells == 0).any():
            found.append(_empty(np.flatnonzero(self.cells == 0).tolist()))
        filled = (self.cells[:-1] > 0) & (self.cells[1:] > 0)
        jump = filled & (np.abs(np.diff(self.cells)) > 0.5 * np.maximum(self.cells[:-1], 10))
        if jump.any():
            frame = int(np.flatnonzero(jump)[0])
            found.append(
                f"The number of objects jumps from {self.cells[frame]} to {self.cells[frame + 1]} "
                f"after frame {frame}: check the segmentation there."
            )
        return tuple(found)


def summarise(tracks: Tracks) -> TrackSummary:
    """Summarise tracks, each from one division (or merger) to the next."""
    check_tracks(tracks, "tracks")
    shared, tracks = tracks, tracks.unshared()
    gaps = np.count_nonzero(shared.frame[shared.edges[:, 1]] - shared.frame[shared.edges[:, 0]] > 1)
    merges = np.count_nonzero(shared.shared_links() & (shared.in_degree()[shared.edges[:, 1]] > 1))
    tracklets, numbers = find_cells(tracks)
    interval = tracks.frame_interval or 1.0
    lasted = (tracklets.end - tracklets.begin).astype(np.int64)
    path = _paths(tracks, tracklets)
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = path / (lasted * interval)
    place = tracks.position_um
    net = np.linalg.norm(place[tracklets.last] - place[tracklets.first], axis=1)
    divisions = int(np.count_nonzero(tracks.divides()))
    both = (tracklets.parent_counts() == 1) & (tracklets.child_counts() > 1)
    moved = displacements(tracks, tracklets)
    low, high = (float(np.maximum(one, 0.0)) / interval for one in moved.interval)
    probability = tracks.edge_properties.get(PROBABILITY, np.ones(len(tracks.edges)))
    orphans = (tracklets.parent_counts() == 0) & (tracklets.begin > 0)
    lived = float(max(len(tracks.edges), 1)) * interval
    return TrackSummary(
        detections=len(tracks),
        links=len(tracks.edges),
        frames=tracks.frame_count,
        divisions=divisions,
        gaps=int(gaps),
        merges=int(merges),
        doubtful=int(np.count_nonzero(probability < _DOUBTFUL)),
        births=int(np.count_nonzero(orphans)),
        vanished=_vanished(tracks, tracklets, np.nanmedian(path / np.maximum(lasted, 1))),
        track=numbers,
        track_begin=tracklets.begin.astype(np.int64),
        track_frames=lasted + 1,
        speed=np.where(lasted > 0, speed, np.nan),
        net=np.where(lasted > 0, net, np.nan),
        path=np.where(lasted > 0, path, np.nan),
        cycle=(lasted[both] + 1) * interval,
        lags=np.asarray(moved.lags * interval, np.float64),
        msd=moved.squares,
        msd_pairs=moved.pairs,
        diffusion=moved.coefficient / interval if moved.coefficient > 0 else float("nan"),
        diffusion_interval=(low, high),
        exponent=moved.exponent,
        track_diffusion=moved.coefficients / interval,
        cells=np.diff(tracks.frame_offsets()),
        division_rate=divisions / lived,
        unrelated=are_unrelated(tracks),
        length_unit="px" if tracks.pixel_size is None else "µm",
        time_unit="frame" if tracks.frame_interval is None else "s",
    )


def _empty(frames: list[int]) -> str:
    """Say which frames are empty, as far as there are not too many to list."""
    if len(frames) == 1:
        return f"Frame {frames[0]} (counted from 0) is empty."
    listed = ", ".join(map(str, frames[:_LISTED])) + (" …" if len(frames) > _LISTED else "")
    return f"{len(frames):,} frames are empty: {listed} (counted from 0)."


def _vanished(tracks: Tracks, tracklets: Tracklets, step: float) -> int:
    """Count daughters that are gone before the end, though not at the border of the field.

    Where the next frame is empty, nobody can be there.
    """
    children = tracklets.child_counts()
    parents = tracklets.parents()
    daughter = (parents >= 0) & (children[parents] > 1)
    followed = np.append(np.diff(tracks.frame_offsets())[1:] > 0, False)
    gone = np.flatnonzero(daughter & (children == 0) & followed[tracklets.end])
    last = tracklets.last[gone]
    place = tracks.position_um
    low, high = bounds(place)
    thick = high > low  # a single plane has no upper and lower border
    border = np.minimum(place[last] - low, high - place[last])[:, thick].min(axis=1, initial=np.inf)
    return int(np.count_nonzero((border > 2 * step) & ~cut_off(tracks)[last]))


def _paths(tracks: Tracks, tracklets: Tracklets) -> DoubleArray:
    """Return the length of the way of each tracklet."""
    source, target = tracks.edges.T
    own = tracklets.of[source] == tracklets.of[target]
    source, target = source[own], target[own]
    squares = np.zeros(len(source))
    for axis in tracks.position_um.T:  # one after the other, which needs less memory
        squares += (axis[target] - axis[source]) ** 2
    steps = np.sqrt(squares)
    return np.bincount(tracklets.of[source], steps, len(tracklets)).astype(np.float64)


def _median(values: DoubleArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
