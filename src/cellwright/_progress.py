"""One progress bar for everything that takes longer than a second."""

import os
import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")
_hidden = False


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
    shown = sys.stderr.isatty() or os.environ.get("CELLWRIGHT_PROGRESS") == "1"
    if _hidden or not shown:
        yield from items
        return
    from tqdm import tqdm

    if total is None and isinstance(items, Sized):
        total = len(items)
    yield from tqdm(items, desc=what, total=total, unit=unit, delay=1.0, leave=False)
