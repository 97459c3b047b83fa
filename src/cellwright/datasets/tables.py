"""Tables that people write by hand, or with a spreadsheet: CSV files with a heading."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from cellwright._errors import DatasetError
from cellwright.datasets.columns import find_columns

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Parameters
    ----------
    line : int
        Of the file, from 1.
    said : mapping of str to str
        What stands in each column that is known, by what it is about.
    decimal_comma : bool
        Whether numbers may be written as ``1,5``, as spreadsheets do that separate by semicolons.
    """

    line: int
    said: Mapping[str, str]
    decimal_comma: bool = False

    def number(self, thing: str) -> float:
        """Return a number in the row; `ValueError` where there is none."""
        text = self.said[thing]
        return float(text.replace(",", ".") if self.decimal_comma else text)


def header_of(path: Path) -> tuple[str, ...]:
    """Return the names of the columns; none where the file is no readable table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return tuple(_reader(stream).fieldnames or ())
    except (UnicodeDecodeError, csv.Error, OSError):
        return ()


def read_rows(
    path: Path, known: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> Iterator[Row]:
    """Yield the rows of a table whose columns are separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : Path
        The file, in UTF-8.
    known : mapping of str to sequence of str
        What may be said, and what columns may call it; see `find_columns`.
    needed : sequence of str
        What must be said.

    Raises
    ------
    DatasetError
        If it cannot be read, a column is missing, or a row has more cells than there are columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = _reader(stream)
            header = reader.fieldnames or ()
            columns = find_columns(header, known)
            if missing := [thing for thing in needed if thing not in columns]:
                raise DatasetError(
                    f"'{path}' has the columns {', '.join(header) or '(none)'}, but none for "
                    f"{' and '.join(missing)}. It needs the columns {','.join(needed)}. If it is "
                    "about something else, rename it."
                )
            for row in reader:
                beyond = row.pop(None, [])  # what has no column
                if any(cell.strip() for cell in beyond):
                    raise DatasetError(
                        f"'{path}', line {reader.line_num}: it has more cells than the table has "
                        "columns. Write numbers with a point, and quote texts with commas."
                    )
                if not any(row.values()):
                    continue  # spreadsheets leave such rows below a table
                said = {thing: (row[name] or "").strip() for thing, name in columns.items()}
                yield Row(reader.line_num, said, reader.reader.dialect.delimiter != ",")
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DatasetError(f"'{path}' is not a readable CSV file in UTF-8 ({error}).") from error


@dataclass(frozen=True, slots=True)
class Listed:
    """Objects with their places, by image as a table names it.

    Parameters
    ----------
    places : dict of str to list of tuple
        Numbers of each object; none of an image without objects.
    names : dict of str to list of str
        Class of each object; empty where nothing is said.
    splits : dict of str to str
        Empty where nothing is said.
    """

    places: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)


def read_listed(
    path: Path,
    known: Mapping[str, Sequence[str]],
    numbers: Sequence[str],
    place_of: Callable[[Row, str], tuple[float, ...]],
) -> Listed:
    """Read a table with one object a row, that also says ``image``, ``class`` and ``split``.

    Parameters
    ----------
    path, known
        As for `read_rows`.
    numbers : sequence of str
        The columns of numbers that must be there. A row without any of these names an image that
        has no objects.
    place_of : callable
        Returns the numbers of a row; what it is told besides names the row in messages.

    Raises
    ------
    DatasetError
        As `read_rows` and `place_of`, or if an image is in two splits.
    """
    found = Listed()
    for row in read_rows(path, known, ("image", *numbers)):
        said = row.said
        image, where = said["image"], f"'{path}', line {row.line}"
        places, names = found.places.setdefault(image, []), found.names.setdefault(image, [])
        if found.splits.setdefault(image, said.get("split", "")) != said.get("split", ""):
            raise DatasetError(f"{where}: '{image}' is in two splits.")
        if any(said[number] for number in numbers):
            places.append(place_of(row, where))
            names.append(said.get("class", ""))
    return found


def _reader(stream: TextIO) -> csv.DictReader[str]:
    """Return a reader of rows between what separates the most columns of the heading."""
    header = stream.readline()
    stream.seek(0)
    return csv.DictReader(stream, delimiter=max(_DELIMITERS, key=header.count))
