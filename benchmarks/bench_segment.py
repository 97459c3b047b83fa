"""What segmenting costs: CPU seconds from decoded pixels to labels, and of the whole program.

    python benchmarks/bench_segment.py [--sides 1024 4096] [--nuclei any|small|medium] [--rounds 5]
        [--model nuclei]

One thread. The first call in a process, which opens the model and its kernels, is shown apart.
The program is run on one image of 512 × 512 px: first with an empty cache of compiled kernels,
then as every later time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from functools import partial
from pathlib import Path

from _common import SIZES, Parts, describe_machine, fluorescence_field, in_turn
from bench_startup import cpu_seconds
from peers.workers import Worker

GOAL = 0.45  # CPU seconds per megapixel
PROGRAM_GOAL = 3.0  # CPU seconds for one image, everything included
PROGRAM_SIDE = 512  # px
PARTS = ("normalise", "network", "decode", "rest")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--nuclei", choices=SIZES, default="any", help="size of the nuclei")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--diameter", type=float, help="do not let Cellwright estimate it")
    options = parser.parse_args()

    print(describe_machine())
    with tempfile.TemporaryDirectory() as name, Worker("cellwright") as worker:
        folder = Path(name)
        for side in options.sides:
            field = fluorescence_field(side, SIZES[options.nuclei])
            path = str(field.save(folder / f"{side}.npz"))
            call = partial(
                worker, "segment", name=options.model, diameter=options.diameter, field=path
            )
            first, usual = in_turn({"": call}, options.rounds)
            print(f"\n{field}; medians of {options.rounds}, CPU seconds per megapixel")
            print(table({"first": first[""], "usual": usual[""]}, field.megapixels))
        print(f"\nThe whole program, one image of {PROGRAM_SIDE} × {PROGRAM_SIDE} px, CPU seconds")
        for line in program_lines(folder, options.model, options.rounds):
            print(line)


def table(calls: dict[str, Parts], megapixels: float) -> str:
    """Return a Markdown table of CPU seconds per megapixel."""
    lines = [f"| call | {' | '.join(PARTS)} | total | goal | objects |", "|---" * 8 + "|"]
    for name, parts in calls.items():
        seconds = [parts.get(part, 0.0) / megapixels for part in PARTS]
        cells = [f"{value:.3f}" for value in [*seconds, sum(seconds)]]
        lines.append(f"| {name} | {' | '.join(cells)} | {GOAL} | {parts['count']:.0f} |")
    return "\n".join(lines)


def program_lines(folder: Path, model: str, rounds: int) -> list[str]:
    """Say what ``cellwright segment`` costs with and without compiled kernels."""
    from cellwright.images.image import Image
    from cellwright.images.write import write

    image = folder / "image.tif"
    write(image, Image(fluorescence_field(PROGRAM_SIDE).image, "YX"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder / "kernels")

    def run(number: int) -> float:
        command = ["-m", "cellwright", "segment", str(image), "--model", model]
        return cpu_seconds([*command, "-o", str(folder / f"results{number}")])

    first = run(0)
    usual = statistics.median(run(number) for number in range(1, rounds + 1))
    return [
        f"first, kernels are compiled  {first:.2f}",
        f"usual, median of {rounds}           {usual:.2f}   goal {PROGRAM_GOAL:.1f}",
    ]


if __name__ == "__main__":
    main()
