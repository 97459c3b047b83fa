"""What a caller from Python gave where something else was expected, told as such."""

import math
import os
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from cellwright._errors import UsageError

LEAST_TILE = 64  # px: whatever stride a network has, and its halo, tiles are worth their while
PIXEL_SIZES = (1e-6, 1e6)  # µm: from less than an atom to a metre


def as_path(value: Any, name: str) -> Path:
    """Return the path that was given for the argument `name`.

    Raises
    ------
    UsageError
        If it is none.
    """
    if isinstance(value, str | os.PathLike):
        return Path(value)
    raise UsageError(f"{name} must be a path, such as 'cells.tif', not {described(value)}.")


def as_paths(value: Any, name: str) -> list[str | Path]:
    """Return the paths, patterns among them, of which one may stand alone.

    Raises
    ------
    UsageError
        If they are none.
    """
    if isinstance(value, str | os.PathLike):
        return [Path(value) if isinstance(value, os.PathLike) else value]
    listed = list(value) if isinstance(value, Iterable) and not hasattr(value, "dtype") else None
    wrong = value if listed is None else next((o for o in listed if not _is_path(o)), None)
    if listed is None or wrong is not None:
        raise UsageError(
            f"{name} must be a path or a list of paths, not {described(wrong)}. What is in memory "
            "is for the methods of a model: cellwright.load_model('nuclei').segment(image)."
        )
    return listed


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def check_made(value: Any, kind: type, name: str) -> None:
    """Raise `UsageError` unless what was given for the argument `name` is of a public class."""
    if not isinstance(value, kind):
        raise UsageError(
            f"{name} must be made with cellwright.{kind.__name__}(…), not {described(value)}."
        )


def given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that were given: those that are not None.

    Examples
    --------
    >>> given(tile=64, diameter=None)
    {'tile': 64}
    """
    return {name: value for name, value in arguments.items() if value is not None}


def check_numbers(**arguments: Any) -> None:
    """Raise `UsageError` unless all arguments are numbers."""
    for name, value in arguments.items():
        if not _is_a(Real, value):
            raise UsageError(f"{name} must be a number, not {described(value)}.")


def check_above_zero(**arguments: Any) -> None:
    """Raise `UsageError` unless all arguments are finite numbers above 0."""
    for name, value in arguments.items():
        if not _is_a(Real, value) or not 0 < value < math.inf:
            raise UsageError(f"{name} must be a number above 0, not {described(value)}.")


def check_within(low: float, high: float, **arguments: Any) -> None:
    """Raise `UsageError` unless all arguments are numbers from `low` to `high`, both allowed."""
    for name, value in arguments.items():
        if not _is_a(Real, value) or not low <= value <= high:
            bounds = f"of {low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
            raise UsageError(f"{name} must be a number {bounds}, not {described(value)}.")


def check_sizes(least: float, **arguments: Any) -> None:
    """Raise `UsageError` unless all arguments are finite sizes in px, none of them below `least`.

    What is meant may be a length or an area.
    """
    for name, value in arguments.items():
        if not _is_a(Real, value) or not least <= value < math.inf:
            raise UsageError(f"{name} must be {least:g} px or more, not {described(value)}.")


def check_whole_numbers(least: int, **arguments: Any) -> None:
    """Raise `UsageError` unless all arguments are whole numbers, none of them below `least`."""
    for name, value in arguments.items():
        if not _is_a(Integral, value) or value < least:
            raise UsageError(
                f"{name} must be a whole number, {least} or more, not {described(value)}."
            )


def _is_a(kind: type, value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def check_flags(**arguments: Any) -> None:
    """Raise `UsageError` unless all arguments are True or False: the text "no" would be true."""
    for name, value in arguments.items():
        if type(value).__name__ not in ("bool", "bool_"):  # those of Python and of numpy
            raise UsageError(f"{name} must be True or False, not {described(value)}.")


def check_texts(**arguments: Any) -> None:
    """Raise `UsageError` unless all arguments are texts."""
    for name, value in arguments.items():
        if not isinstance(value, str):
            raise UsageError(f"{name} must be a text in quotes, not {described(value)}.")


def check_one_of(allowed: Sequence[str], **arguments: Any) -> None:
    """Raise `UsageError` unless all arguments are among the texts that are allowed."""
    for name, value in arguments.items():
        if not isinstance(value, str) or value not in allowed:
            raise UsageError(f"{name} is one of {', '.join(allowed)}, not {described(value)}.")


def is_several(value: Any) -> bool:
    """Whether a value can be gone through one by one: no text, nor an array of a single number."""
    return (
        isinstance(value, Iterable)
        and not isinstance(value, str | bytes)
        and getattr(value, "ndim", 1) > 0
    )


def check_array(value: Any, name: str, cure: str) -> None:
    """Raise `UsageError` unless a value is an array, or lists of which numpy makes one.

    Parameters
    ----------
    value
    name : str
        Of the argument.
    cure : str
        A sentence on what to give instead of paths and images.
    """
    listed = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if not listed and not hasattr(value, "__array__"):
        raise UsageError(f"{name} must be an array, not {described(value)}. {cure}")


def described(value: Any) -> str:
    """Return what was given, in a few words.

    Examples
    --------
    >>> described("abc"), described(None), described([1, 2])
    ("'abc'", 'None', 'a list')
    """
    if value is None or isinstance(value, str | Real):
        return repr(value)
    if isinstance(value, os.PathLike):
        return f"'{value}'"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and hasattr(value, "__array__"):
        return f"an array of shape {shape}"
    article = "an" if type(value).__name__[0] in "AEIOUaeiou" else "a"
    return f"{article} {type(value).__name__}"
