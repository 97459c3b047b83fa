"""One training step beside StarDist and Cellpose 3: CPU seconds for a batch of 4 × 256² px.

    python benchmarks/bench_training_step.py [--steps 5] [--rounds 3]

The network is that of the shipped model. Each program takes steps by its own code on the same
images, in its own process with one thread; they take turns. Preparing the batches is not counted.
A step of Cellwright includes clipping, weight averaging and its share of the final checkpoint.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from _common import Parts, describe_machine, fluorescence_field, in_turn
from bench_peers import OURS, PEERS
from peers.workers import Worker
from train_nuclei import INPUT, NETWORK

BATCH, SIDE = 4, 256
GOAL = 0.3  # CPU seconds per step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    print(describe_machine(("torch", "numpy")))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        field = fluorescence_field(2 * SIDE)
        facts = {
            "field": str(field.save(folder / "field.npz")),
            "steps": options.steps,
            "batch": BATCH,
            "side": SIDE,
        }
        network = {**NETWORK, "in_channels": len(INPUT.channels), "out_channels": 3}
        ours = stack.enter_context(Worker("cellwright"))
        cases: dict[str, Callable[[], Parts]] = {
            OURS: partial(ours, "train", network=network, **facts)
        }
        for name, (peer, grid) in PEERS.items():
            cases[name] = partial(stack.enter_context(Worker.of(peer)), "train", **grid, **facts)
        _, usual = in_turn(cases, options.rounds)
    print(f"{field}; medians of {options.rounds} times {options.steps} steps; goal {GOAL} s")
    print("| | CPU seconds per step | Cellwright is faster |\n|---|---|---|")
    for name, parts in usual.items():
        seconds, times = parts["steps"] / options.steps, parts["steps"] / usual[OURS]["steps"]
        print(f"| {name} | {seconds:.2f} | {'' if name == OURS else f'{times:.1f} times'} |")


if __name__ == "__main__":
    main()
