"""Cellwright beside StarDist and Cellpose 3: CPU seconds from decoded pixels to labels.

    python benchmarks/bench_peers.py [--sides 1024 4096] [--nuclei any|small|medium] [--rounds 5]
        [--model nuclei] [--peers "StarDist 2x2" "StarDist 1x1" "Cellpose 3"]

Every program runs its own code in a process and an environment of its own (made where missing),
with one thread; they take turns, so that a busy machine is busy for all. Times are medians of
the CPU time of the process. The peers have random weights, which cost as much as trained ones;
their networks' maps are replaced by the true ones before objects are made of them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from _common import SIZES, Parts, describe_machine, fluorescence_field, in_turn
from peers.workers import CELLPOSE, STARDIST, Peer, Worker

PEERS: dict[str, tuple[Peer, dict[str, int]]] = {
    "StarDist 2x2": (STARDIST, {"grid": 2}),
    "StarDist 1x1": (STARDIST, {"grid": 1}),
    "Cellpose 3": (CELLPOSE, {}),
}
OURS = "Cellwright"
PARTS = ("normalise", "network", "decode", "rest")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[1024])
    parser.add_argument("--nuclei", choices=SIZES, default="any", help="size of the nuclei")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--diameter", type=float, help="do not let Cellwright estimate it")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    options = parser.parse_args()

    print(describe_machine())
    with ExitStack() as stack:
        ours = stack.enter_context(Worker("cellwright"))
        calls: dict[str, Callable[..., Parts]] = {
            OURS: partial(ours, "segment", name=options.model, diameter=options.diameter)
        }
        for name in options.peers:
            peer, facts = PEERS[name]
            calls[name] = partial(stack.enter_context(Worker.of(peer)), "segment", **facts)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for side in options.sides:
            field = fluorescence_field(side, SIZES[options.nuclei])
            path = str(field.save(folder / f"{side}.npz"))
            cases = {name: partial(call, field=path) for name, call in calls.items()}
            _, usual = in_turn(cases, options.rounds)
            print(f"\n{field}; medians of {options.rounds}")
            print(table(usual, field.megapixels))


def table(usual: dict[str, Parts], megapixels: float) -> str:
    """Return a Markdown table of CPU seconds and of the times that Cellwright is faster."""
    lines = [
        f"| CPU seconds | {' | '.join(PARTS)} | total | per megapixel | Cellwright is faster |",
        "|---" * (len(PARTS) + 4) + "|",
    ]
    totals = {name: sum(parts.get(part, 0.0) for part in PARTS) for name, parts in usual.items()}
    for name, parts in usual.items():
        cells = [f"{parts[part]:.3f}" if part in parts else "" for part in PARTS]
        cells += [f"{totals[name]:.3f}", f"{totals[name] / megapixels:.3f}"]
        cells.append("" if name == OURS else f"{totals[name] / totals[OURS]:.1f} times")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
