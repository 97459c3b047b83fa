"""Pins as a table: links that are forced or forbidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright._errors import FormatError, InputError
from cellwright._types import Table
from cellwright.measure.tables import read_csv
from cellwright.tracking.formats.table import LINKS, link_rows
from cellwright.tracking.pins import Pins, make_pins
from cellwright.tracking.tracks import Tracks

PIN = "pin"
FORCED, FORBIDDEN = "forced", "forbidden"


def read_pin_table(path: str | Path) -> Table:
    """Read a table of pins.

    Parameters
    ----------
    path : str or Path
        A CSV; see `read_pins`.

    Returns
    -------
    Table
        ``source_frame``, ``source_label``, ``target_frame``, ``target_label``, and ``pin``, which
        is *forced*, *forbidden* or something else for rows that are no pins.

    Raises
    ------
    FormatError
        If columns are missing or hold something else.
    """
    path = Path(path)
    table = read_csv(path, text_columns=(PIN, "kind"))
    if PIN not in table or not set(LINKS) <= table.keys():
        raise FormatError(
            f"'{path}' has only the columns {sorted(table)}. Pins are rows of "
            f"{', '.join(LINKS)} and {PIN}, which is '{FORCED}' or '{FORBIDDEN}'."
        )
    wishes = np.array([str(wish).strip().lower() for wish in table[PIN].tolist()])
    unknown = ~np.isin(wishes, (FORCED, FORBIDDEN, "", "none", "nan"))
    if unknown.any():
        raise FormatError(
            f"'{path}' holds the pin '{wishes[unknown][0]}'; '{FORCED}', '{FORBIDDEN}' or nothing "
            "are possible."
        )
    return {**{name: table[name] for name in LINKS}, PIN: wishes}


def read_pins(path: str | Path, detections: Tracks) -> Pins:
    """Read pins from a CSV.

    Parameters
    ----------
    path : str or Path
        Columns ``source_frame``, ``source_label``, ``target_frame``, ``target_label``, as in
        ``tracks_links.csv``, and ``pin``: *forced* or *forbidden*. Rows without a pin are none, so
        that a list of doubtful links can be filled in.
    detections : Tracks
        What frames and labels refer to.

    Raises
    ------
    FormatError
        If columns are missing or hold something else.
    InputError
        If a pin names a detection that is not there, or pins contradict each other.
    """
    table = read_pin_table(path)
    asked = np.isin(table[PIN], (FORCED, FORBIDDEN))
    table = {name: column[asked] for name, column in table.items()}
    wishes = table[PIN]
    try:
        rows = link_rows(detections, table)
        return make_pins(
            detections.frame.astype(np.int64), rows[wishes == FORCED], rows[wishes == FORBIDDEN]
        )
    except InputError as error:
        raise InputError(f"'{path}' cannot be used: {error}") from error
