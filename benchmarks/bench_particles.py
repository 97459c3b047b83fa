"""How right particles are followed, beside laptrack and trackpy on the same spots.

``python benchmarks/bench_particles.py`` simulates movies of particles (those that wander like
vesicles, run like the tips of microtubules, do both by turns like receptors, and these in volumes),
finds their spots, and prints the scores of the particle tracking challenge.

Peers, from an environment that has them: ``--peer-python .venv-peers-tracking/bin/python`` (or
``CELLWRIGHT_PEERS_TRACKING``). They get the radius, in parts of the 99th percentile of the true
steps, that scores best for that kind of particle in another movie; ours gets nothing. CPU seconds
of one thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from cellwright._types import DoubleArray, Table
from cellwright.images.image import Image
from cellwright.models.spots import SpotSettings, detect_spots_in
from cellwright.simulation.particles import ParticleMotion, ParticleSimulation, simulate_particles
from cellwright.tracking.detections import collect
from cellwright.tracking.link import link
from cellwright.tracking.metrics.particles import particle_scores
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracks import Tracks, make_tracks

PEERS = Path(__file__).parent / "peers" / "particles.py"
PEER_NAMES = ("laptrack", "trackpy", "trackpy, velocities")
SEED, TUNING_SEED = 101, 1
FACTORS = (1.0, 1.5, 2.0)
SPOTS = SpotSettings(4.0)
_ALIKE = {"life": 25.0, "blink": 0.02}
KINDS = {
    "vesicles": ParticleMotion(wander=2.0, **_ALIKE),
    "microtubules": ParticleMotion(speed=5.0, turn=0.3, start=1.0, stop=0.0, **_ALIKE),
    "receptors": ParticleMotion(1.0, 4.0, 0.3, start=0.1, stop=0.1, **_ALIKE),
    "viruses": ParticleMotion(1.0, 3.0, 0.3, start=0.1, stop=0.1, **_ALIKE),
}
PLANE, VOLUME = (256, 256), (16, 128, 128)
CASES = [
    (kind, count, snr)
    for kind in KINDS
    for count, snr in ((40, 4.0), (125, 3.0), (125, 7.0), (250, 4.0))
]


@dataclass(frozen=True)
class Case:
    """A movie's spots, and the true tracks."""

    spots: Tracks
    truth: Tracks

    def radius(self) -> float:
        """Return the 99th percentile of the true steps, in px."""
        ends = self.truth.position[self.truth.edges]
        return float(np.quantile(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), 0.99))


def make_case(kind: str, count: int, snr: float, seed: int) -> Case:
    """Simulate a movie, and find its spots."""
    size = VOLUME if kind == "viruses" else PLANE
    settings = ParticleSimulation(size, 50, count, snr, KINDS[kind])
    frames, truth = simulate_particles(settings, seed)
    tables: list[Table] = []
    for number, frame in enumerate(frames):
        found = detect_spots_in(Image(frame, "ZYX"[-frame.ndim :]), SPOTS).table
        kept = {
            name: column
            for name, column in found.items()
            if name in ("label", "intensity") or name.startswith("centroid")
        }
        tables.append({"frame": np.full(len(kept["label"]), number), **kept})
    return Case(collect(tables), true_tracks(truth))


def true_tracks(truth: Table) -> Tracks:
    """Return the tracks that were simulated, with the frames in which a particle is dark."""
    places = np.stack([truth[axis] for axis in "zyx" if axis in truth], axis=1)
    same = np.flatnonzero(truth["particle"][1:] == truth["particle"][:-1])
    return make_tracks(truth["frame"], places, np.stack([same, same + 1], axis=1))


def run_peers(python: str, case: Case, radii: list[float]) -> dict[str, list[tuple[Tracks, float]]]:
    """Return what each peer makes of it with each radius, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "points.npz", Path(folder) / "links.npz"
        spots = case.spots
        np.savez(given, frame=spots.frame, position=spots.position, radii=np.array(radii))
        subprocess.run([python, str(PEERS), str(given), str(answer)], check=True)
        with np.load(answer) as content:
            return {
                name: [
                    (
                        spots.with_edges(content[f"{name}|{number}|links"]),
                        float(content[f"{name}|{number}|seconds"]),
                    )
                    for number in range(len(radii))
                ]
                for name in PEER_NAMES
            }


def tuned(python: str, kind: str) -> dict[str, float]:
    """Return the best factor for the radius of each peer, by alpha."""
    case = make_case(kind, 125, 4.0, TUNING_SEED)
    found = run_peers(python, case, [factor * case.radius() for factor in FACTORS])
    best = {}
    for name, results in found.items():
        alphas = [particle_scores(case.truth, tracks).alpha for tracks, _ in results]
        best[name] = FACTORS[int(np.argmax(alphas))]
    print(f"# {kind}: radius in parts of the 99th percentile of steps: {best}", flush=True)
    return best


def scores(case: Case, tracks: Tracks) -> DoubleArray:
    """Return alpha, beta, JSC, JSC of tracks, and RMSE in px."""
    return np.array(astuple(particle_scores(case.truth, tracks)))


def run_ours(case: Case, motion: str) -> tuple[Tracks, float]:
    start = time.process_time()
    linked = link(case.spots, LinkOptions(divisions=False, motion=motion))
    return linked, time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--peer-python", default=os.environ.get("CELLWRIGHT_PEERS_TRACKING"))
    arguments = parser.parse_args()
    for dimensions in (2, 3):  # compiles
        few = make_tracks([0, 0, 1, 1], np.arange(4 * dimensions).reshape(4, dimensions))
        link(few, LinkOptions(motion="switching"))
    factors: dict[str, dict[str, float]] = {}
    if arguments.peer_python:
        factors = {kind: tuned(arguments.peer_python, kind) for kind in arguments.kinds}
    print("\n| particles, in a frame, SNR | tracker | α | β | JSC | JSCθ | RMSE, px | CPU s |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for kind, count, snr in CASES:
        if kind not in arguments.kinds:
            continue
        case = make_case(kind, count, snr, SEED)
        results = {
            "cellwright": run_ours(case, "auto"),
            "cellwright --motion brownian": run_ours(case, "brownian"),
        }
        if factors:
            chosen = sorted(set(factors[kind].values()))
            found = run_peers(arguments.peer_python, case, [one * case.radius() for one in chosen])
            for name, factor in factors[kind].items():
                results[name] = found[name][chosen.index(factor)]
        for name, (tracks, seconds) in results.items():
            numbers = " | ".join(f"{one:.3f}" for one in scores(case, tracks))
            print(f"| {kind}, {count}, {snr:g} | {name} | {numbers} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
