"""What the options of all networks have in common: how they are checked, and values per axis."""

from typing import Any

from cellwright._errors import UsageError

PerAxis = int | tuple[int, ...]
"""One number for all spatial axes, or one for each."""


def check(name: str, value: Any, fits: bool, allowed: str) -> None:
    """Refuse an option that does not fit.

    Raises
    ------
    UsageError
        With the option's name, its value, and what is allowed.
    """
    if not fits:
        raise UsageError(f"Network option '{name}' must be {allowed}, not {value!r}.")


def check_one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Refuse an option that is not among those `allowed`."""
    check(name, value, value in allowed, "one of " + ", ".join(map(str, allowed)))


def check_per_axis(name: str, value: PerAxis, dimensions: int) -> None:
    """Refuse anything but natural numbers, one for all axes or one for each."""
    axes = per_axis(value, dimensions)
    fits = len(axes) == dimensions and min(axes) >= 1
    check(name, value, fits, f"one number, or {dimensions}, of at least 1")


def per_axis(value: PerAxis, dimensions: int) -> tuple[int, ...]:
    """Return one number per axis."""
    return (value,) * dimensions if isinstance(value, int) else value
