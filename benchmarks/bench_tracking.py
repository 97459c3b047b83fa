"""How right and how fast linking is, beside other trackers on the same detections.

``python benchmarks/bench_tracking.py [--tables ...]`` prints tables: trackers, quality, flows,
movers, real, scale, raw, certainty. Peers (laptrack, trackpy, btrack, motile), from environments
that have them:
``--peer-python .venv-peers-tracking/bin/python .venv-peers-motile/bin/python`` (or
``CELLWRIGHT_PEERS_TRACKING``, by colons); they get twice the 99.5th percentile of the true steps as
their radius, ours gets nothing. CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from _tracking_cases import (
    DATA,
    FLOWS,
    MOVIES,
    REAL,
    Case,
    by_label,
    flowing,
    mixed,
    parents_of,
    points,
    real,
    simulated,
    stuck,
)

from cellwright._types import IntArray
from cellwright.runs.track.run import track_movie
from cellwright.simulation.movies import simulate_movie
from cellwright.tracking.detections import find_detections
from cellwright.tracking.link import link
from cellwright.tracking.metrics.challenge import score_folders
from cellwright.tracking.metrics.graph import graph_errors
from cellwright.tracking.metrics.matching import match_same
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pair import MovieScorer
from cellwright.tracking.plain import Overlaps

PEERS = Path(__file__).parent / "peers" / "tracking.py"
BESIDE = ("laptrack", "trackpy")
"""Peers in all tables; the others are too slow for that, or too far behind."""
SEEDS = (11, 12)
BINS = (0.0, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999, 1.0)
_Result = tuple[dict[str, float], float]
_Peers = dict[str, str]  # the Python of the environment that has each tracker


def scores(case: Case, found: IntArray) -> dict[str, float]:
    """Return TRA, LNK and the F1 of links and of divisions (mother and both daughters)."""
    truth, result = set(map(tuple, case.links.tolist())), set(map(tuple, found.tolist()))
    missed, wrong = len(truth - result), len(result - truth)
    true_divisions, divisions = _divisions(truth), _divisions(result)
    right = len(true_divisions & divisions)
    graphs = [case.detections.with_edges(edges) for edges in (case.links, found)]
    return {
        "TRA": graph_errors(match_same(*graphs)).tra,
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


def run_ours(
    case: Case, options: LinkOptions | None = None, scorer: MovieScorer | None = None
) -> _Result:
    start = time.process_time()
    linked = link(case.detections, options, scorer=scorer)
    seconds = time.process_time() - start
    return scores(case, linked.edges), seconds


def find_peers(pythons: list[str]) -> _Peers:
    """Return the trackers that environments have."""
    found = {}
    for python in pythons:
        listed = subprocess.run([python, str(PEERS)], check=True, capture_output=True, text=True)
        found |= dict.fromkeys(listed.stdout.split(), python)
    return found


def run_peer(python: str, tracker: str, case: Case) -> _Result:
    """Run a peer in its own environment, on the same points."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "points.npz"
        radius = 2 * float(np.quantile(case.steps(), 0.995))
        np.savez(
            given, frame=case.detections.frame, position=case.detections.position, radius=radius
        )
        answer = Path(folder) / "links.npz"
        command = [python, str(PEERS), tracker, str(given), str(answer)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with np.load(answer) as content:
            return scores(case, content["links"]), float(content["seconds"])


def conditions(case: Case) -> Iterator[tuple[str, Case]]:
    """Yield a movie, and what is left of it."""
    yield "as it is", case
    yield "positions only", case.bare()
    yield "3 % missed", case.thinned(0.03)
    yield "10 % missed", case.thinned(0.1)
    yield "late daughters", case.late(0.4)
    for step, name in ((2, "every 2nd frame"), (3, "every 3rd frame")):
        yield name, case.every(step)
        yield f"{name}, positions only", case.every(step).bare()


def run_all(case: Case, peers: _Peers) -> dict[str, _Result]:
    """Return scores and seconds of ours and of the peers that are in all tables."""
    results = {"cellwright": run_ours(case)}
    return results | {one: run_peer(peers[one], one, case) for one in BESIDE if one in peers}


def row(
    name: str, results: list[dict[str, _Result]], numbers: Sequence[str] = ("LNK", "division F1")
) -> str:
    """Return a line of a table: mean numbers of each tracker, LNK and the F1 of divisions."""
    cells = []
    for tracker in results[0]:
        means = [float(np.mean([one[tracker][0][what] for one in results])) for what in numbers]
        cells.append(" / ".join(f"{mean:.{4 - place}f}" for place, mean in enumerate(means)))
    return f"| {name} | {' | '.join(cells)} |"


def heading(first: str, peers: _Peers) -> None:
    trackers = ["cellwright", *(one for one in BESIDE if one in peers)]
    print(f"\n| {first} | {' | '.join(trackers)} |\n|---|{'---|' * len(trackers)}")


def trackers(peers: _Peers) -> None:
    """Print all trackers, and all that tells links in ours, on the simulated movies."""
    found: dict[str, list[_Result]] = {}
    for sample, motion in MOVIES.values():
        for seed in SEEDS:
            frames, labels, table = simulate_movie(sample, motion, seed)
            overlaps = Overlaps()
            detections = find_detections(overlaps.watch(labels), frames)
            case = by_label(detections, parents_of(table))
            ours = {
                "Cellwright": run_ours(case),
                "– positions only": run_ours(case.bare()),
                "– `--by overlap`": run_ours(
                    case, LinkOptions(by="overlap"), overlaps.scorer(detections)
                ),
                "– `--by distance`": run_ours(case, LinkOptions(by="distance")),
            }
            theirs = {one: run_peer(python, one, case) for one, python in peers.items()}
            for name, result in (ours | theirs).items():
                found.setdefault(name, []).append(result)
    print("\n| tracker | TRA | LNK | division F1 | CPU s |\n|---|--:|--:|--:|--:|")
    for name, results in found.items():
        tra, lnk, divisions = (
            np.mean([score[what] for score, _ in results]) for what in ("TRA", "LNK", "division F1")
        )
        seconds = sum(spent for _, spent in results)
        print(f"| {name} | {tra:.4f} | {lnk:.4f} | {divisions:.3f} | {seconds:.1f} |")


def quality(peers: _Peers) -> None:
    """Print the mean over simulated movies, under each condition, and each from positions alone."""
    found: dict[str, list[dict[str, _Result]]] = {}
    bare: dict[str, list[dict[str, _Result]]] = {}
    for name, (sample, motion) in MOVIES.items():
        for seed in SEEDS:
            for condition, case in conditions(simulated(sample, motion, seed)):
                results = run_all(case, peers)
                found.setdefault(condition, []).append(results)
                if condition == "as it is":
                    found.setdefault(name, []).append(results)
                elif condition.endswith("positions only"):
                    bare.setdefault(f"{name}, {condition}", []).append(results)
    for what, table in (("simulated nuclei", found), ("each from positions alone", bare)):
        heading(f"{what}, LNK / division F1", peers)
        for name, all_results in table.items():
            print(row(name, all_results), flush=True)
    whole = found["as it is"]
    spent = [f"{one} {sum(results[one][1] for results in whole):.1f}" for one in whole[0]]
    print(f"\nCPU seconds on the {len(whole)} movies as they are: {', '.join(spent)}")


def real_movies(peers: _Peers) -> None:
    """Print the real movies, and every second and third of their frames."""
    heading("real movies, LNK / division F1", peers)
    for name, case in real():
        for step in (1, 2, 3):
            label = name if step == 1 else f"{name}, every {step}. frame"
            print(row(label, [run_all(case.every(step), peers)]), flush=True)


def flows(peers: _Peers) -> None:
    """Print how right linking is where tissue streams; trackpy gives up on such clusters."""
    peers = {one: python for one, python in peers.items() if one == "laptrack"}
    heading("points about 1 apart, LNK", peers)
    for kind in FLOWS:
        for speed in (0.3, 0.6, 1.0, 1.6):
            results = [run_all(flowing(kind, speed, 12, seed), peers) for seed in SEEDS]
            print(row(f"{kind}, {speed} at most", results, ("LNK",)), flush=True)


def movers(peers: _Peers) -> None:
    """Print how right linking is where some move among others that are stuck."""
    heading("100 stuck, 10 moving, LNK", peers)
    for way, persistence in (("straight", 1.0), ("at random", 0.0)):
        for speed in (3.0, 6.0, 10.0, 15.0):
            results = [run_all(stuck(speed, persistence, 20, seed), peers) for seed in SEEDS]
            print(row(f"{way}, {speed:.0f} a frame", results, ("LNK",)), flush=True)
    heading("400 points about 1 apart, a share moves, LNK", peers)
    for way in ("straight", "at random"):
        for share in (0.25, 0.5, 0.75):
            for speed in (0.2, 0.35, 0.5):
                results = [
                    run_all(mixed(share, speed, way == "straight", 12, seed), peers)
                    for seed in SEEDS
                ]
                print(row(f"{share:.0%} {way}, {speed} a frame", results, ("LNK",)), flush=True)


def scale(peers: _Peers, counts: list[int], frames: int, limit: int) -> None:
    """Print how fast and how right linking of points is."""
    print("\n| points | tracker | detections/s | LNK | division F1 |\n|---|---|--:|--:|--:|")
    for count in counts:
        for dimensions in (2, 3):
            case = points(count, frames, dimensions, 5)
            small = len(case.detections) <= limit
            results = run_all(case, peers if small else {})
            for tracker, (score, seconds) in results.items():
                print(
                    f"| {dimensions}D, {count:,} a frame | {tracker} | "
                    f"{len(case.detections) / seconds:,.0f} | {score['LNK']:.4f} | "
                    f"{score['division F1']:.3f} |",
                    flush=True,
                )


def raw(_: _Peers) -> None:
    """Print scores of the Cell Tracking Challenge of raw images, segmented and tracked."""
    print("\n| raw images | DET | SEG | TRA | LNK |\n|---|--:|--:|--:|--:|")
    for name, (folder, sequence) in REAL.items():
        images = DATA / folder / sequence
        if images.is_dir():
            with tempfile.TemporaryDirectory() as home:
                track_movie(images, Path(home) / "out")
                scored = score_folders(Path(home) / "out" / "ctc", DATA / folder / f"{sequence}_GT")
            numbers = " | ".join(f"{scored[one]:.3f}" for one in ("DET", "SEG", "TRA", "LNK"))
            print(f"| {name} | {numbers} |", flush=True)


def certainty(_: _Peers) -> None:
    """Print how often links of each probability are right."""
    probability, right = [], []
    for sample, motion in MOVIES.values():
        for _condition, case in conditions(simulated(sample, motion, 11)):
            linked = link(case.detections)
            truth = set(map(tuple, case.links.tolist()))
            probability.append(linked.edge_properties["probability"])
            right.append(np.array([tuple(edge) in truth for edge in linked.edges.tolist()]))
    sure, correct = np.concatenate(probability), np.concatenate(right)
    print("\n| probability | links | mean probability | right |\n|---|--:|--:|--:|")
    bins = np.digitize(sure, BINS[1:-1])
    for number, (low, high) in enumerate(pairwise(BINS)):
        one = bins == number
        print(
            f"| {low} to {high} | {one.sum():,} | {sure[one].mean():.3f} | "
            f"{correct[one].mean():.3f} |"
        )
    worst = np.argsort(sure)[: len(sure) // 50]
    print(f"\n{1 - correct[worst].mean():.2f} of the least certain 2 % are wrong, which are "
          f"{(~correct[worst]).sum() / (~correct).sum():.2f} of all errors")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    tables = ("trackers", "quality", "flows", "movers", "real", "scale", "raw", "certainty")
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    parser.add_argument("--counts", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--frames", type=int, default=10, help="of the points")
    known = os.environ.get("CELLWRIGHT_PEERS_TRACKING", "")
    parser.add_argument("--peer-python", nargs="+", default=list(filter(None, known.split(":"))))
    parser.add_argument("--peer-limit", type=int, default=60_000, help="detections for peers")
    arguments = parser.parse_args()
    for dimensions in (2, 3):
        run_ours(points(500, 4, dimensions, 0))  # compiles
    peers = find_peers(arguments.peer_python)
    prints = {
        "trackers": trackers,
        "quality": quality,
        "flows": flows,
        "movers": movers,
        "real": real_movies,
        "raw": raw,
        "certainty": certainty,
    }
    for table in arguments.tables:
        if table == "scale":
            scale(peers, arguments.counts, arguments.frames, arguments.peer_limit)
        else:
            prints[table](peers)


if __name__ == "__main__":
    main()
