"""Tables of objects on disk: CSV to read anywhere, Parquet to keep every bit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright._errors import FormatError, InputError, UsageError
from cellwright._files import atomic_path
from cellwright._types import AnyArray, Table
from cellwright._words import missing

if TYPE_CHECKING:
    import pandas

TEXT_COLUMNS = ("image", "class")
_ROWS = 1 << 20
"""Of a table that are brought into the form of a file, or out of it, at a time."""
_FORMULA_START = "^('*[=+@\t\r-])"
_DISARMED_START = "^'('*[=+@\t\r-])"


def from_rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of rows, each with the columns of the first."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def write_csv(path: Path, table: Table) -> None:
    """Write a table as comma-separated UTF-8 text, atomically.

    Numbers are as short as reading them back exactly allows; NaN is an empty cell. Texts are
    quoted, and those that a spreadsheet would run as a formula (starting with ``=``, ``+``,
    ``-`` or ``@``) get an apostrophe in front, which `read_csv` takes away.

    Parameters
    ----------
    path : Path
        The file to write.
    table : Table
        Columns of equal length: numbers, booleans or texts.

    Raises
    ------
    InputError
        If the columns differ in length.
    OutputError
        If the file cannot be written.
    """
    write_csv_parts(path, parts_of(table))


def write_csv_parts(path: Path, parts: Iterable[Table]) -> None:
    """Write a table of which only some rows are there at a time; see `write_csv`.

    Parameters
    ----------
    path : Path
    parts : iterable of Table
        One at least, with the same columns.

    Raises
    ------
    InputError
        If the columns of a part differ in length.
    OutputError
        If the file cannot be written.
    """
    from pyarrow import csv

    _write(path, map(_disarmed, parts), csv.CSVWriter)


def read_csv(
    path: Path, text_columns: Collection[str] = TEXT_COLUMNS, *, skipped: int = 0
) -> Table:
    """Read a table that `write_csv` wrote, or any comma-separated text with a header.

    Parameters
    ----------
    path : Path
        The file to read.
    text_columns : collection of str
        Columns that stay text even if all they contain looks like numbers.
    skipped : int
        Rows below the header that say more about the columns, and are left out.

    Returns
    -------
    Table
        Whole numbers as int64, others as float64 with NaN where missing, booleans, texts.

    Raises
    ------
    InputError
        If the file is missing, cannot be read as a table, or has two columns of the same name.
    """
    table = _read(path, lambda: _read_text(path, text_columns, skipped))
    return {name: _rearmed(column) for name, column in table.items()}


def write_parquet(path: Path, table: Table) -> None:
    """Write a table as Parquet, atomically; values and types survive exactly.

    Raises
    ------
    InputError
        If the columns differ in length.
    OutputError
        If the file cannot be written.
    """
    write_parquet_parts(path, parts_of(table))


def write_parquet_parts(path: Path, parts: Iterable[Table]) -> None:
    """Write a table of which only some rows are there at a time; see `write_parquet`.

    Parameters
    ----------
    path : Path
    parts : iterable of Table
        One at least, with the same columns.

    Raises
    ------
    InputError
        If the columns of a part differ in length.
    OutputError
        If the file cannot be written.
    """
    from pyarrow import parquet

    _write(path, map(_to_arrow, parts), parquet.ParquetWriter)


def parts_of(table: Table) -> Iterator[Table]:
    """Yield some rows of a table at a time, in one part at least.

    Raises
    ------
    InputError
        If the columns differ in length.
    """
    for rows in row_parts(_length(table), table.values()):
        yield {name: column[rows] for name, column in table.items()}


def row_parts(count: int, columns: Iterable[AnyArray]) -> Iterator[slice]:
    """Yield which rows of a table of so many are written at a time, in one part at least."""
    mixed = any(np.asarray(column).dtype.kind == "O" for column in columns)
    step = max(count, 1) if mixed else _ROWS  # objects tell what they are all together
    for start in range(0, max(count, 1), step):
        yield slice(start, start + step)


def read_parquet(path: Path) -> Table:
    """Read a table from a Parquet file.

    Raises
    ------
    InputError
        If the file is missing or is not Parquet.
    """
    from pyarrow import parquet

    def read() -> Table:
        with parquet.ParquetFile(path) as file:
            return _joined(path, file.schema_arrow, file.iter_batches(_ROWS))

    return _read(path, read)


def concatenate(tables: Iterable[Table]) -> Table:
    """Stack tables, one below the other.

    The result has the columns of all, in the order in which they first occur. Where a table lacks
    one, texts are empty and numbers NaN.

    Raises
    ------
    InputError
        If a column holds texts in one table and numbers in another.
    """
    import pyarrow as pa

    contents = [_to_arrow(table) for table in tables]
    if not contents:
        return {}
    try:
        return _from_arrow(pa.concat_tables(contents, promote_options="permissive"))
    except pa.ArrowException as error:
        raise InputError(f"The tables do not fit together: {error}") from error


def to_pandas(table: Table) -> pandas.DataFrame:
    """Return a table as a pandas DataFrame.

    Raises
    ------
    UsageError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError(
            'pandas is not installed; run: pip install "cellwright[notebook]"'
        ) from error
    return pandas.DataFrame(table)


def _write(path: Path, parts: Iterator[Any], open_writer: Callable[[Path, Any], Any]) -> None:
    """Write parts of an Arrow table one after the other."""
    import pyarrow as pa

    with atomic_path(path) as temporary:
        first = next(parts)
        with open_writer(temporary, first.schema) as writer:
            for part in chain([first], parts):
                writer.write_table(part)
    pa.default_memory_pool().release_unused()  # else it keeps what it once had


def _to_arrow(table: Table, nan_is_missing: bool = False) -> Any:
    import pyarrow as pa

    _length(table)
    return pa.table(
        {name: pa.array(column, from_pandas=nan_is_missing) for name, column in table.items()}
    )


def _length(table: Table) -> int:
    """Return how many rows a table has."""
    lengths = {name: len(column) for name, column in table.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"The columns of a table differ in length: {lengths}.")
    return next(iter(lengths.values()), 0)


def _disarmed(table: Table) -> Any:
    """Return a table as Arrow has it, with an apostrophe in front of would-be formulas."""
    import pyarrow as pa
    from pyarrow import compute

    content = _to_arrow(table, nan_is_missing=True)
    columns = [
        compute.replace_substring_regex(column, _FORMULA_START, r"'\1")
        if pa.types.is_string(column.type)
        else column
        for column in content.columns
    ]
    return pa.table(columns, names=content.column_names)


def _from_arrow(content: Any) -> Table:
    return {name: _to_numpy(content.column(name)) for name in content.column_names}


def _to_numpy(column: Any) -> AnyArray:
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.array(column.fill_null("").to_pylist(), dtype=str)
    if pa.types.is_boolean(column.type) and column.null_count:
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy())


def _read_text(path: Path, text_columns: Collection[str], skipped: int) -> Table:
    """Read a table in parts; as a whole where the first part does not tell what columns hold."""
    import pyarrow as pa
    from pyarrow import csv

    read = csv.ReadOptions(skip_rows_after_names=skipped)
    parse = csv.ParseOptions(newlines_in_values=True)
    convert = csv.ConvertOptions(column_types=dict.fromkeys(text_columns, pa.string()))
    try:
        with csv.open_csv(path, read, parse, convert) as reader:
            return _joined(path, reader.schema, reader)
    except pa.ArrowException:
        whole = csv.read_csv(path, read, parse, convert)
        return _joined(path, whole.schema, whole.to_batches())


def _joined(path: Path, schema: Any, parts: Iterable[Any]) -> Table:
    """Return a table of all parts, each of which may be forgotten when the next one comes."""
    import pyarrow as pa

    twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if twice is not None:
        raise FormatError(f"'{path}' has several columns '{twice}'; leave one, or rename them.")
    columns: dict[str, list[AnyArray]] = {name: [] for name in schema.names}
    for part in chain([schema.empty_table()], map(_as_table, parts)):
        for name, column in columns.items():
            column.append(_to_numpy(part.column(name)).copy())  # not what Arrow manages
    table = {name: np.concatenate(columns.pop(name)) for name in schema.names}
    pa.default_memory_pool().release_unused()  # else it keeps what it once had
    return table


def _as_table(part: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches([part])


def _read(path: Path, read: Callable[[], Table]) -> Table:
    import pyarrow as pa

    if not path.is_file():
        raise InputError(missing(path, "file"))
    try:
        if path.suffix.lower() == ".csv":
            _refuse_other_separators(path)
        return read()
    except OSError as error:
        raise InputError(f"Cannot read '{path}': {error}.") from error
    except pa.ArrowException as error:
        raise FormatError(
            f"'{path}' is not a table as its name says ({error}); write it again."
        ) from error


def _refuse_other_separators(path: Path) -> None:
    """Refuse what spreadsheets write where decimals have commas."""
    with path.open("rb") as file:
        head = file.readline(1 << 16)
    if b"," not in head and (b";" in head or b"\t" in head):
        separator = "semicolons" if b";" in head else "tabs"
        raise FormatError(
            f"The columns of '{path}' are separated by {separator}. Save it with commas between "
            "columns and points in numbers (0.5): in a spreadsheet, as CSV with the language "
            "English."
        )


def _rearmed(column: AnyArray) -> AnyArray:
    """Take the apostrophe away that `write_csv` put in front of would-be formulas."""
    import pyarrow as pa
    from pyarrow import compute

    if column.dtype.kind != "U":
        return column
    return _to_numpy(compute.replace_substring_regex(pa.array(column), _DISARMED_START, r"\1"))
