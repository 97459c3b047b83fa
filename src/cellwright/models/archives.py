"""Files in a zip from elsewhere: read by name and never unpacked, so none can land elsewhere."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cellwright._errors import ModelError


@contextmanager
def open_archive(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip; whatever is wrong with it while it is open becomes a `ModelError`.

    Parameters
    ----------
    path : Path
    what : str
        What it should be, such as ``"a Cellwright model"``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(
            f"'{path}' is not {what}, or is damaged ({error}). Get it again."
        ) from error
    except OSError as error:
        raise ModelError(f"'{path}' cannot be read: {error.strerror or error}.") from error


def read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, *, largest: int, path: Path
) -> bytes:
    """Return the content of a member, never more than its stated size.

    Raises
    ------
    ModelError
        If it is a link, larger than `largest` bytes, or larger than it says.
    """
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ModelError(f"'{member.filename}' in '{path}' is a link, which no model may hold.")
    refuse_large(member.filename, member.file_size, largest=largest, path=path)
    with archive.open(member) as stream:
        data = stream.read(member.file_size)
        if stream.read(1):
            raise ModelError(f"'{member.filename}' in '{path}' is larger than it says.")
    return data


def refuse_large(name: str, size: int, *, largest: int, path: Path) -> None:
    """Raise `ModelError` where a file of a model has more than `largest` bytes."""
    if size > largest:
        raise ModelError(
            f"'{name}' in '{path}' has {size:,} bytes; a model has at most {largest:,}."
        )
