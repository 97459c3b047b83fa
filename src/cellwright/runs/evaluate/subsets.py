"""Scores of all images, and of those of a kind or a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cellwright.datasets.records import Example

Scores = TypeVar("Scores")
WHOLE = ""
"""The name under which the scores of all images are collected."""


def subsets_of(example: Example) -> tuple[str, ...]:
    """Return the names of all that an image counts in: `WHOLE`, ``"kind: X"``, ``"group: Y"``."""
    known = {"kind": example.kind, "group": example.group}
    return (WHOLE, *(f"{what}: {which}" for what, which in known.items() if which))


def scores_of_each(
    what: str, scores: Mapping[str, Scores], plain: Callable[[Scores], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the scores of each ``"kind"``, ``"group"`` or ``"class"`` as plain data."""
    start = f"{what}: "
    return {
        name.removeprefix(start): plain(own)
        for name, own in scores.items()
        if name.startswith(start)
    }


def nothing_known(example: Example) -> str:
    """Return the warning of an image whose annotation is unknown everywhere: it has no scores."""
    return f"Nothing is known of '{example.id}': it is not scored."


def facts_of(example: Example) -> dict[str, str]:
    """Return the first columns of a table with one row per image."""
    return {"image": example.id, "kind": example.kind or "", "group": example.group or ""}
