"""Movies with known links, and what is left of them without frames, detections or features."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray, Table
from cellwright.simulation.movies import Motion, merge_touching, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.tracking.detections import find_detections
from cellwright.tracking.formats.ctc import open_ctc
from cellwright.tracking.tracks import Tracks, make_tracks

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CELLWRIGHT_DATA", ROOT / ".." / "shared" / "data"))
REAL = {
    "ctc_sim_ilastik": ("ctc_sim_ilastik", "01"),
    "ctc_gowt1_02_sparse": ("ctc_gowt1_02_sparse", "02"),
}
MOVIES = {
    "slow": (NucleiSimulation(size=(384, 384), diameter=18, density=0.15), Motion(30, 2, 0.6, 25)),
    "fast": (NucleiSimulation(size=(384, 384), diameter=18, density=0.15), Motion(30, 6, 0.6, 25)),
    "crowded": (
        NucleiSimulation(size=(320, 320), diameter=16, density=0.35),
        Motion(25, 4, 0.4, 25),
    ),
    "few divisions": (
        NucleiSimulation(size=(384, 384), diameter=18, density=0.2),
        Motion(40, 4, 0.5, 80),
    ),
    "very fast": (
        NucleiSimulation(size=(384, 384), diameter=16, density=0.12),
        Motion(25, 10, 0.6, 25),
    ),
}


@dataclass(frozen=True)
class Case:
    """Detections and their true links."""

    detections: Tracks
    links: IntArray

    def steps(self) -> DoubleArray:
        """Return the true displacements."""
        places = self.detections.position
        return np.asarray(
            np.linalg.norm(places[self.links[:, 1]] - places[self.links[:, 0]], axis=1)
        )

    def where(self, kept: BoolArray, every: int = 1) -> Case:
        """Return some detections, of every so many frames; links go over what is left out."""
        parent = np.full(len(kept), -1)
        parent[self.links[:, 1]] = self.links[:, 0]
        rank = np.cumsum(kept) - 1
        links = []
        for row in np.flatnonzero(kept):
            before = parent[row]
            while before >= 0 and not kept[before]:
                before = parent[before]
            if before >= 0:
                links.append((rank[before], rank[row]))
        whole = self.detections
        rest = make_tracks(
            whole.frame[kept] // every,
            whole.position[kept],
            label=whole.label[kept],
            properties={name: column[kept] for name, column in whole.properties.items()},
        )
        return Case(rest, np.array(links))

    def every(self, step: int) -> Case:
        """Return every second, third … frame."""
        return self.where(self.detections.frame % step == 0, step)

    def bare(self) -> Case:
        """Return the positions alone."""
        return Case(replace(self.detections, properties={}), self.links)

    def thinned(self, share: float, seed: int = 0) -> Case:
        """Lose a share of the detections."""
        rng = np.random.default_rng(seed)
        return self.where(rng.random(len(self.detections)) >= share)

    def late(self, share: float, seed: int = 0) -> Case:
        """Lose one daughter of a share of the divisions for a frame or two."""
        rng = np.random.default_rng(seed)
        children: dict[int, list[int]] = {}
        for source, target in self.links.tolist():
            children.setdefault(source, []).append(target)
        kept = np.ones(len(self.detections), bool)
        for pair in children.values():
            if len(pair) < 2 or rng.random() >= share:
                continue
            row = pair[rng.integers(2)]
            for _ in range(rng.integers(1, 3)):
                kept[row] = False
                if len(children.get(row, ())) != 1:
                    break
                row = children[row][0]
        return self.where(kept)


def by_label(detections: Tracks, parents: dict[int, int]) -> Case:
    """Return the truth of detections whose labels name tracks."""
    last: dict[int, int] = {}
    links = []
    for row, label in enumerate(detections.label.tolist()):
        before = last.get(label, last.get(parents.get(label, 0)))
        if before is not None:
            links.append((before, row))
        last[label] = row
    return Case(detections, np.array(links))


def simulated(sample: NucleiSimulation, motion: Motion, seed: int) -> Case:
    """Return a simulated movie, with intensities."""
    frames, labels, table = simulate_movie(sample, motion, seed)
    return by_label(find_detections(list(labels), list(frames)), parents_of(table))


def parents_of(table: Table) -> dict[int, int]:
    """Return the mother of each track of a simulated movie, 0 where there is none."""
    return dict(zip(table["label"].tolist(), table["parent"].tolist(), strict=True))


@dataclass(frozen=True)
class MergedCase:
    """A movie in which two cells are seen as one object now and then, and the truth about it.

    `case` has a link for each cell, so that two lead into and out of such an object; `holds` says
    which detections hold two cells; `passages` are the last sight of a cell before, and the first
    one after it shared an object.
    """

    case: Case
    holds: BoolArray
    passages: IntArray


def with_merged(
    sample: NucleiSimulation, motion: Motion, share: float, longest: int, seed: int
) -> MergedCase:
    """Return a simulated movie some of whose touching nuclei are seen as one; see `simulated`."""
    frames, labels, table = simulate_movie(sample, motion, seed)
    merged, hidden = merge_touching(labels, share, longest, seed)
    detections = find_detections(list(merged), list(frames))
    parents = parents_of(table)
    guests: dict[tuple[int, int], int] = {
        (frame, label): cell
        for frame, label, cell in zip(*(column.tolist() for column in hidden.values()), strict=True)
    }
    last: dict[int, int] = {}
    apart: dict[int, int] = {}
    links: set[tuple[int, int]] = set()
    passages = []
    holds = np.zeros(len(detections), bool)
    names = zip(detections.frame.tolist(), detections.label.tolist(), strict=True)
    for row, name in enumerate(names):
        cells = [name[1], *([guests[name]] if name in guests else [])]
        holds[row] = len(cells) > 1
        for cell in cells:
            before = last.get(cell, last.get(parents.get(cell, 0)))
            if before is not None:
                links.add((before, row))
                if holds[before] and not holds[row] and cell in apart:
                    passages.append((apart[cell], row))
            if not holds[row]:
                apart[cell] = row
        last |= dict.fromkeys(cells, row)
    case = Case(detections, np.array(sorted(links)))
    return MergedCase(case, holds, np.array(passages, np.int64).reshape(-1, 2))


def real() -> Iterator[tuple[str, Case]]:
    """Yield the real movies that are at hand: truth of the Cell Tracking Challenge."""
    for name, (folder, sequence) in REAL.items():
        home = DATA / folder / f"{sequence}_GT"
        if home.is_dir():
            files = open_ctc(home)
            parents = {int(row[0]): int(row[3]) for row in files.table}
            yield name, by_label(find_detections(files.frames()), parents)


def points(count: int, frames: int, dimensions: int, seed: int) -> Case:
    """Return points at unit density that wander, divide, end and are missed now and then."""
    rng = np.random.default_rng(seed)
    side = count ** (1 / dimensions)
    lattice = np.meshgrid(*[np.arange(np.ceil(side))] * dimensions)
    place = np.stack([axis.ravel() for axis in lattice], axis=1)[:count]
    place = place + rng.uniform(-0.3, 0.3, place.shape)
    name = np.arange(len(place))
    parent = np.full(len(place), -1)
    rows: list[tuple[IntArray, DoubleArray, IntArray]] = []
    for _ in range(frames):
        seen = rng.random(len(place)) > 0.01
        rows.append((name[seen], place[seen], parent[seen]))
        alive = rng.random(len(place)) > 0.002
        place, name, parent = place[alive], name[alive], parent[alive]
        divides = rng.random(len(place)) < 0.003
        way = rng.normal(0, 1, (int(divides.sum()), dimensions))
        way *= 0.25 / np.linalg.norm(way, axis=1, keepdims=True)
        first = int(max(one[0].max() for one in rows)) + count
        born = first + np.arange(2 * len(way))
        mothers = place[divides]
        place = np.concatenate([place[~divides], mothers + way, mothers - way])
        parent = np.concatenate([parent[~divides], np.tile(name[divides], 2)])
        name = np.concatenate([name[~divides], born])
        place = place + rng.normal(0, 0.15, place.shape)
    return _numbered(rows)


FLOWS: dict[str, Callable[[DoubleArray], DoubleArray]] = {
    "turns": lambda place: np.stack([-place[:, 1], place[:, 0]], axis=1),
    "grows": lambda place: place,
    "shears": lambda place: np.stack([np.zeros(len(place)), np.sin(np.pi * place[:, 0])], axis=1),
    "streams": lambda place: np.stack(
        [np.zeros(len(place)), np.exp(-((3 * place[:, 0]) ** 2))], axis=1
    ),
    "whirls": lambda place: np.stack(
        [
            np.sin(np.pi * place[:, 1]) * np.cos(np.pi * place[:, 0]),
            -np.cos(np.pi * place[:, 1]) * np.sin(np.pi * place[:, 0]),
        ],
        axis=1,
    ),
}
"""How far tissue streams, by places from -1 to 1 along each axis; the greatest is 1 or so."""


def flowing(kind: str, speed: float, frames: int, seed: int, count: int = 900) -> Case:
    """Return points about 1 apart that a field carries along, and that wander by 0.12 a frame.

    `speed` is how far the field goes between two frames where it is fastest.
    """
    rng = np.random.default_rng(seed)
    side = np.sqrt(count)
    place = rng.uniform(0, side, (count, 2))
    for _ in range(15):  # cells keep their distance
        between = place[:, None] - place
        apart = np.linalg.norm(between, axis=2) + 9 * np.eye(count)
        push = 0.3 * np.maximum(0.9 - apart, 0) / apart
        place = place + (push[..., None] * between).sum(axis=1)
    rows = []
    for _ in range(frames):
        order = rng.permutation(count)
        rows.append((order, place[order], np.full(count, -1)))
        place = place + speed * FLOWS[kind](2 * place / side - 1)
        place = place + rng.normal(0, 0.12, place.shape)
    return _numbered(rows)


def stuck(speed: float, persistence: float, frames: int, seed: int) -> Case:
    """Return 100 points 40 apart that quiver by 0.1, and 10 that move among them.

    `speed` is how far these go in a frame, `persistence` how much of a step is as that before.
    """
    rng = np.random.default_rng(seed)
    still = 40.0 * np.indices((10, 10)).reshape(2, -1).T + rng.uniform(-6, 6, (100, 2))
    place = rng.uniform(100, 300, (10, 2))
    way = speed * _directions(rng, 10)
    rows = []
    for _ in range(frames):
        here = np.concatenate([still + rng.normal(0, 0.1, still.shape), place])
        seen = rng.permutation(np.flatnonzero(((here > -20) & (here < 380)).all(axis=1)))
        rows.append((seen, here[seen], np.full(len(seen), -1)))
        place = place + persistence * way + (1 - persistence) * speed * _directions(rng, 10)
    return _numbered(rows)


def mixed(share: float, speed: float, straight: bool, frames: int, seed: int) -> Case:
    """Return 400 points about 1 apart that quiver by 0.03, of which a share moves.

    `speed` is how far these go in a frame, `straight` whether always the same way.
    """
    rng = np.random.default_rng(seed)
    place = np.indices((20, 20)).reshape(2, -1).T + rng.uniform(-0.3, 0.3, (400, 2))
    moving = rng.random(400) < share
    way = _directions(rng, 400)
    rows = []
    for _ in range(frames):
        seen = rng.permutation(400)
        rows.append((seen, place[seen], np.full(400, -1)))
        if not straight:
            way = _directions(rng, 400)
        place = place + rng.normal(0, 0.03, place.shape) + speed * moving[:, None] * way
    return _numbered(rows)


def _directions(rng: np.random.Generator, count: int) -> DoubleArray:
    way = rng.normal(size=(count, 2))
    return np.asarray(way / np.linalg.norm(way, axis=1, keepdims=True))


def _numbered(rows: list[tuple[IntArray, DoubleArray, IntArray]]) -> Case:
    frame = np.concatenate([np.full(len(one[0]), t) for t, one in enumerate(rows)])
    name, place, parent = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.lexsort((frame, name))
    same = name[order[1:]] == name[order[:-1]]
    links = np.stack([order[:-1][same], order[1:][same]], axis=1)
    firsts = order[np.concatenate([[True], ~same])]
    lasts = dict(zip(name[order].tolist(), order.tolist(), strict=True))
    births = [
        (lasts[parent[row]], row) for row in firsts.tolist() if parent[row] in lasts
    ]  # of a mother that was ever seen
    links = np.concatenate([links, np.array(births, np.int64).reshape(-1, 2)])
    return Case(make_tracks(frame, place), links)
