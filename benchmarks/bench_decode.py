"""From maps to objects: CPU milliseconds per megapixel, by size and by how crowded the field is.

    python benchmarks/bench_decode.py [--sides 512 1024 2048 4096] [--densities 0.05 0.2 0.5]
                                      [--rounds 3] [--peer-sides 512 1024 2048]

Cellwright reads noisy maps, StarDist and Cellpose 3 the exact ones of the same truth, each in its
own process with one thread; they take turns. Linear means the same time per megapixel whatever
the size.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from _common import Parts, describe_machine, in_turn, simulated_field
from bench_peers import OURS, PEERS
from peers.workers import Worker

GOAL = 30  # ms per megapixel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024, 2048, 4096])
    parser.add_argument("--densities", type=float, nargs="+", default=[0.05, 0.2, 0.5])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-sides", type=int, nargs="*", default=[512, 1024, 2048])
    options = parser.parse_args()

    print(describe_machine())
    print(f"CPU milliseconds per megapixel, medians of {options.rounds}; goal {GOAL}\n")
    print(f"| field | {OURS} | {' | '.join(PEERS)} |")
    print("|---" * (2 + len(PEERS)) + "|")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(Worker("cellwright"))
        calls: dict[str, Callable[..., Parts]] = {OURS: partial(ours, "decode")}
        if options.peer_sides:
            for name, (peer, facts) in PEERS.items():
                calls[name] = partial(stack.enter_context(Worker.of(peer)), "decode", **facts)
        for density in options.densities:
            for side in options.sides:
                field = simulated_field(side, density)
                path = str(field.save(folder / f"{side}-{density}.npz"))
                present = calls if side in options.peer_sides else {OURS: calls[OURS]}
                cases = {name: partial(call, field=path) for name, call in present.items()}
                _, usual = in_turn(cases, options.rounds)
                print(f"| {field} | {_cells(usual, field.megapixels)} |", flush=True)


def _cells(usual: dict[str, Parts], megapixels: float) -> str:
    return " | ".join(
        f"{1000 * usual[name]['decode'] / megapixels:.0f}" if name in usual else ""
        for name in (OURS, *PEERS)
    )


if __name__ == "__main__":
    main()
