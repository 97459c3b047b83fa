"""Flows beside Cellpose 3: objects from the same flows, and targets from the same labels.

    python benchmarks/bench_flows.py [--side 2048] [--density 0.2] [--noise 0 1] [--rounds 3]

CPU seconds of one thread, in turn, Cellpose in a process of its own. The maps are the true flows
with smooth errors of a standard deviation of `noise`, where the network writes 5 for a flow of
length 1. Masks agree when they match one to one at an IoU of 0.5.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _common import Field, Parts, describe_machine, in_turn, simulated_field
from peers.workers import CELLPOSE, Worker

from cellwright._types import FloatArray, LabelArray
from cellwright.methods.flows.readout import DistanceFlowsReadout, FlowsReadout
from cellwright.metrics.matching import match

LARGEST = 40.0  # px; nothing in the simulated fields has a greater diameter
CONFIDENT = 6.0  # logit of the foreground
PATCH = 256  # px


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--density", type=float, default=0.2)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    print(describe_machine(("numpy", "numba")))
    field = simulated_field(options.side, options.density)
    print(field, "\n")
    with tempfile.TemporaryDirectory() as folder, Worker.of(CELLPOSE) as cellpose:
        for noise in options.noise:
            _compare_decoding(field, noise, options.rounds, cellpose, Path(folder))
        _compare_targets(field, options.rounds, cellpose, Path(folder))


def _compare_decoding(
    field: Field, noise: float, rounds: int, cellpose: Worker, folder: Path
) -> None:
    readout = FlowsReadout.suited_to(2, LARGEST)
    maps, path, out = noisy_maps(field.labels, noise), folder / "maps.npy", folder / "masks.npy"
    np.save(path, maps)
    cases: dict[str, Callable[[], Parts]] = {
        "ours": partial(_timed, readout.decode, maps),
        "Cellpose": partial(cellpose, "follow", maps=str(path), out=str(out)),
    }
    _, usual = in_turn(cases, rounds)
    seconds = {name: parts["decode"] for name, parts in usual.items()}
    found, theirs = readout.decode(maps).labels, np.load(out)
    counts = match(theirs, found, 0.5).counts
    agreement = 2 * counts.true_positives / (found.max() + theirs.max())
    print(f"Decoding, noise {noise:g}: masks agree to {agreement:.4f}")
    for name, taken in seconds.items():
        print(f"  {name}: {1000 * taken / field.megapixels:.0f} ms per megapixel")
    print(f"  {seconds['Cellpose'] / seconds['ours']:.0f} times as fast as Cellpose")
    for name, labels in (("ours", found), ("Cellpose", theirs)):
        truth = match(field.labels, labels, 0.5).counts
        right, wrong, missed = truth.true_positives, truth.false_positives, truth.false_negatives
        print(f"  {name} against the truth: {right} found, {wrong} wrong, {missed} missed")


def _compare_targets(field: Field, rounds: int, cellpose: Worker, folder: Path) -> None:
    labels = np.ascontiguousarray(field.labels[:PATCH, :PATCH])
    path, out = folder / "patch.npz", folder / "flows.npy"
    np.savez(path, image=labels, labels=labels)
    cases: dict[str, Callable[[], Parts]] = {
        "diffusion": partial(_timed, FlowsReadout().flows_of, labels[None]),
        "distance": partial(_timed, DistanceFlowsReadout().flows_of, labels[None]),
        "Cellpose": partial(cellpose, "targets", field=str(path), out=str(out)),
    }
    _, usual = in_turn(cases, max(rounds, 7))
    ours, theirs = FlowsReadout().flows_of(labels[None])[1:, 0], np.load(out)
    cosine = (ours * theirs).sum(0)[labels > 0].mean()
    covered = np.count_nonzero(labels) / labels.size
    print(f"Targets of {PATCH} x {PATCH} px, {covered:.0%} covered; mean cosine {cosine:.4f}")
    for name, parts in usual.items():
        print(f"  {name}: {1000 * sum(v for k, v in parts.items() if k != 'count'):.1f} ms")


def noisy_maps(labels: LabelArray, noise: float) -> FloatArray:
    """Return the true maps (3, Y, X) with smooth errors."""
    from scipy.ndimage import gaussian_filter

    readout = FlowsReadout()
    flows = readout.unit * readout.flows_of(labels[None])[1:, 0]
    maps = np.concatenate([np.where(labels > 0, CONFIDENT, -CONFIDENT)[None], flows])
    error = gaussian_filter(np.random.default_rng(0).standard_normal(maps.shape), (0, 2, 2))
    exact: FloatArray = (maps + noise * error / error.std()).astype(np.float32)
    return exact


def _timed(task: Callable[..., Any], *arguments: Any) -> Parts:
    start = time.process_time()
    task(*arguments)
    return {"decode": time.process_time() - start}


if __name__ == "__main__":
    main()
