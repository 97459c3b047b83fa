"""What everything that takes longer than a second has: a progress bar, and a limit on its time."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from cellwright._errors import TimeIsUp

Item = TypeVar("Item")
_hidden = False
_deadline: ContextVar[float | None] = ContextVar("_deadline", default=None)


def hide_progress(hidden: bool = True) -> None:
    """Switch progress bars off (or on again) for this process."""
    global _hidden
    _hidden = hidden


def progress(
    items: Iterable[Item], what: str, *, total: int | None = None, unit: str = "image"
) -> Iterator[Item]:
    """Yield `items` while showing how far along they are on standard error.

    Nothing is shown in the first second, when bars are hidden, or when standard error is
    neither a terminal nor forced by ``CELLWRIGHT_PROGRESS=1``.

    Parameters
    ----------
    items : iterable
        What is gone through.
    what : str
        What is being done, such as ``"Segmenting"``.
    total : int, optional
        Number of items, when `items` has no length.
    unit : str
        What one item is.
    """
    if not _shown():
        yield from _in_time(items)
        return
    from tqdm import tqdm

    if total is None and isinstance(items, Sized):
        total = len(items)
    yield from _in_time(tqdm(items, desc=what, total=total, unit=unit, delay=1.0, leave=False))


@contextmanager
def progress_line(
    what: str, *, total: float, done: float = 0, unit: str
) -> Iterator[Callable[[float, str], None]]:
    """Show how far one long job is, under the same conditions as `progress`.

    Parameters
    ----------
    what : str
        What is being done, such as ``"Training"``.
    total, done : float
        The whole of it, and what was already done before.
    unit : str
        What one of `total` is.

    Yields
    ------
    callable
        ``show(done, remark)``: call it whenever there is news.
    """
    if not _shown():
        yield lambda done, remark: None
        return
    from tqdm import tqdm

    first = done
    with tqdm(desc=what, total=total, initial=first, unit=unit, leave=False) as bar:

        def show(done: float, remark: str) -> None:
            bar.set_postfix_str(remark, refresh=bar.n == first)  # the first news at once
            bar.update(done - bar.n)

        yield show


def remark(text: str) -> None:
    """Say on standard error what a person who waits should know, where bars would be shown."""
    if _shown():
        sys.stderr.write(f"{text}\n")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let what is done inside take so long, or no longer than an outer limit.

    Raises
    ------
    TimeIsUp
        At the next item of a `progress`, or the next `check_time`, after that.
    """
    outer, mine = _deadline.get(), time.monotonic() + seconds
    token = _deadline.set(mine if outer is None else min(outer, mine))
    try:
        yield
    finally:
        _deadline.reset(token)


def check_time() -> None:
    """Raise `TimeIsUp` where a `time_limit` has passed: for long loops without a bar."""
    deadline = _deadline.get()
    if deadline is not None and time.monotonic() > deadline:
        raise TimeIsUp("It took longer than it may.")


def _in_time(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        check_time()
        yield item


def _shown() -> bool:
    forced = os.environ.get("CELLWRIGHT_PROGRESS") == "1"
    return not _hidden and (forced or sys.stderr.isatty())
