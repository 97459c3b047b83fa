"""A database in one file that is only worked on by one program, from any of its threads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from cellwright._errors import OutputError


class Database:
    """What is written is on the disk when a method returns, from whatever thread it is called.

    Parameters
    ----------
    path : Path
        Made, with its folder, when missing.

    Raises
    ------
    OutputError
        If it cannot be opened or written; so does every method.
    """

    schema: ClassVar[str]
    """Statements that make what is not there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # an edit is on the disk when it returns
            self._db.executescript(self.schema)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._explained(), self._lock:
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise OutputError(
                f"Cannot write the journal '{self._path}': {error}. The last edit was not made. "
                "Free space on the disk and check that you may write there."
            ) from error


def now() -> str:
    """Return the time as databases keep it: ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def append_only(*tables: str) -> str:
    """Return statements that keep rows of tables from being changed or removed."""
    return "".join(
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_{act} BEFORE {act} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;"
        for table in tables
        for act in ("UPDATE", "DELETE")
    )
