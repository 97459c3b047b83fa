"""What a caller from Python gave where something else was expected, told as such."""

import os
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any

from cellwright._errors import UsageError


def as_path(given: Any, name: str) -> Path:
    """Return the path that was given for the argument `name`.

    Raises
    ------
    UsageError
        If it is none.
    """
    if isinstance(given, str | os.PathLike):
        return Path(given)
    raise UsageError(f"{name} must be a path, such as 'cells.tif', not {described(given)}.")


def as_paths(given: Any, name: str) -> list[str | Path]:
    """Return the paths, patterns among them, of which one may stand alone.

    Raises
    ------
    UsageError
        If they are none.
    """
    if isinstance(given, str | os.PathLike):
        return [Path(given) if isinstance(given, os.PathLike) else given]
    listed = list(given) if isinstance(given, Iterable) and not hasattr(given, "dtype") else None
    wrong = given if listed is None else next((o for o in listed if not _is_path(o)), None)
    if listed is None or wrong is not None:
        raise UsageError(
            f"{name} must be a path or a list of paths, not {described(wrong)}. What is in memory "
            "is for the methods of a model: cellwright.load_model('nuclei').segment(image)."
        )
    return listed


def _is_path(given: Any) -> bool:
    return isinstance(given, str | os.PathLike)


def check_made(given: Any, kind: type, name: str) -> None:
    """Raise `UsageError` unless what was given for the argument `name` is of a public class."""
    if not isinstance(given, kind):
        raise UsageError(
            f"{name} must be made with cellwright.{kind.__name__}(…), not {described(given)}."
        )


def check_numbers(**given: Any) -> None:
    """Raise `UsageError` unless all arguments are numbers, or None."""
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Real)):
            raise UsageError(f"{name} must be a number, not {described(value)}.")


def described(given: Any) -> str:
    """Return what was given, in a few words.

    Examples
    --------
    >>> described("abc"), described(None), described([1, 2])
    ("'abc'", 'None', 'a list')
    """
    if given is None or isinstance(given, str | Real):
        return repr(given)
    shape = getattr(given, "shape", None)
    if isinstance(shape, tuple):
        return f"an array of shape {shape}"
    article = "an" if type(given).__name__[0] in "AEIOUaeiou" else "a"
    return f"{article} {type(given).__name__}"
