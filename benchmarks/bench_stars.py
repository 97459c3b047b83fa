"""Stars beside StarDist: which of the same candidates survive, and objects from the same maps.

    python benchmarks/bench_stars.py [--side 1024] [--volume 24 96 96] [--density 0.2]
                                     [--overlap 0.4] [--rounds 3]

CPU seconds of one thread, in turn, StarDist in a process of its own. The candidates are all pixels
with a probability of at least 0.4, as StarDist proposes them, with the true outlines of simulated
nuclei and errors of 5 % in each distance; ours draws their pixels and suppresses, StarDist is timed
in its C++ function alone. Decoding is ours only, from maps with the same errors.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _common import MEGAPIXEL, Parts, describe_machine, in_turn, simulated_field
from peers.workers import STARDIST, Worker

from cellwright._types import FloatArray, IntArray, LabelArray
from cellwright.methods.distance import depth
from cellwright.methods.stars import geometry, shapes
from cellwright.methods.stars.rays import star
from cellwright.methods.stars.readout import StarsReadout
from cellwright.methods.stars.suppression import rounds_of
from cellwright.simulation.nuclei import NucleiSimulation, simulate_volume

LARGEST = 32.0  # px; nothing in the simulated images has a greater diameter
LEAST = 0.4  # probability of a candidate
DISTANCE_ERROR, PROBABILITY_ERROR = 0.05, 0.02  # standard deviations: relative, absolute
GOALS = {2: 5, 3: 3}  # times as fast as StarDist
DECODE_GOAL = 40  # ms per megapixel


@dataclass(frozen=True)
class Candidates:
    """Shapes that propose themselves, the best first.

    Parameters
    ----------
    readout : StarsReadout
    centres : ndarray, shape (N, 3), int64
    scores : ndarray, shape (N,), float32
    distances : ndarray, shape (N, R), float32
        In px.
    dimensions : int
    """

    readout: StarsReadout
    centres: IntArray
    scores: FloatArray
    distances: FloatArray
    dimensions: int

    def save(self, path: Path) -> Path:
        """Write them where a worker can load them, and return the path."""
        directions, facets = star(self.dimensions, self.readout.rays, self.readout.anisotropy)
        np.savez(
            path,
            centres=self.centres[:, 3 - self.dimensions :],
            scores=self.scores,
            distances=self.distances,
            directions=directions,
            facets=facets,
        )
        return path

    def survivors(self, overlap: float) -> IntArray:
        """Return the numbers of those that our suppression keeps."""
        directions, facets = star(self.dimensions, self.readout.rays, self.readout.anisotropy)
        runs, first = shapes.runs_of(self.distances, directions, facets, self.readout.longest)
        return np.flatnonzero(rounds_of(runs, first, self.centres, overlap) > 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--volume", type=int, nargs=3, default=[24, 96, 96])
    parser.add_argument("--density", type=float, default=0.2)
    parser.add_argument("--overlap", type=float, default=0.4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    print(describe_machine(("numpy", "numba")))
    field = simulated_field(options.side, options.density)
    settings = NucleiSimulation(
        size=tuple(options.volume), diameter=16.0, density=options.density, plane_spacing=1.0
    )
    volume = simulate_volume(settings, seed=0)[1]
    cases = {
        str(field): (field.labels, StarsReadout.suited_to(2, LARGEST)),
        f"{options.volume} px, {volume.max()} simulated nuclei": (
            volume,
            StarsReadout.suited_to(3, LARGEST),
        ),
    }
    with tempfile.TemporaryDirectory() as folder, Worker.of(STARDIST) as stardist:
        for name, (labels, readout) in cases.items():
            print(f"\n{name}")
            maps = noisy_maps(labels, readout)
            _compare_suppression(
                candidates_in(maps, readout), options.overlap, options.rounds, stardist, folder
            )
            _time_decoding(maps, readout, options.rounds)


def noisy_maps(labels: LabelArray, readout: StarsReadout) -> FloatArray:
    """Return the true maps (1 + R, [Z,] Y, X) with errors."""
    rng = np.random.default_rng(0)
    volume = np.ascontiguousarray(labels if labels.ndim == 3 else labels[None])
    directions, _ = star(labels.ndim, readout.rays, readout.anisotropy)
    probability = depth(volume, readout.anisotropy).astype(np.float64)
    probability = 0.05 + 0.85 * probability + rng.normal(0, PROBABILITY_ERROR, volume.shape)
    probability = probability.clip(1e-3, 1 - 1e-3)
    distances = geometry.distances_along(volume, directions)
    distances *= rng.normal(1, DISTANCE_ERROR, distances.shape) / readout.unit
    logits = np.log(probability / (1 - probability))
    maps: FloatArray = np.concatenate([logits[None], distances]).astype(np.float32)
    return maps.reshape(-1, *labels.shape)


def candidates_in(maps: FloatArray, readout: StarsReadout) -> Candidates:
    """Return the shapes of all pixels whose probability is high enough."""
    volume = maps if maps.ndim == 4 else maps[:, None]
    centres = np.argwhere(volume[0] >= np.log(LEAST / (1 - LEAST)))
    scores = volume[(0, *centres.T)]
    best_first = np.argsort(-scores, kind="stable")
    centres = centres[best_first]
    told = volume[(slice(1, None), *centres.T)].T * np.float32(readout.unit)
    distances = np.ascontiguousarray(told.clip(1, readout.longest))
    return Candidates(readout, centres, scores[best_first], distances, maps.ndim - 1)


def _compare_suppression(
    candidates: Candidates, overlap: float, rounds: int, stardist: Worker, folder: str
) -> None:
    path, out = candidates.save(Path(folder) / "candidates.npz"), Path(folder) / "kept.npy"
    cases: dict[str, Callable[[], Parts]] = {
        "ours": partial(_timed, candidates.survivors, overlap),
        "StarDist": partial(
            stardist, "suppress", candidates=str(path), overlap=overlap, out=str(out)
        ),
    }
    _, usual = in_turn(cases, rounds)
    seconds = {name: parts["seconds"] for name, parts in usual.items()}
    ours, theirs = candidates.survivors(overlap), np.load(out)
    both = len(np.intersect1d(ours, theirs))
    print(f"Of {len(candidates.centres)} candidates ours keeps {len(ours)}, StarDist {len(theirs)}")
    print(f"  the same: {both}, {2 * both / (len(ours) + len(theirs)):.2%}")
    for name, taken in seconds.items():
        print(f"  {name}: {taken:.3f} s")
    ratio, goal = seconds["StarDist"] / seconds["ours"], GOALS[candidates.dimensions]
    print(f"  {ratio:.1f} times as fast as StarDist, goal {goal}")


def _time_decoding(maps: FloatArray, readout: StarsReadout, rounds: int) -> None:
    _, usual = in_turn({"ours": partial(_timed, readout.decode, maps)}, rounds)
    taken = 1000 * usual["ours"]["seconds"] / (maps[0].size / MEGAPIXEL)
    print(f"Decoding: {taken:.0f} ms per megapixel, goal {DECODE_GOAL} for planes")


def _timed(task: Callable[..., Any], *arguments: Any) -> Parts:
    start = time.process_time()
    task(*arguments)
    return {"seconds": time.process_time() - start}


if __name__ == "__main__":
    main()
