"""Whether a learned scorer links better than the costs estimated from each movie.

``python benchmarks/bench_scorer.py --scorer PACKAGE`` prints LNK and F1 of divisions of the same
detections, linked with the scorer and without: simulated movies of seeds that no scorer is trained
on, what is left of them, points of no extent, and real movies from their true masks. CPU seconds
of one thread; make a scorer with ``cellwright train-scorer -o PACKAGE``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from _tracking_cases import MOVIES, Case, points, real, simulated
from bench_tracking import conditions, scores

from cellwright.models.scorer import load_scorer
from cellwright.tracking.link import link
from cellwright.tracking.pair import MovieScorer

_Row = tuple[float, ...]


def run(case: Case, scorer: MovieScorer | None) -> _Row:
    """Return LNK, F1 of divisions, detections and seconds."""
    start = time.process_time()
    linked = link(case.detections, scorer=scorer)
    seconds = time.process_time() - start
    found = scores(case, linked.edges)
    return found["LNK"], found["division F1"], len(case.detections), seconds


def cases(seeds: list[int]) -> Iterator[tuple[tuple[str, ...], Case]]:
    """Yield all movies, each with the names of the rows that it counts for."""
    for name, case in real():
        for step, rest in ((1, ""), (2, ", every 2nd frame"), (3, ", every 3rd frame")):
            yield (f"{name}{rest}",), case.every(step)
    for name, (sample, motion) in MOVIES.items():
        for seed in seeds:
            for condition, case in conditions(simulated(sample, motion, seed)):
                yield ((name, condition) if condition == "as it is" else (condition,)), case
    for dimensions in (2, 3):
        yield (f"points, {dimensions}D",), points(10_000, 6, dimensions, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scorer", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12])
    arguments = parser.parse_args()
    scorer, _ = load_scorer(arguments.scorer)
    for dimensions in (2, 3):
        run(points(500, 4, dimensions, 0), scorer)  # compiles
    rows: dict[str, list[tuple[_Row, _Row]]] = {}
    for names, case in cases(arguments.seeds):
        both = run(case, None), run(case, scorer)
        for name in names:
            rows.setdefault(name, []).append(both)
    print("\n| | LNK | with the scorer | division F1 | with the scorer | detections/s | |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, results in rows.items():
        (lnk, f1, count, seconds), (new_lnk, new_f1, _, new_seconds) = np.mean(results, axis=0)
        print(
            f"| {name} | {lnk:.4f} | {new_lnk:.4f} | {f1:.3f} | {new_f1:.3f} | "
            f"{count / seconds:,.0f} | {count / new_seconds:,.0f} |"
        )


if __name__ == "__main__":
    main()
