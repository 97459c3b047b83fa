"""Time the scores of tracks beside py-ctcmetrics, and compare them with traccuracy's, too.

Run with ``OMP_NUM_THREADS=1 python benchmarks/bench_tracking_metrics.py --peers PYTHON``, where
PYTHON is one with ``py-ctcmetrics==1.3.3`` and ``traccuracy==0.4.3``; prints the CPU seconds of
each, reading included, their ratio, and the largest difference of the scores. Movies: a simulated
one of the size of HeLa nuclei, 92 frames of 700 × 1100 px, and the real ones where
``CELLWRIGHT_DATA`` has them. The results are the truths with every 17th detection lost and every
19th link cut.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _common import ROOT, describe_machine, one_thread_environment

from cellwright._files import write_text
from cellwright._types import LabelArray
from cellwright.images.write import write_labels
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.tracking.formats.ctc import open_ctc, read_ctc, write_ctc
from cellwright.tracking.metrics.challenge import score_folders
from cellwright.tracking.tracks import Tracks, make_tracks

ORACLE = ROOT / "tests" / "interop" / "tracking_oracle.py"
REAL = ("ctc_sim_ilastik/01_GT", "ctc_gowt1_02_sparse/02_GT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="A Python with py-ctcmetrics and traccuracy.")
    parser.add_argument("--frames", type=int, default=92)
    arguments = parser.parse_args()
    print(describe_machine(("numpy", "numba", "tifffile")))
    data = Path(os.environ.get("CELLWRIGHT_DATA", ROOT.parent / "shared" / "data"))
    with tempfile.TemporaryDirectory() as scratch:
        truths = {"simulated": simulated_truth(Path(scratch) / "truth", arguments.frames)}
        truths |= {name: data / name for name in REAL if (data / name).is_dir()}
        for name, truth in truths.items():
            result = Path(scratch) / "result"
            spoil(truth, result)
            report(name, result, truth, arguments.peers)
            shutil.rmtree(result)


def simulated_truth(folder: Path, frames: int) -> Path:
    """Write a movie of about a hundred dividing nuclei as a truth folder, every 10th frame SEG."""
    settings = NucleiSimulation(size=(700, 1100), diameter=22.0, density=0.045)
    _, labels, tracks = simulate_movie(settings, Motion(frames=frames, cycle=60.0), seed=0)
    for frame, mask in enumerate(labels):
        write_labels(folder / "TRA" / f"man_track{frame:03}.tif", mask)
        if frame % 10 == 0:
            write_labels(folder / "SEG" / f"man_seg{frame:03}.tif", mask)
    rows = np.column_stack([tracks[name] for name in ("label", "begin", "end", "parent")])
    lines = [" ".join(map(str, row)) for row in rows.tolist()]
    write_text(folder / "TRA" / "man_track.txt", "\n".join([*lines, ""]))
    return folder


def spoil(truth: Path, result: Path) -> None:
    """Write the truth without every 17th detection and every 19th link."""
    tracks = read_ctc(truth)
    rows = np.arange(1, len(tracks) + 1)
    kept = rows % 17 > 0
    rank = np.cumsum(kept) - 1
    links = np.arange(len(tracks.edges)) % 19 > 0
    links &= kept[tracks.edges].all(axis=1)
    spoiled = make_tracks(
        tracks.frame[kept],
        tracks.position[kept],
        rank[tracks.edges[links]],
        label=tracks.label[kept],
        frame_count=tracks.frame_count,
    )
    write_ctc(
        result,
        spoiled,
        (
            without(frame, tracks, ~kept, number)
            for number, frame in enumerate(open_ctc(truth).frames())
        ),
    )


def without(frame: LabelArray, tracks: Tracks, lost: np.ndarray, number: int) -> LabelArray:
    """Return a frame without the lost detections."""
    return np.where(np.isin(frame, tracks.label[lost & (tracks.frame == number)]), 0, frame)


def report(name: str, result: Path, truth: Path, peers: str | None) -> None:
    """Print the times of all programs, and how far their scores differ."""
    scores, seconds = timed(result, truth)
    errors = scores["errors"]
    print(f"\n{name}: {errors['detections']} detections, {errors['links']} links")
    print(f"  cellwright      {seconds:8.2f} s   TRA {scores['TRA']:.4f}  LNK {scores['LNK']:.4f}")
    if peers is None:
        return
    done = subprocess.run(
        [peers, str(ORACLE), str(result), str(truth)],
        capture_output=True,
        text=True,
        check=True,
        env=one_thread_environment(),
    )
    answer = json.loads(done.stdout)
    theirs = answer["challenge"]
    ratio = theirs["seconds"] / seconds
    print(f"  py-ctcmetrics   {theirs['seconds']:8.2f} s   {ratio:.0f} times as long")
    known = {one: value for one, value in theirs.items() if value is not None and one in scores}
    known |= answer["chota"]  # py-ctcmetrics loses mothers across gaps
    difference = max(abs(scores[one] - value) for one, value in known.items())
    print(f"  largest difference of {len(known)} scores: {difference:.1e}")


def timed(result: Path, truth: Path) -> tuple[dict[str, Any], float]:
    """Return the scores and the CPU seconds, the best of three after compiling."""
    score_folders(result, truth)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        scores = score_folders(result, truth)
        seconds.append(time.process_time() - start)
    return scores, min(seconds)


if __name__ == "__main__":
    main()
