"""Who annotates: names, colours, and where everybody is by now."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from cellwright._errors import UsageError
from cellwright.studio.database import Database, append_only, now

LONGEST_NAME = 40  # characters
COLOURS = (
    *("#e4572e", "#2e86de", "#8e5bd0", "#c99a06", "#1f9d61", "#d6458b"),
    *("#11a0b4", "#a0663c", "#5f7fd8", "#7a9b1e", "#b355b8", "#d0703f"),
)
"""In the order in which people come; then they begin anew. All are seen on white and on black."""
_PRESENT_S = 5.0
_UNFIT = re.compile(r'[<>:"/\\|?*]|^\.|[. ]$')
"""What names of folders cannot have on one system or another."""
_TAKEN = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
_TABLES = """
CREATE TABLE IF NOT EXISTS people (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, made TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who annotates.

    Parameters
    ----------
    name : str
    colour : str
        As in CSS.
    """

    name: str
    colour: str


class People(Database):
    """Everybody who annotates a project; see `Database`."""

    schema = _TABLES + append_only("people")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._at: dict[str, tuple[int, float]] = {}
        self._watching = threading.Lock()

    def all(self) -> list[Person]:
        """Return everybody, the first to come first."""
        names = [name for (name,) in self._rows("SELECT name FROM people ORDER BY id")]
        return [Person(name, COLOURS[i % len(COLOURS)]) for i, name in enumerate(names)]

    def join(self, name: str) -> Person:
        """Return the person of a name, who from now on is known.

        Names that differ in capitals only are the same.

        Raises
        ------
        UsageError
            If it is none that a folder can have, too: labels of one person are in a folder of
            that name.
        """
        name = unicodedata.normalize("NFC", name).strip()
        if (known := self._known(name)) is not None:
            return known
        _check_name(name)
        with self._explained(), self._lock:
            if self._known(name) is None:  # two may come at once, as "Bo" and "bo"
                self._db.execute("INSERT INTO people (name, made) VALUES (?, ?)", (name, now()))
            return self.named(name)

    def named(self, name: str) -> Person:
        """Return the person of a name.

        Raises
        ------
        UsageError
            If nobody is called so.
        """
        known = self._known(name)
        if known is None:
            raise UsageError(f"Nobody here is called '{name[:LONGEST_NAME]}': say who you are.")
        return known

    def come(self, name: str, image: int) -> None:
        """Note that somebody looks at an image."""
        with self._watching:
            self._at[name] = image, time.monotonic()

    def present(self) -> dict[str, int]:
        """Return who is here, and at which image."""
        latest = time.monotonic() - _PRESENT_S
        with self._watching:
            return {name: image for name, (image, when) in self._at.items() if when > latest}

    def _known(self, name: str) -> Person | None:
        wanted = name.casefold()
        return next((one for one in self.all() if one.name.casefold() == wanted), None)


def fit_name(name: str) -> str:
    """Return a name that somebody can have, as like a given one as can be."""
    fit = _UNFIT.sub("-", "".join(c for c in name if c.isprintable())[:LONGEST_NAME])
    return fit if fit and not _TAKEN.match(fit) else "annotator"


def _check_name(name: str) -> None:
    unfit = _UNFIT.search(name) or _TAKEN.match(name) or not name.isprintable()
    if not name or len(name) > LONGEST_NAME or unfit:
        raise UsageError(
            f"'{name[:LONGEST_NAME]}' is no name to annotate under: give up to {LONGEST_NAME} "
            'letters, without / \\ : * ? " < > | and without a dot at either end.'
        )
