"""Going through many images: each on its own, several at a time, the finished ones skipped."""

import math
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait as wait_for_ends
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from cellwright._errors import CellwrightError, OutputError, was_interrupted
from cellwright._progress import progress
from cellwright._types import Table
from cellwright._words import option
from cellwright._workers import worker_pool
from cellwright.runs.results.folder import RunFolder
from cellwright.runs.results.plan import Outcome

_TIDYING = 3.0  # s in which a worker that was asked to end is left alone


@dataclass(frozen=True, slots=True)
class Task:
    """One image to be worked on.

    Parameters
    ----------
    image : str
        The name of the image in tables: its path below the input folder, and the scene if any.
    path : Path
        The file.
    output : str
        Where its result goes, relative to the result folder and without a suffix.
    scene : str, optional
        Which image of a file that holds several.
    """

    image: str
    path: Path
    output: str
    scene: str | None = None


Work = Callable[[Task], tuple[Outcome, Table]]
"""Does one task: a picklable function, since it may run in another process."""


@dataclass(slots=True)
class Stopwatch:
    """Adds up the seconds spent in named steps."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the time of a ``with`` block for the step `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def run_batch(
    folder: RunFolder, tasks: Sequence[Task], work: Work, *, jobs: int, what: str
) -> list[Outcome]:
    """Do all `tasks` that are not done yet and keep what became of each in `folder`.

    An image that fails does not stop the others.

    Parameters
    ----------
    folder : RunFolder
        Where results are kept.
    tasks : sequence of Task
    work : callable
        Does one task.
    jobs : int
        Processes that work at the same time.
    what : str
        What is being done, for the progress bar.

    Returns
    -------
    list of Outcome
        One for each task, in their order.

    Raises
    ------
    OutputError
        If results cannot be written: no other image could be either.
    """
    outcomes = {task.image: folder.outcome(task.image) for task in tasks}
    todo = [task for task in tasks if outcomes[task.image] is None]
    finished = _serially(todo, work) if jobs == 1 else _in_processes(todo, work, jobs)
    for outcome, table in progress(finished, what, total=len(todo)):
        folder.keep(outcome, table)
        outcomes[outcome.image] = outcome
    return [outcome for outcome in outcomes.values() if outcome is not None]


def _serially(tasks: Sequence[Task], work: Work) -> Iterator[tuple[Outcome, Table | None]]:
    for task in tasks:
        yield _attempt(work, task)


def _in_processes(
    tasks: Sequence[Task], work: Work, jobs: int
) -> Iterator[tuple[Outcome, Table | None]]:
    pool = worker_pool(jobs, _prepare_worker)
    waiting = iter(tasks)
    running: dict[Future[tuple[Outcome, Table | None]], Task] = {}
    others = set(multiprocessing.active_children())
    try:
        while True:
            # A short queue: results of many images never pile up in memory.
            for task in waiting:
                running[pool.submit(_attempt_in_worker, work, task)] = task
                if len(running) >= 2 * jobs:
                    break
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                del running[future]
                yield future.result()
    except BrokenProcessPool as error:
        raise CellwrightError(
            "A worker process died, most likely because memory ran out. What is finished is kept: "
            f"do the same again with a lower value for {option('jobs')}."
        ) from error
    except BaseException:  # interrupted, or nobody wants the rest: an image may take minutes
        _end(set(multiprocessing.active_children()) - others)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _end(workers: Iterable[BaseProcess]) -> None:
    """Ask workers to end until they do: an import, for one, may swallow what interrupts it."""
    alive: dict[Any, BaseProcess] = {worker.sentinel: worker for worker in workers}
    while alive:
        for worker in alive.values():
            worker.terminate()
        for ended in wait_for_ends(list(alive), _TIDYING + 1):
            del alive[ended]


def _prepare_worker() -> None:
    """Stop when the main process says so, which alone hears Ctrl-C."""
    asked = -math.inf

    def stop(*_: object) -> None:
        """Leave what is being done, tidying up on the way out."""
        # The pool asks once more when it sees another worker end, maybe while this one tidies up.
        nonlocal asked
        if time.monotonic() - asked > _TIDYING:
            asked = time.monotonic()
            raise SystemExit

    signal.signal(signal.SIGTERM, stop)


def _attempt_in_worker(work: Work, task: Task) -> tuple[Outcome, Table | None]:
    try:
        return _attempt(work, task)
    except (SystemExit, KeyboardInterrupt):
        os._exit(0)  # or the worker would go on with the next task


def _attempt(work: Work, task: Task) -> tuple[Outcome, Table | None]:
    """Do one task; a failure is its outcome, unless no result can be written at all."""
    try:
        return work(task)
    except OutputError:
        raise
    except CellwrightError as error:
        return Outcome(task.image, error=str(error)), None
    except MemoryError:
        message = (
            f"'{task.path}' needs more memory than there is. Choose a smaller tile with "
            f"{option('tile')}."
        )
        return Outcome(task.image, error=message), None
    except Exception as error:
        if was_interrupted(error):
            raise KeyboardInterrupt from error
        message = f"'{task.path}': {type(error).__name__}: {error} (this is a bug in Cellwright)"
        facts = {"traceback": traceback.format_exc()}
        return Outcome(task.image, error=message, facts=facts), None
