"""Columns of CSV files under the names that people give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


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
