"""What is said about objects, boxes and points beside their pixels, and how that changes.

A fact is a value (anything JSON can hold) under what it is about and a number: the class of object
12, the corners of box 3. Facts change with edits, as pixels do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

CLASS = "class"
"""About an object: the number of its class."""
PARENT = "parent"
"""About an object of a movie: the label of the track that it comes from, 0 for none."""
BOX, POINT = "box", "point"
MARKS = {BOX: "boxes", POINT: "points"}
"""What marks objects without outlines, and many of it."""
ABOUT_OBJECTS = (CLASS, PARENT)
"""What is said about objects, by their label."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit did to one fact.

    Parameters
    ----------
    about : str
        What kind of fact it is.
    number : int
        Of the object, box or point.
    before, after : JSON value
        None where nothing is said.
    """

    about: str
    number: int
    before: Any
    after: Any


class Facts:
    """What is said by now."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, Any]] = {}

    def __getitem__(self, about: str) -> Mapping[int, Any]:
        """Return the values of one kind by number."""
        return MappingProxyType(self._known.get(about, {}))

    def largest(self, *kinds: str) -> int:
        """Return the largest number about which something is said."""
        return max((n for about in kinds for n in self._known.get(about, ())), default=0)

    def take(self, changes: Iterable[Change]) -> None:
        """Say what was changed."""
        for change in changes:
            known = self._known.setdefault(change.about, {})
            if change.after is None:
                known.pop(change.number, None)
            else:
                known[change.number] = change.after

    def changes(self, about: str, values: Mapping[int, Any]) -> list[Change]:
        """Return what it takes to say `values`; None says nothing any more."""
        known = self[about]
        return [
            Change(about, number, known.get(number), after)
            for number, after in values.items()
            if known.get(number) != after
        ]

    def still(self, changes: Iterable[Change]) -> list[Change]:
        """Return the changes of what nobody has said otherwise since."""
        return [c for c in changes if self[c.about].get(c.number) == c.before]

    def differences(self, other: Facts) -> list[Change]:
        """Return what it takes to say what `other` says."""
        return [
            change
            for about in self._known.keys() | other._known.keys()
            for change in self.changes(about, dict.fromkeys(self[about]) | dict(other[about]))
        ]

    def copy(self) -> Facts:
        """Return the facts as they are now."""
        copy = Facts()
        copy._known = {about: dict(values) for about, values in self._known.items()}
        return copy
