"""Columns of CSV files under the names that people give them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from cellwright.datasets.records import Example
from cellwright.images.read import stem

_Row = TypeVar("_Row")


def find_columns(header: Sequence[str], known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the column of each thing that is there.

    Parameters
    ----------
    header : sequence of str
        Names of the columns; upper and lower case are the same.
    known : mapping of str to sequence of str
        What each thing may be called; the first name that is there is taken.
    """
    present = {name.strip().lower(): name for name in header}
    return {
        thing: present[name]
        for thing, names in known.items()
        if (name := next((name for name in names if name in present), None))
    }


def image_key(name: str) -> str:
    """Return what a table calls an image, without the ending of a file."""
    return Path(name).with_name(stem(Path(name))).as_posix() if name else name


def row_of(example: Example, rows: Mapping[str, _Row]) -> _Row | None:
    """Return what a table says about an example, by its id or its file; None where nothing.

    Parameters
    ----------
    example : Example
    rows : mapping
        By `image_key` of what the table calls the image.
    """
    key = key_of(example, rows)
    return None if key is None else rows[key]


def key_of(example: Example, keys: Container[str]) -> str | None:
    """Return what a table calls an example, of its `image_key`; None where it does not name it."""
    names = (example.id, stem(example.image), example.id.rpartition("/")[2])
    return next((name for name in names if name in keys), None)
