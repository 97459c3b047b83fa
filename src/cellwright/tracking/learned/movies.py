"""Movies with known links to learn from: simulated ones, and what is left of a movie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellwright._types import BoolArray, IntArray
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.tracking.detections import find_detections
from cellwright.tracking.formats.ctc import link_table
from cellwright.tracking.tracks import Tracks

_VOLUMES = 6  # one simulated movie in so many has volumes
_NUCLEI = (15, 120)  # in the first frame of a simulated movie, about
_STILL = 0.2  # share of simulated movies in which nothing divides


def simulated_tracks(seed: int) -> Tracks:
    """Return a simulated movie of a random kind, with its true links.

    How densely nuclei lie, how far they go, how long they keep their direction and how often they
    divide is drawn anew for every seed.
    """
    rng = np.random.default_rng([seed, 20])
    flat = seed % _VOLUMES != _VOLUMES - 1
    diameter = float(rng.uniform(12, 24) if flat else rng.uniform(10, 13))
    density = float(np.exp(rng.uniform(np.log(0.06), np.log(0.4 if flat else 0.2))))
    nuclei = np.exp(rng.uniform(*np.log(_NUCLEI)))
    if flat:
        side = int(diameter * np.sqrt(nuclei * np.pi / 4 / density))
        size: tuple[int, ...] = (min(side, 640),) * 2
    else:
        side = int(diameter * np.cbrt(0.5 * nuclei * np.pi / 6 / density))
        size = (min(side, 48), *(min(side, 96),) * 2)
    sample = NucleiSimulation(
        size=size,
        diameter=diameter,
        density=density,
        size_variation=float(rng.uniform(0.05, 0.25)),
        elongation=float(rng.uniform(0.1, 0.5)),
        brightness_variation=float(rng.uniform(0.1, 0.6)),
    )
    motion = Motion(
        frames=20 if flat else 10,
        speed=diameter * float(np.exp(rng.uniform(np.log(0.06), np.log(0.7)))),
        persistence=float(rng.uniform(0, 0.8)),
        cycle=np.inf if rng.random() < _STILL else float(np.exp(rng.uniform(2.5, 5.5))),
    )
    frames, labels, table = simulate_movie(sample, motion, seed)
    rows = np.stack([table[name] for name in ("label", "begin", "end", "parent")], axis=1)
    return link_table(find_detections(list(labels), list(frames)), rows, Path("simulation"))


def variants(truth: Tracks, seed: int) -> Iterator[Tracks]:
    """Yield a movie as it is, and what is left of it.

    Without intensities, without any features, with some detections missed, at uneven times, and
    every second and third frame of it; not where nothing is left.
    """
    rng = np.random.default_rng([seed, 21])
    yield truth
    yield some_features(truth, ("area", "axis_major_length", "axis_minor_length"))
    yield some_features(truth, ())
    seen = rng.random(len(truth)) >= rng.uniform(0.02, 0.12)
    if seen.any():
        yield some_detections(truth, seen)
    times = np.arange(truth.frame_count)
    for chosen in (times[rng.random(len(times)) < 0.6], times[::2], times[::3]):
        if len(chosen) > 2 and np.isin(truth.frame, chosen).any():
            yield some_frames(truth, chosen)


def some_features(tracks: Tracks, names: tuple[str, ...]) -> Tracks:
    """Return the same tracks, of which less is known: where they are cut off by the border, too."""
    names = (*names, "touches_border")
    known = {name: column for name, column in tracks.properties.items() if name in names}
    return replace(tracks, properties=known)


def some_frames(tracks: Tracks, chosen: IntArray) -> Tracks:
    """Return some of the frames, which are numbered anew."""
    rest = some_detections(tracks, np.isin(tracks.frame, chosen))
    number = np.searchsorted(chosen, rest.frame).astype(np.int32)
    return replace(rest, frame=number, frame_count=len(chosen))


def some_detections(tracks: Tracks, kept: BoolArray) -> Tracks:
    """Return some of the detections, each with one parent; links go over what is left out."""
    tracks = tracks.unshared()
    parent = np.full(len(tracks), -1)
    parent[tracks.edges[:, 1]] = tracks.edges[:, 0]
    before = parent.copy()
    while (lost := (before >= 0) & ~kept[before]).any():
        before[lost] = parent[before[lost]]
    rank = np.cumsum(kept) - 1
    linked = np.flatnonzero(kept & (before >= 0))
    return replace(
        tracks,
        frame=tracks.frame[kept],
        label=tracks.label[kept],
        position=tracks.position[kept],
        properties={name: column[kept] for name, column in tracks.properties.items()},
        edges=np.zeros((0, 2), np.int64),
        edge_properties={},
    ).with_edges(np.stack([rank[before[linked]], rank[linked]], axis=1))
