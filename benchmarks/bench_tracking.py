"""How right and how fast linking is, beside laptrack and trackpy on the same detections.

Ours: ``python benchmarks/bench_tracking.py [--counts 1000 10000 100000]``. Peers, from an
environment that has them: ``--peer-python .venv-peers-tracking/bin/python`` (or
``CELLWRIGHT_PEERS_TRACKING``); they get twice the 99.5th percentile of the true steps as their
radius, ours gets nothing. CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._types import DoubleArray, IntArray
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.tracking.detections import find_detections
from cellwright.tracking.formats.ctc import open_ctc
from cellwright.tracking.link import link
from cellwright.tracking.tracks import Tracks, make_tracks

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CELLWRIGHT_DATA", ROOT / ".." / "shared" / "data"))
PEERS = Path(__file__).parent / "peers" / "tracking.py"
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
        return np.linalg.norm(places[self.links[:, 1]] - places[self.links[:, 0]], axis=1)


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
    parents = dict(zip(table["label"].tolist(), table["parent"].tolist(), strict=True))
    return by_label(find_detections(list(labels), list(frames)), parents)


def challenge(folder: Path) -> Case:
    """Return a true movie of the Cell Tracking Challenge."""
    files = open_ctc(folder)
    parents = {int(row[0]): int(row[3]) for row in files.table}
    return by_label(find_detections(files.frames()), parents)


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


def scores(case: Case, found: IntArray) -> dict[str, float]:
    """Return LNK and the F1 of links and of divisions (mother and both daughters)."""
    truth, result = set(map(tuple, case.links.tolist())), set(map(tuple, found.tolist()))
    missed, wrong = len(truth - result), len(result - truth)
    true_divisions, divisions = _divisions(truth), _divisions(result)
    right = len(true_divisions & divisions)
    return {
        "LNK": 1 - (1.5 * missed + wrong) / (1.5 * len(truth)),
        "links F1": 2 * (len(truth) - missed) / (len(truth) + len(result)),
        "divisions": len(true_divisions),
        "division F1": 2 * right / max(len(true_divisions) + len(divisions), 1),
    }


def _divisions(links: set[tuple[int, int]]) -> set[tuple[int, ...]]:
    daughters: dict[int, list[int]] = {}
    for source, target in sorted(links):
        daughters.setdefault(source, []).append(target)
    return {(mother, *both) for mother, both in daughters.items() if len(both) > 1}


def run_ours(case: Case) -> tuple[dict[str, float], float]:
    start = time.process_time()
    linked = link(case.detections)
    return scores(case, linked.edges), time.process_time() - start


def run_peer(python: str, tracker: str, case: Case) -> tuple[dict[str, float], float]:
    """Run a peer in its own environment, on the same points."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "points.npz"
        radius = 2 * float(np.quantile(case.steps(), 0.995))
        np.savez(
            given, frame=case.detections.frame, position=case.detections.position, radius=radius
        )
        answer = Path(folder) / "links.npz"
        subprocess.run([python, str(PEERS), tracker, str(given), str(answer)], check=True)
        with np.load(answer) as content:
            return scores(case, content["links"]), float(content["seconds"])


def cases(counts: list[int]) -> dict[str, Case]:
    chosen = {}
    for name, (folder, files) in {
        "ctc_sim_ilastik": ("ctc_sim_ilastik", "01_GT"),
        "ctc_gowt1_02_sparse": ("ctc_gowt1_02_sparse", "02_GT"),
    }.items():
        if (DATA / folder).is_dir():
            chosen[name] = challenge(DATA / folder / files)
    for name, (sample, motion) in MOVIES.items():
        chosen[name] = simulated(sample, motion, seed=11)
    for count in counts:
        for dimensions in (2, 3):
            chosen[f"points {dimensions}D, {count:,} a frame"] = points(count, 10, dimensions, 5)
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--peer-python", default=os.environ.get("CELLWRIGHT_PEERS_TRACKING"))
    parser.add_argument("--peer-limit", type=int, default=60_000, help="detections for peers")
    arguments = parser.parse_args()
    run_ours(points(500, 4, 2, 0))  # compiles
    for name, case in cases(arguments.counts).items():
        count = len(case.detections)
        results = {"cellwright": run_ours(case)}
        if arguments.peer_python and count <= arguments.peer_limit:
            for tracker in ("trackpy", "laptrack"):
                results[tracker] = run_peer(arguments.peer_python, tracker, case)
        for tracker, (score, seconds) in results.items():
            row = {key: round(value, 4) for key, value in score.items()}
            row |= {"seconds": round(seconds, 2), "detections/s": round(count / seconds)}
            print(f"{name:28s} {tracker:10s} {json.dumps(row)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
