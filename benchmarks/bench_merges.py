"""Two cells that are seen as one object for some frames: links, divisions, and who is who after it.

``python benchmarks/bench_merges.py`` prints a table: the five simulated movies, in which touching
nuclei become one object for up to four frames (1 pair of 10 that touch, in every frame), and the
same movies without that. Seeds are others than those that the method was made with.
"""

from __future__ import annotations

import argparse

import numpy as np
from _tracking_cases import MOVIES, MergedCase, with_merged

from cellwright.tracking.link import link
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import Tracks

SEEDS = (31, 32, 33)
LONGEST = 4


def scores(truth: MergedCase, found: Tracks) -> dict[str, float]:
    """Return LNK, F1 of divisions, and the share of cells that come out as themselves."""
    true = set(map(tuple, truth.case.links.tolist()))
    result = set(map(tuple, found.edges.tolist()))
    missed, wrong = len(true - result), len(result - true)
    children = np.bincount(truth.case.links[:, 0], minlength=len(found))
    divides = (children > 1) & ~truth.holds
    both = int((divides & found.divides()).sum())
    invented = int((found.divides() & truth.holds).sum())
    ways = found.unshared()
    of = find_tracklets(ways, ways.branches()).of
    kept = of[truth.passages[:, 0]] == of[truth.passages[:, 1]]
    return {
        "passages": len(kept),
        "LNK": 1 - (1.5 * missed + wrong) / (1.5 * len(true)),
        "division F1": 2 * both / max(int(divides.sum() + found.divides().sum()), 1),
        "divisions of merged": invented,
        "identity": float(kept.mean()) if len(kept) else float("nan"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--share", type=float, nargs="+", default=(0.0, 0.1))
    arguments = parser.parse_args()
    print(
        "| movie | share | merges | passages | LNK | division F1 | divisions of merged | identity |"
    )
    print("|---|--:|---|--:|--:|--:|--:|--:|")
    for share in arguments.share:
        totals: dict[bool, list[list[float]]] = {False: [], True: []}
        for name, (sample, motion) in MOVIES.items():
            cases = [with_merged(sample, motion, share, LONGEST, seed) for seed in arguments.seeds]
            for merges in (False, True):
                options = LinkOptions(merges=merges)
                found = [scores(one, link(one.case.detections, options)) for one in cases]
                means = [
                    sum(column) if kind in ("passages", "divisions of merged")
                    else float(np.nanmean(column))
                    for kind in found[0]
                    for column in [[one[kind] for one in found]]
                ]  # fmt: skip
                totals[merges].append(means)
                print(row(name, share, merges, means), flush=True)
        for merges, means in totals.items():
            print(row("*all*", share, merges, np.nanmean(means, axis=0).tolist()), flush=True)


def row(name: str, share: float, merges: bool, means: list[float]) -> str:
    """Return a line of the table."""
    passages, linking, divisions, invented, identity = means
    return (
        f"| {name} | {share} | {'on' if merges else 'off'} | {passages:.0f} | {linking:.4f} | "
        f"{divisions:.3f} | {invented:.0f} | {identity:.3f} |"
    )


if __name__ == "__main__":
    main()
