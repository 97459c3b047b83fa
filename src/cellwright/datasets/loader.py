"""Batches of random patches, the same for any number of worker processes.

Sample `i` of step `s` depends on nothing but the seed, `s` and `i`. Training can therefore resume
at any step and go on exactly as if it had never stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

import numpy as np

from cellwright._errors import DatasetError, UsageError
from cellwright._types import DoubleArray
from cellwright._workers import worker_pool
from cellwright.datasets.records import Example
from cellwright.datasets.sampler import Batch, DecodedCache, Patches, Sampler

_AHEAD = 2  # batches prepared in advance by each worker


def batches(
    examples: Sequence[Example],
    patches: Patches,
    *,
    steps: int,
    first_step: int = 0,
    seed: int = 0,
    weights: Sequence[float] | DoubleArray | None = None,
    workers: int = 0,
    cache_bytes: int = 256 << 20,
) -> Iterator[Batch]:
    """Yield the batches of steps `first_step` to `steps` - 1.

    Parameters
    ----------
    examples : sequence of Example
        What patches are drawn from. Without `weights`, each is visited once before any is
        visited again.
    patches : Patches
        What they are like.
    steps, first_step : int
        Where to stop, and where to start: resuming means giving the step that was reached.
    seed : int
        Seed of every choice.
    weights : sequence of float, optional
        Relative probability of each example, such as from `balanced_weights`.
    workers : int
        Processes that prepare batches; 0 prepares them in this one. Scripts that use workers
        must keep their code under ``if __name__ == "__main__"``.
    cache_bytes : int
        Most memory for decoded images in each process.

    Yields
    ------
    dict of str to ndarray
        ``"pixels"`` (N, C, [Z,] Y, X), float32, and each array of `transform` with N in front.

    Raises
    ------
    DatasetError
        If an example cannot be used; the message names its file.
    InputError
        If a file cannot be read.
    """
    if not examples:
        raise DatasetError("There are no examples to train on.")
    if patches.batch_size < 1 or workers < 0:
        raise UsageError("A batch needs at least one patch, and workers cannot be negative.")
    probabilities = _probabilities(weights, len(examples))
    sampler = Sampler(tuple(examples), patches, seed, probabilities, cache_bytes)
    if workers == 0:
        cache = sampler.new_cache()
        return (sampler.batch(step, cache) for step in range(first_step, steps))
    return _in_processes(sampler, range(first_step, steps), workers)


def balanced_weights(examples: Sequence[Example], by: str = "kind") -> DoubleArray:
    """Return weights that make each kind (or group, or category) equally likely.

    Parameters
    ----------
    examples : sequence of Example
    by : str
        ``"kind"``, ``"group"`` or ``"category"``. Examples without one form a class of their own.

    Returns
    -------
    ndarray, shape (len(examples),), float64
        Probabilities that sum to 1.
    """
    if by not in ("kind", "group", "category"):
        raise UsageError(f"Examples are balanced by kind, group or category, not by '{by}'.")
    names = [str(getattr(example, by)) for example in examples]
    _, index, counts = np.unique(names, return_inverse=True, return_counts=True)
    weights: DoubleArray = 1.0 / (counts[index] * len(counts))
    return weights


def _probabilities(weights: Sequence[float] | DoubleArray | None, count: int) -> DoubleArray | None:
    if weights is None:
        return None
    values = np.asarray(weights, np.float64)
    if values.shape != (count,) or not np.all(values >= 0) or not 0 < values.sum() < np.inf:
        raise UsageError(
            f"{values.size} sampling weights were given for {count} examples; give one each, "
            "finite, none negative and not all 0."
        )
    return np.asarray(values / values.sum())


def _in_processes(sampler: Sampler, steps: range, workers: int) -> Iterator[Batch]:
    """Yield batches in order while `workers` processes prepare the next ones."""
    pool = worker_pool(workers, _start_worker, (sampler,))
    remaining = iter(steps)
    pending: deque[Future[Batch]] = deque()
    try:
        for step in islice(remaining, _AHEAD * workers):
            pending.append(pool.submit(_work, step))
        while pending:
            batch = pending.popleft().result()
            for step in islice(remaining, 1):
                pending.append(pool.submit(_work, step))
            yield batch
    except BrokenProcessPool as error:
        raise DatasetError(
            "A worker process that prepares batches ended unexpectedly, most often because "
            "memory ran out. Use fewer workers, or smaller patches or batches; scripts must keep "
            "their code under 'if __name__ == \"__main__\"'."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_worker: tuple[Sampler, DecodedCache] | None = None


def _start_worker(sampler: Sampler) -> None:
    global _worker
    _worker = sampler, sampler.new_cache()


def _work(step: int) -> Batch:
    assert _worker is not None
    sampler, cache = _worker
    return sampler.batch(step, cache)
