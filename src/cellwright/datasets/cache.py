"""What is kept in memory: the most recently used values, and what was read from files."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RecentlyUsed(Generic[Key, Value]):
    """Keeps values until their bytes exceed a limit, then forgets the least recently used.

    Parameters
    ----------
    limit : int
        Bytes to keep at most. A single larger value is returned but not kept.
    size : callable
        Returns the bytes of a value.
    """

    def __init__(self, limit: int, size: Callable[[Value], int]) -> None:
        self._limit = limit
        self._size = size
        self._used = 0
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, calling `make` when it is not there."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = make()
        size = self._size(value)
        if size <= self._limit:
            self._values[key] = value
            self._used += size
        while self._used > self._limit:
            self._used -= self._size(self._values.popitem(last=False)[1])
        return value

    @property
    def used(self) -> int:
        """Bytes kept."""
        return self._used


def while_unchanged(read: Callable[[Path], Value]) -> Callable[[Path], Value]:
    """Keep what a function reads from the last few files until these change."""

    @lru_cache(maxsize=4)
    def kept(path: Path, size: int, changed: int) -> Value:
        return read(path)

    @wraps(read)
    def current(path: Path) -> Value:
        try:
            known = path.stat()
        except OSError:
            return read(path)  # which says what is wrong
        return kept(path, known.st_size, known.st_mtime_ns)

    return current
