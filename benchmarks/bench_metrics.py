"""Time `InstanceScores` against matching on a dense table of all pairs of objects.

Dense tables with an optimal assignment are the usual way (StarDist's and Cellpose's metrics).
Run with ``OMP_NUM_THREADS=1 python benchmarks/bench_metrics.py``; prints the CPU seconds of each
and their ratio, then the time of ours as objects become many.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from cellwright.metrics.matching import IOU_THRESHOLDS, InstanceScores


def squares(size: int, spacing: int, seed: int) -> np.ndarray:
    """Draw a grid of squares of random sizes, numbered from 1."""
    rng = np.random.default_rng(seed)
    offset = np.arange(size) % spacing
    node = np.arange(size) // spacing
    per_row = node[-1] + 1
    sides = rng.integers(spacing // 2, spacing, (2, per_row, per_row))
    rows, columns = node[:, None], node[None, :]
    inside = (offset[:, None] < sides[0][rows, columns]) & (
        offset[None, :] < sides[1][rows, columns]
    )
    return np.where(inside, rows * per_row + columns + 1, 0).astype(np.int32)


def dense_true_positives(
    truth: np.ndarray, prediction: np.ndarray, thresholds: Sequence[float]
) -> list[int]:
    ones = np.ones(truth.size, np.int64)
    overlap = csr_array((ones, (truth.ravel(), prediction.ravel()))).toarray()
    union = overlap.sum(0) + overlap.sum(1)[:, None] - overlap
    iou = (overlap / np.maximum(union, 1))[1:, 1:]
    found = []
    for threshold in thresholds:
        worth = (iou >= threshold) + iou / (2 * min(iou.shape))
        pairs = linear_sum_assignment(worth, maximize=True)
        found.append(int((iou[pairs] >= threshold).sum()))
    return found


def our_true_positives(
    truth: np.ndarray, prediction: np.ndarray, thresholds: Sequence[float]
) -> list[int]:
    matchings = InstanceScores(thresholds).add(truth, prediction)
    return [matching.counts.true_positives for matching in matchings.values()]


def timed(call: Callable[..., list[int]], *arguments: object) -> tuple[float, list[int]]:
    start = time.process_time()
    result = call(*arguments)
    return time.process_time() - start, result


def main() -> None:
    truth, prediction = squares(2048, 37, seed=0), squares(2048, 37, seed=1)
    our_true_positives(truth, prediction, (0.3, 0.5))
    ours, found = timed(our_true_positives, truth, prediction, IOU_THRESHOLDS)
    dense, expected = timed(dense_true_positives, truth, prediction, IOU_THRESHOLDS)
    print(
        f"2048 x 2048, {truth.max()} objects, {len(IOU_THRESHOLDS)} thresholds: cellwright "
        f"{ours:.3f} s, dense {dense:.2f} s, ratio {dense / ours:.0f}x, "
        f"{'equal' if found == expected else 'DIFFERENT'} true positives"
    )
    for spacing in (32, 8, 4):
        truth, prediction = squares(4096, spacing, seed=0), squares(4096, spacing, seed=1)
        seconds, _ = timed(our_true_positives, truth, prediction, IOU_THRESHOLDS)
        print(f"4096 x 4096, {truth.max()} objects: {seconds:.2f} s")


if __name__ == "__main__":
    main()
