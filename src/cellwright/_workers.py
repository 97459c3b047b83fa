"""Processes that work beside this one, and the processor cores they share."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from cellwright._words import is_in_terminal, speak_in_terminal

_ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
"""For the linear algebra of numpy, which reads it once, when it is loaded."""


class _Worker(SpawnProcess):
    """A process whose linear algebra has one thread, unless the user has said how many.

    For the small matrices here more are of no use, and those that wait for work use up a core,
    which the other processes need. It never hears Ctrl-C, which the main process answers for all:
    one that was still being loaded would print where it was.
    """

    def start(self) -> None:
        unsaid = {name: one for name, one in _ONE_THREAD.items() if name not in os.environ}
        os.environ.update(unsaid)
        try:
            with _ctrl_c_held_back():
                super().start()
        finally:
            for name in unsaid:
                del os.environ[name]


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Let Ctrl-C wait; processes that are started meanwhile inherit that it does, for good."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Workers(SpawnContext):
    # Spawned on every system: forking a process that runs threads (ONNX Runtime) can hang.
    Process = _Worker


def worker_pool(
    count: int, initializer: Callable[..., None], initargs: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """Return `count` processes, each for work on one core, which never outlive this one.

    Parameters
    ----------
    count : int
    initializer : callable
        Called first in each process, with `initargs`.

    Returns
    -------
    ProcessPoolExecutor
    """
    return ProcessPoolExecutor(
        count,
        mp_context=_Workers(),
        initializer=_begin,
        initargs=(is_in_terminal(), initializer, initargs),
    )


def _begin(in_terminal: bool, initializer: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    speak_in_terminal(in_terminal)  # for as long as the process lives
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back
    threading.Thread(target=_end_with_parent, daemon=True).start()
    initializer(*arguments)


def _end_with_parent() -> None:
    """Wait for the parent, which may be killed, and end whatever is being done."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def usual_workers() -> int:
    """Return how many of the cores had best prepare images while a network learns from them.

    Preparing takes about two thirds of the time of learning (256 x 256 px, the network of
    `nuclei`). More than four workers would take much memory, and a single core is not divided.
    """
    return min(4, round(0.4 * available_cores()))


def available_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
