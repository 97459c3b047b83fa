"""What may be set of how a method is learned.

The numbers of its recipe, and what its readout names as `learned`: what the maps mean, which
nothing can change once a network has learned them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any, get_type_hints

from cellwright._errors import UsageError
from cellwright._words import did_you_mean
from cellwright.methods.registry import find_method

BALANCED = "balanced"
"""In place of class weights: such that all classes count alike."""


def recipe_settings(method: str) -> dict[str, Any]:
    """Return what may be set of how a method is learned, and its defaults for planes.

    Parameters
    ----------
    method : str
        In the registry of methods; importing its recipe needs torch.

    Raises
    ------
    UsageError
        If there is no such method.
    """
    found = find_method(method)
    own = [one for one in fields(found.recipe_class()) if one.name != "readout"]
    read = [one for one in fields(found.readout_class()) if one.name in _learned(method)]
    return {
        one.name: one.default_factory() if one.default_factory is not MISSING else one.default
        for one in (*read, *own)
    }


def new_recipe(method: str, readout: Any, settings: Mapping[str, Any]) -> Any:
    """Return how a network learns what a readout reads.

    Parameters
    ----------
    method : str
        In the registry of methods; importing its recipe needs torch.
    readout : object
        Of this method.
    settings : mapping of str to object
        What differs from the defaults, as `check_recipe` returns it.

    Raises
    ------
    UsageError
        If readout or recipe cannot be so.
    """
    learned = {name: value for name, value in settings.items() if name in _learned(method)}
    others = {name: value for name, value in settings.items() if name not in learned}
    return find_method(method).recipe_class()(replace(readout, **learned), **others)


def check_recipe(method: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as `new_recipe` takes them.

    Parameters
    ----------
    method : str
        In the registry of methods; importing its recipe needs torch.
    settings : mapping of str to object
        By name; each of the kind of its default, or the same in writing: ``"2.5"``, of several
        numbers ``"1,5"``, of summands ``"focal+0.5*dice"``.

    Raises
    ------
    UsageError
        If the method has no such setting, or a value is of a wrong kind or out of range.
    """
    known = recipe_settings(method)
    found = find_method(method)
    kinds = get_type_hints(found.readout_class()) | get_type_hints(found.recipe_class())
    for name in settings:
        if name not in known:
            has = ", ".join(f"{one} ({_written(default)})" for one, default in known.items())
            raise UsageError(
                f"The recipe of the method '{method}' has no '{name}'."
                f"{did_you_mean(name, known)} It has {has}."
            )
    return {name: _reader(kinds[name])(name, value) for name, value in settings.items()}


def _learned(method: str) -> tuple[str, ...]:
    return getattr(find_method(method).readout_class(), "learned", ())


def _reader(kind: Any) -> Callable[[str, Any], Any]:
    """Return what reads settings of the kind that a field is annotated with.

    Raises
    ------
    TypeError
        If a recipe has a field of another kind: a fault of the recipe, told to who writes it.
    """
    for known, read in _READERS:
        if kind == known:
            return read
    wrong, *kinds = (
        one.__name__ if isinstance(one, type) else str(one) for one in (kind, *dict(_READERS))
    )
    raise TypeError(
        f"A recipe has a setting of the kind {wrong}, but {', '.join(kinds)} can be set."
    )


def _number(name: str, value: Any) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise UsageError(f"{name} in the recipe must be a number from 0 on, not {value!r}.")
    return number


def _whole(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != int(number):
        raise UsageError(f"{name} in the recipe must be a whole number, not {value!r}.")
    return int(number)


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name} in the recipe must be a word, not {value!r}.")
    return value


def _summands(name: str, value: Any) -> dict[str, float]:
    """Return summands and their weights, from such as ``"focal+0.5*dice"``."""
    if isinstance(value, str):
        pairs = [part.strip().rpartition("*")[::2] for part in value.split("+")]
        value = {one.strip(): weight.strip() or 1.0 for weight, one in pairs}
    if not isinstance(value, Mapping) or not value:
        raise UsageError(
            f"{name} in the recipe must be a sum such as 'focal+0.5*dice', not {value!r}."
        )
    return {str(one): _number(f"The weight of '{one}'", weight) for one, weight in value.items()}


def _weights(name: str, value: Any) -> tuple[float, ...] | str:
    """Return a weight for each class, or the word for weights that make all count alike."""
    if value == BALANCED:
        return BALANCED
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise UsageError(
            f"{name} in the recipe must be '{BALANCED}', or a number for each class beginning with "
            f"the background, such as '1,5', not {value!r}."
        )
    return tuple(_number(name, one) for one in value)


def _written(default: Any) -> str:
    if isinstance(default, Mapping):
        return "+".join(
            one if weight == 1 else f"{weight:g}*{one}" for one, weight in default.items()
        )
    if isinstance(default, str):
        return default
    return "all alike" if default is None else f"{default:g}"


_READERS: tuple[tuple[Any, Callable[[str, Any], Any]], ...] = (
    (int, _whole),
    (float, _number),
    (str, _word),
    (Mapping[str, float], _summands),
    (tuple[float, ...] | None, _weights),
)
"""The kinds of settings, as the fields of recipes are annotated, and what reads each."""
