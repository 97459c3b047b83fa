"""Peak memory of tracking label images, by the number of frames.

    python benchmarks/bench_tracking_memory.py [--parts movie table linking] [--frames 25 100 400]
        [--side 2048] [--points 50000]

Disks on a jittered lattice drift by a few pixels a frame. Frames are read one at a time; what grows
is the table of objects and links. Each movie is tracked by a process of its own. Linux and macOS
only: Windows does not tell the peak.

Then tables of points are tracked, and points are linked, at random and with a velocity: the peak of
all arrays is told for each of them, of those that are given, and of what linking adds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from _tracking_cases import points

from cellwright._types import LabelArray
from cellwright.images.write import write_labels
from cellwright.measure.tables import write_csv
from cellwright.tracking.link import link
from cellwright.tracking.options import LinkOptions

SPACING = 32
RADIUS = 9
TRACK = """
import resource, sys
from cellwright.runs.track.run import track_movie
def peak():
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
before = peak()
print(track_movie(sys.argv[1], sys.argv[2]).summary["detections"], before, peak())
"""


def frames(count: int, side: int) -> Iterator[LabelArray]:
    """Yield label images of disks that wander."""
    rng = np.random.default_rng(0)
    lattice = np.arange(SPACING, side - SPACING, SPACING)
    place = np.stack(np.meshgrid(lattice, lattice), -1).reshape(-1, 2).astype(float)
    offsets = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1].reshape(2, -1).T
    offsets = offsets[(offsets**2).sum(axis=1) <= RADIUS**2]
    for _ in range(count):
        here = place + rng.normal(0, 2, place.shape).clip(-5, 5)
        labels = np.zeros((side, side), np.int32)
        y, x = (np.rint(here).astype(int)[:, None] + offsets).transpose(2, 0, 1)
        labels[y, x] = np.arange(1, len(place) + 1)[:, None]
        yield labels


def tracked(source: Path, out: Path) -> tuple[int, int, int]:
    """Track a movie in a process of its own: objects, and peaks in bytes before and at the end."""
    done = subprocess.run(
        [sys.executable, "-c", TRACK, str(source), str(out)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    objects, before, peak = map(int, done.stdout.split())
    return objects, before, peak


def slope(known: list[tuple[int, int]], what: str) -> None:
    """Print what each object more takes, of (objects, peak) of movies of several sizes."""
    if len(known) > 1:
        (few, low), (many, high) = known[0], known[-1]
        print(f"{(high - low) / (many - few):.0f} bytes for each {what} more", flush=True)


def movies(lengths: list[int], side: int) -> None:
    """Print the peak of tracking label images of so many frames."""
    known: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as name:
        movie = Path(name) / "movie"
        for number, labels in enumerate(frames(max(lengths), side)):
            write_labels(movie / f"t{number:04}.tif", labels)
            if number + 1 in lengths:
                objects, before, peak = tracked(movie, Path(name) / f"out{number}")
                known.append((objects, peak))
                pixels = (number + 1) * labels.nbytes
                print(
                    f"{number + 1:>5} frames, {pixels / 1e9:5.2f} GB of labels, {objects:>9,} "
                    f"objects: peak {peak / 1e6:.0f} MB, of it the program {before / 1e6:.0f} MB",
                    flush=True,
                )
    slope(known, "object")


def write_points(path: Path, count: int, length: int) -> None:
    """Write a table of points, so many in each of some frames."""
    given = points(count, length, 2, 0).detections
    y, x = given.position.T
    write_csv(path, {"frame": given.frame, "y": y, "x": x})


def tables(count: int) -> None:
    """Print the peak of tracking tables of so many points a frame, by the number of frames."""
    known: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as name:
        for length in (20, 80):
            source = Path(name) / f"points{length}.csv"
            # By another process: one begins with the peak of its parent.
            maker = get_context("spawn").Process(target=write_points, args=(source, count, length))
            maker.start()
            maker.join()
            objects, before, peak = tracked(source, Path(name) / f"out{length}")
            known.append((objects, peak))
            print(
                f"a table of {objects:,} points: peak {peak / 1e6:.0f} MB, of it the program "
                f"{before / 1e6:.0f} MB",
                flush=True,
            )
    slope(known, "point")


def linking(count: int, motion: str) -> None:
    """Print the peak of the arrays of linking, in bytes for each of so many points a frame."""
    link(points(500, 4, 2, 0).detections, LinkOptions(motion=motion))  # compiles
    given = points(count, 20, 2, 0).detections
    arrays = (given.frame, given.label, given.position)
    tracemalloc.start()
    link(given, LinkOptions(motion=motion))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    own = sum(one.nbytes for one in arrays)
    print(
        f"{len(given):,} points, motion {motion}: {own / len(given):.0f} bytes given and "
        f"{peak / len(given):.0f} more for each",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("movie", "table", "linking")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--frames", type=int, nargs="+", default=[25, 100, 400])
    parser.add_argument("--side", type=int, default=2048, help="of a frame, in px")
    parser.add_argument("--points", type=int, default=50_000, help="a frame, that are linked")
    options = parser.parse_args()
    if "movie" in options.parts:  # before others: a process begins with the peak of its parent
        movies(options.frames, options.side)
    if "table" in options.parts:
        tables(options.points)
    if "linking" not in options.parts:
        return
    for motion in ("auto", "directed"):
        linking(options.points, motion)


if __name__ == "__main__":
    main()
