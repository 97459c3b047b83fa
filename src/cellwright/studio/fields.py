"""What the page may ask for, checked before anything is done with it."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright.studio.levels import Place
from cellwright.studio.tools import Point

_MOST_POINTS = 50_000
_FARTHEST = 1e7  # px
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON can name, but nothing can write."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The parameters of a request, from its address or its body.

    Parameters
    ----------
    values : mapping
        What came in, of any type.
    person : str
        Who says to be asking; nothing where that is left open.
    """

    values: Mapping[str, Any]
    person: str = ""

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a whole number from 0.

        Raises
        ------
        UsageError
            If it is none, or missing without a default.
        """
        value = self.values.get(name, default)
        if isinstance(value, str) and value.isdecimal() and len(value) < 10:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
            raise UsageError(f"'{name}' must be a whole number from 0, not {_short(value)}.")
        return value

    def number(self, name: str) -> float:
        """Return a finite number."""
        return _number(name, self.values.get(name))

    def decimal(self, name: str) -> float:
        """Return a finite number from an address, where it is written out."""
        value = self.values.get(name)
        try:
            return _number(name, float(value)) if isinstance(value, str) else self.number(name)
        except ValueError as error:
            raise UsageError(f"'{name}' must be a number, not {_short(value)}.") from error

    def flag(self, name: str) -> bool:
        """Return true or false; false when it is not given."""
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise UsageError(f"'{name}' must be true or false, not {_short(value)}.")
        return value

    def text(self, name: str) -> str:
        """Return a string."""
        value = self.values.get(name)
        if not isinstance(value, str) or _HALF.search(value):
            raise UsageError(f"'{name}' must be text, not {_short(value)}.")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a string; None when it is not given."""
        return None if self.values.get(name) is None else self.text(name)

    def optional_integer(self, name: str) -> int | None:
        """Return a whole number from 0; None when it is not given."""
        return None if self.values.get(name) is None else self.integer(name)

    def texts(self, name: str) -> list[str]:
        """Return a list of strings."""
        value = self.values.get(name)
        if not isinstance(value, list):
            raise UsageError(f"'{name}' must be a list of texts, not {_short(value)}.")
        return [Fields({name: one}).text(name) for one in value]

    def place(self) -> Place:
        """Return the plane that ``t`` and ``z`` name; the first where they are not given."""
        return Place(self.integer("t", 0), self.integer("z", 0))

    def point(self, name: str) -> Point:
        """Return a position ``[y, x]``."""
        return _point(name, self.values.get(name))

    def points(self) -> list[Point]:
        """Return the positions ``points``."""
        value = self.values.get("points")
        if not isinstance(value, list) or len(value) > _MOST_POINTS:
            raise UsageError(f"'points' must be a list of at most {_MOST_POINTS} positions.")
        return [_point("points", one) for one in value]

    def labels(self) -> list[int]:
        """Return the list ``labels`` of whole numbers above 0."""
        found = self.whole_numbers("labels")
        if 0 in found:
            raise UsageError("'labels' must be above 0.")
        return found

    def whole_numbers(self, name: str) -> list[int]:
        """Return a list of whole numbers from 0."""
        value = self.values.get(name)
        if not isinstance(value, list) or not all(
            isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 2**31 for one in value
        ):
            raise UsageError(f"'{name}' must be a list of whole numbers from 0.")
        return value

    def bits(self, name: str) -> list[int]:
        """Return which bits are set in base64 text, the lowest of the first byte being 0."""
        try:
            data = base64.b64decode(self.text(name), validate=True)
        except ValueError as error:
            raise UsageError(f"'{name}' must be base64.") from error
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return [int(one) for one in np.flatnonzero(bits)]

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object of JSON; its values may be anything."""
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise UsageError(f"'{name}' must be an object, not {_short(value)}.")
        return value

    def box(self, height: int, width: int) -> tuple[slice, slice]:
        """Return ``box``, ``[y0, x0, y1, x1]`` inside an image; all of it when not given."""
        value = self.values.get("box")
        if value is None:
            return slice(0, height), slice(0, width)
        if not isinstance(value, list) or len(value) != 4:
            raise UsageError(f"'box' must be [y0, x0, y1, x1], not {_short(value)}.")
        y0, x0, y1, x1 = (_number("box", one) for one in value)
        rows = slice(max(0, math.floor(y0)), min(height, math.ceil(y1)))
        columns = slice(max(0, math.floor(x0)), min(width, math.ceil(x1)))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            raise UsageError("No part of the image is visible.")
        return rows, columns


def _point(name: str, value: Any) -> Point:
    if not isinstance(value, list) or len(value) != 2:
        raise UsageError(f"'{name}' must hold positions [y, x], not {_short(value)}.")
    return _number(name, value[0]), _number(name, value[1])


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _FARTHEST:
        raise UsageError(f"'{name}' must be a number, not {_short(value)}.")
    return float(value)


def _short(value: Any) -> str:
    return repr(value)[:60]
