"""How long it takes until the program is there, and until one image is done: CPU seconds.

python benchmarks/bench_startup.py

Medians of fresh processes. What is compiled for this processor is kept; *first* are runs without
it, as after an installation.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import cellwright as cw
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

REPEATS = 9
STARTS = {
    "python, nothing imported": (["-c", "pass"], None),
    "import cellwright": (["-c", "import cellwright"], 0.15),
    "cellwright --help": (["-m", "cellwright", "--help"], 0.40),
    "cellwright --version": (["-m", "cellwright", "--version"], 0.40),
}


def cpu_seconds(arguments: list[str], cache: Path | None = None) -> float:
    """Return the CPU time of one fresh interpreter, in s, as the operating system counts it."""
    command = [sys.executable, *arguments]
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    try:
        import resource
    except ImportError:  # Windows: wall time is the best there is
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        return time.perf_counter() - start
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def print_starts() -> None:
    """Print how long the program takes to be there."""
    print(f"{'':<28}{'median':>10}{'best':>10}{'goal':>10}   CPU s, {REPEATS} fresh processes")
    for name, (arguments, goal) in STARTS.items():
        cpu_seconds(arguments)  # fills the caches of the disk and of bytecode
        times = [cpu_seconds(arguments) for _ in range(REPEATS)]
        aim = f"{goal:.2f}" if goal else ""
        print(f"{name:<28}{statistics.median(times):>10.3f}{min(times):>10.3f}{aim:>10}")


def print_commands(folder: Path) -> None:
    """Print how long small jobs take, the first time and after that."""
    pixels, labels = simulate_field(NucleiSimulation(size=(512, 512)), seed=1)
    cw.write(folder / "images/field.tif", cw.Image(pixels, "YX"))
    cw.write_labels(folder / "labels/field.tif", labels)
    _, outlines, _ = simulate_movie(NucleiSimulation(size=(512, 512)), Motion(frames=10), seed=1)
    cw.write(folder / "movie.tif", cw.Image(outlines.astype(np.uint16), "TYX"))
    jobs = {
        "segment, 512 x 512 px": ["segment", str(folder / "images")],
        "measure, 512 x 512 px": ["measure", str(folder / "labels")],
        "track, 10 frames of labels": ["track", str(folder / "movie.tif")],
    }
    print(f"\n{'':<28}{'first':>10}{'later':>10}{'goal':>10}   CPU s, median of 3 after the first")
    for name, job in jobs.items():
        command = ["-m", "cellwright", *job, "--overwrite", "-o", str(folder / job[0])]
        first = cpu_seconds(command, folder / "cache")
        later = statistics.median(cpu_seconds(command, folder / "cache") for _ in range(3))
        aim = "3.00" if job[0] == "segment" else ""
        print(f"{name:<28}{first:>10.1f}{later:>10.1f}{aim:>10}")


if __name__ == "__main__":
    print_starts()
    with tempfile.TemporaryDirectory() as temporary:
        print_commands(Path(temporary))
