"""Units of length and time as image files spell them."""

from collections.abc import Mapping
from typing import Any

MICROMETRES = {
    "m": 1e6,
    "meter": 1e6,
    "cm": 1e4,
    "centimeter": 1e4,
    "mm": 1e3,
    "millimeter": 1e3,
    "um": 1.0,
    "µm": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "å": 1e-4,
    "angstrom": 1e-4,
    "pm": 1e-6,
    "picometer": 1e-6,
    "in": 25400.0,
    "inch": 25400.0,
}
"""µm per unit. What is no length, such as "pixel", is absent on purpose."""
SECONDS = {
    "ns": 1e-9,
    "nanosecond": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "microsecond": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "millisecond": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}


def micrometres(value: Any, unit: Any) -> float | None:
    """Convert a length to µm; None when it is no positive number or the unit no length."""
    return _converted(value, unit, MICROMETRES)


def seconds(value: Any, unit: Any) -> float | None:
    """Convert a duration to s; None when it is no positive number or the unit no time."""
    return _converted(value, unit, SECONDS)


def plain_unit(unit: Any) -> str:
    """Return a unit as `MICROMETRES` and `SECONDS` spell it, if it is one of them."""
    # ImageJ escapes µ (U+00B5) as text, and some programs write the Greek letter (U+03BC).
    return str(unit).strip().replace("\\u00B5", "µ").replace("\u03bc", "µ").lower()


def _converted(value: Any, unit: Any, table: Mapping[str, float]) -> float | None:
    try:
        result = float(value) * table[plain_unit(unit)]
    except (KeyError, TypeError, ValueError):
        return None
    return result if 0 < result < float("inf") else None
