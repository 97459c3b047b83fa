"""Competing segmentations, decided by tracking, beside each of them alone.

``python benchmarks/bench_hypotheses.py [--tables simulated real windows]`` prints tables.

simulated: five movies of nuclei, whose true outlines are spoiled three times over, independently in
every frame: a few errors of both kinds, many objects cut in two, many that touch joined.
real: raw movies, segmented with the nuclei that come with Cellwright as it does by itself, and with
``--alternatives``. windows: CPU seconds that HiGHS takes for windows of many variables. Seeds are
others than those that the method was made with.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _tracking_cases import DATA, MOVIES, REAL

from cellwright._files import write_text
from cellwright._types import AnyArray, LabelArray, Table
from cellwright.images.read import read
from cellwright.images.write import write_labels
from cellwright.models.instances import InstanceModel
from cellwright.runs.track.hypotheses import Segmentations, segment_scales
from cellwright.runs.track.run import CTC_FOLDER, track_movie
from cellwright.simulation.movies import simulate_movie
from cellwright.simulation.segmentations import missegment
from cellwright.tracking.coupled.gains import find_gains
from cellwright.tracking.coupled.hypotheses import Hypotheses, find_hypotheses
from cellwright.tracking.coupled.program import Program, cliques, solve_program
from cellwright.tracking.coupled.windows import choose, some, window_program
from cellwright.tracking.detections import find_detections
from cellwright.tracking.fit import fit_model
from cellwright.tracking.formats.ctc import write_ctc
from cellwright.tracking.frames import Movie
from cellwright.tracking.link import link
from cellwright.tracking.metrics.challenge import score_folders
from cellwright.tracking.options import LinkOptions

SEEDS = (41, 42)
ERRORS = {"few of both": (0.06, 0.1), "cut": (0.25, 0.02), "joined": (0.02, 0.4)}
LIMIT = 60.0  # CPU seconds of one integer program
SCORES = ("SEG", "DET", "TRA", "LNK", "division F1")


def score(labels: Sequence[LabelArray], images: Sequence[AnyArray], truth: Path) -> list[float]:
    """Track a segmentation and compare with the truth."""
    tracks = link(find_detections(labels, images))
    with tempfile.TemporaryDirectory() as folder:
        write_ctc(Path(folder), tracks, labels)
        return values(score_folders(folder, truth))


def values(scores: dict[str, Any]) -> list[float]:
    """Return the numbers of `SCORES`."""
    divisions = scores["divisions"][0]["f1"]
    return [*(scores[name] for name in SCORES[:-1]), np.nan if divisions is None else divisions]


def write_truth(folder: Path, labels: Sequence[LabelArray], table: Table) -> None:
    """Write a truth folder of the Cell Tracking Challenge."""
    for frame, plane in enumerate(labels):
        write_labels(folder / "TRA" / f"man_track{frame:03}.tif", plane)
        write_labels(folder / "SEG" / f"man_seg{frame:03}.tif", plane)
    rows = np.column_stack([table[name] for name in ("label", "begin", "end", "parent")])
    lines = [" ".join(map(str, line)) for line in rows.tolist()]
    write_text(folder / "TRA" / "man_track.txt", "\n".join([*lines, ""]))


def simulated(seeds: Sequence[int]) -> None:
    """Print each segmentation alone, and what is chosen of all three."""
    heading("simulated")
    found: dict[str, list[list[float]]] = {}
    for name, (sample, motion) in MOVIES.items():
        for seed in seeds:
            frames, labels, table = simulate_movie(sample, motion, seed)
            with tempfile.TemporaryDirectory() as folder:
                truth = Path(folder)
                write_truth(truth, list(labels), table)
                spoiled = {
                    kind: [
                        missegment(plane, *rates, seed=1000 * seed + 3 * frame + number)
                        for frame, plane in enumerate(labels)
                    ]
                    for number, (kind, rates) in enumerate(ERRORS.items())
                }
                results = {kind: score(one, list(frames), truth) for kind, one in spoiled.items()}
                results["chosen"] = score(chosen(list(spoiled.values()), frames), frames, truth)
                results["true outlines"] = score(list(labels), list(frames), truth)
            for kind, one in results.items():
                found.setdefault(kind, []).append(one)
                found.setdefault(f"{name}: {kind}", []).append(one)
    for kind, rows in found.items():
        print(row(kind, np.nanmean(rows, axis=0).tolist()), flush=True)


def chosen(spoiled: Sequence[Sequence[LabelArray]], frames: Sequence[AnyArray]) -> list[LabelArray]:
    """Return the label images of what is chosen."""
    hypotheses = find_hypotheses(spoiled, frames)
    kept = choose(hypotheses)
    return [
        hypotheses.paint(kept, number, [one[number] for one in spoiled])
        for number in range(len(frames))
    ]


def heading(what: str) -> None:
    """Print the head of a table."""
    print(f"\n| {what} | {' | '.join(SCORES)} |\n|---|{'--:|' * len(SCORES)}")


def row(name: str, numbers: list[float]) -> str:
    """Return a line of a table."""
    return f"| {name} | {' | '.join(f'{one:.4f}' for one in numbers)} |"


def real() -> None:
    """Print raw movies, segmented at each scale alone, and with all of them competing."""
    from cellwright.models.find import find_model
    from cellwright.models.load import load_model

    model = load_model(find_model("nuclei"), threads=1)
    assert isinstance(model, InstanceModel)
    for name, (folder, sequence) in REAL.items():
        home = DATA / folder
        truth = home / f"{sequence}_GT"
        if not truth.is_dir():
            continue
        heading(name)
        frames = [read(path) for path in sorted((home / sequence).glob("*.tif"))]
        images = [frame.to_numpy() for frame in frames]
        scales = [[one.labels for one in segment_scales(model, frame)] for frame in frames]
        for number, scale in enumerate(("usual scale", "as if larger", "half as large again")):
            alone = [one for frame in scales if (one := frame[number]) is not None]
            print(row(scale, score(alone, images, truth)), flush=True)
        with tempfile.TemporaryDirectory() as output:
            several = Segmentations(scales=True)
            track_movie(home / sequence, output, model=several, overwrite=True)
            print(row("chosen", values(score_folders(Path(output) / CTC_FOLDER, truth))))


def windows(sides: Sequence[int]) -> None:
    """Print what solving a window of 12 frames takes, beside all of it as one integer program."""
    print("\n| window of 12 frames | objects | variables | CPU s | one integer program | differ |")
    print("|---|--:|--:|--:|--:|--:|")
    for side in sides:
        sample, motion = MOVIES["crowded"]
        sample, motion = replace(sample, size=(side, side)), replace(motion, frames=12)
        frames, labels, _ = simulate_movie(sample, motion, 43)
        spoiled = [
            [missegment(plane, *rates, seed=3 * t + n) for t, plane in enumerate(labels)]
            for n, rates in enumerate(ERRORS.values())
        ]
        hypotheses = find_hypotheses(spoiled, frames)
        program = whole_program(hypotheses)
        solve_program(some_rivals(0))  # compiles
        start = time.process_time()
        cost = solve_program(program).cost
        ours = time.process_time() - start
        best, at_once = plainly(program)
        print(
            f"| {side} × {side} px | {len(hypotheses):,} | {program.size:,} | {ours:.2f} | "
            f"{'more than ' * (at_once > LIMIT)}{min(at_once, LIMIT):.1f} | "
            f"{'–' if np.isnan(best) else f'{abs(cost - best):.0e}'} |",
            flush=True,
        )


def small(count: int = 200) -> None:
    """Print the same for many small programs of random costs, most of which are fractional."""
    programs = [some_rivals(seed) for seed in range(count)]
    solve_program(programs[0])  # compiles
    start = time.process_time()
    costs = [solve_program(program).cost for program in programs]
    ours = time.process_time() - start
    plain = [plainly(program) for program in programs]
    differ = max(abs(cost - best) for cost, (best, _) in zip(costs, plain, strict=True))
    print(
        f"\n{count} programs of random costs: {ours:.1f} CPU s, plainly "
        f"{sum(seconds for _, seconds in plain):.1f}; costs differ by {differ:.0e} at most"
    )


def some_rivals(seed: int) -> Program:
    """Return a program of a few frames in which many objects exclude each other at random."""
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(5), 6)
    one, other = np.divmod(np.arange(len(frame) ** 2), len(frame))
    links = np.stack([one, other], axis=1)[frame[other] == frame[one] + 1]
    beside = np.stack([one, other], axis=1)[(frame[one] == frame[other]) & (one < other)]
    divisions = np.array(
        [
            (mother, *two)
            for mother, f in enumerate(frame)
            for two in beside
            if frame[two[0]] == f + 1
        ]
    )
    return Program(
        alone=rng.uniform(-1.5, 3, len(frame)),
        certain=np.zeros(len(frame), bool),
        links=links,
        link_gain=rng.uniform(0, 4, len(links)),
        divisions=divisions,
        division_gain=rng.uniform(0, 6, len(divisions)),
        cliques=cliques(beside[rng.random(len(beside)) < 0.5]),
    )


def whole_program(hypotheses: Hypotheses) -> Program:
    """Return the program of all frames."""
    movie, options = Movie(hypotheses.detections), LinkOptions()
    first = some(hypotheses.detections, hypotheses.source == 0)
    gains = find_gains(movie, fit_model(Movie(first)), options, hypotheses.rivals)
    rows, worth, certain = np.arange(len(hypotheses)), hypotheses.value(), hypotheses.certain
    return window_program(movie, gains, worth, certain, hypotheses.rivals, rows)


def plainly(program: Program) -> tuple[float, float]:
    """Return what HiGHS finds for all variables as whole numbers, and its CPU s up to a limit."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    costs, rows, most, lowest = program.matrix()
    start = time.process_time()
    solved = milp(
        costs,
        constraints=LinearConstraint(rows, -np.inf, most),
        bounds=Bounds(lowest, 1.0),
        integrality=np.ones(len(costs)),
        options={"mip_rel_gap": 1e-9, "time_limit": 2 * LIMIT},
    )
    seconds = time.process_time() - start
    return (float(solved.fun) if solved.success else np.nan), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    tables = ("simulated", "real", "windows")
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--sides", type=int, nargs="+", default=(320, 640, 900))
    arguments = parser.parse_args()
    if "simulated" in arguments.tables:
        simulated(arguments.seeds)
    if "real" in arguments.tables:
        real()
    if "windows" in arguments.tables:
        windows(arguments.sides)
        small()


if __name__ == "__main__":
    main()
