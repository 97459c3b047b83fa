"""The classes of objects of a project: what they are called, and how they look on the page."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cellwright._errors import UsageError
from cellwright._files import write_json
from cellwright.studio.facts import CLASS, Change, Facts
from cellwright.studio.journal import Patch

COLOURS = (
    "#f2b705", "#2bb3ff", "#ff5c8a", "#3ddc84", "#b98cff",
    "#ff8a3d", "#25d6d0", "#d7e04a", "#ff6fe0",
)  # fmt: skip
KEYS = range(1, 10)
_COLOUR = re.compile("#[0-9a-f]{6}")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """A class of objects.

    Parameters
    ----------
    id : int
        From 1; never used twice.
    name : str
    colour : str
        Such as ``"#ff5c8a"``.
    key : int
        Of the keyboard, 1 to 9; 0 for none.
    """

    id: int
    name: str
    colour: str
    key: int


class ObjectClasses:
    """The classes of a project, in a file. All methods may be called from any thread.

    Parameters
    ----------
    path : Path
        The JSON file; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._classes = {one["id"]: ObjectClass(**one) for one in content.get("classes", ())}
        self._last = content.get("last", 0)

    def all(self) -> list[ObjectClass]:
        """Return the classes in the order in which they were made."""
        with self._lock:
            return list(self._classes.values())

    def name(self, number: int) -> str | None:
        """Return what a class is called; None where it was removed."""
        with self._lock:
            one = self._classes.get(number)
            return None if one is None else one.name

    def number(self, name: str) -> int:
        """Return the number of the class of a name, which is made when missing."""
        with self._lock:
            known = next((one for one in self._classes.values() if one.name == name), None)
            return (known or self.add(name)).id

    def known(self, number: int) -> int:
        """Return the number of a class.

        Raises
        ------
        UsageError
            If there is no such class.
        """
        if self.name(number) is None:
            raise UsageError(f"There is no class {number}; reload the page.")
        return number

    def add(self, name: str) -> ObjectClass:
        """Make a class, with a colour and key that are free.

        Raises
        ------
        UsageError
            If the name is empty, too long, or that of another class.
        """
        with self._lock:
            taken = self.all()
            colours = {one.colour for one in taken}
            keys = {one.key for one in taken}
            number = self._last + 1
            made = ObjectClass(
                number,
                self._checked_name(name, number),
                next((c for c in COLOURS if c not in colours), COLOURS[number % len(COLOURS)]),
                next((key for key in KEYS if key not in keys), 0),
            )
            self._last = number
            self._keep(made)
            return made

    def change(
        self,
        number: int,
        *,
        name: str | None = None,
        colour: str | None = None,
        key: int | None = None,
    ) -> ObjectClass:
        """Change what is given of a class; another one with the same key loses it.

        Raises
        ------
        UsageError
            If there is no such class, or it cannot be so.
        """
        with self._lock:
            own = self._classes[self.known(number)]
            if name is not None:
                own = replace(own, name=self._checked_name(name, number))
            if colour is not None:
                if not _COLOUR.fullmatch(colour):
                    raise UsageError(f"'{colour[:20]}' is no colour such as '#ff5c8a'.")
                own = replace(own, colour=colour)
            if key is not None:
                if key and key not in KEYS:
                    raise UsageError(f"The key of a class is 1 to 9, or 0 for none, not {key}.")
                own = replace(own, key=key)
                for other in self.all():
                    if key and other.key == key and other.id != number:
                        self._classes[other.id] = replace(other, key=0)
            self._keep(own)
            return own

    def remove(self, number: int) -> None:
        """Forget a class; objects that have it are of no class then."""
        with self._lock:
            del self._classes[self.known(number)]
            self._write()

    def _checked_name(self, name: str, number: int) -> str:
        name = name.strip()
        if not name or len(name) > _LONGEST or not name.isprintable():
            raise UsageError(f"Give the class a name of at most {_LONGEST} letters.")
        if any(one.name == name and one.id != number for one in self._classes.values()):
            raise UsageError(f"There is a class '{name}' already.")
        return name

    def _keep(self, one: ObjectClass) -> None:
        self._classes[one.id] = one
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        classes = [asdict(one) for one in self._classes.values()]
        write_json(self._path, {"last": self._last, "classes": classes})


def of_new_objects(facts: Facts, patches: Sequence[Patch], first: int, drawn: int) -> list[Change]:
    """Return the classes of objects that an edit makes.

    Parameters
    ----------
    facts : Facts
    patches : sequence of Patch
        What becomes of the pixels.
    first : int
        Labels from here on are new.
    drawn : int
        The class of what is drawn where nothing was, 0 for none. What is cut from an object is of
        its class.
    """
    pixels: dict[int, Counter[int]] = {}
    for patch in patches:
        fresh = patch.after >= first
        pairs = patch.after[fresh].astype(np.int64) << 32 | np.maximum(patch.before[fresh], 0)
        for pair, count in zip(*np.unique(pairs, return_counts=True), strict=True):
            pixels.setdefault(int(pair) >> 32, Counter())[int(pair) & 0xFFFFFFFF] += int(count)
    values = {}
    for label, before in pixels.items():
        ((mother, _),) = before.most_common(1)
        values[label] = facts[CLASS].get(mother) if mother else drawn or None
    return facts.changes(CLASS, values)
