"""Writing files so that a reader never sees half of one."""

import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cellwright._errors import OutputError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target` that replaces it when the block ends well.

    Parameters
    ----------
    target : Path
        The file to be written. Its folder is made when missing.

    Raises
    ------
    OutputError
        If the folder or the file cannot be written (read-only, disk full).
    """
    name = f".{target.stem[:40]}-{secrets.token_hex(4)}{target.suffix}"
    temporary = target.parent / name  # known before it is there, or an interruption could leave it
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise OutputError(_cannot_write(target, error)) from error
    finally:
        with suppress(OSError):  # nothing is there when the folder could not be made
            temporary.unlink()


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the name `target` when the block ends well.

    Parameters
    ----------
    target : Path
        The folder to be written; an existing one is replaced.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}-", dir=target.parent))
        try:
            new = scratch / "new"
            new.mkdir()
            yield new
            _swap(new, target, scratch / "old")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise OutputError(_cannot_write(target, error)) from error


def write_text(target: Path, text: str) -> None:
    """Write `text` to `target` as UTF-8 with Unix line ends, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(target: Path, content: Any) -> None:
    """Write `content` to `target` as indented JSON, atomically."""
    write_text(target, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _swap(new: Path, target: Path, old: Path) -> None:
    """Give `new` the name `target`; what had it moves to `old`, and back when that fails."""
    if target.exists():
        target.replace(old)
    try:
        new.replace(target)
    except OSError:
        if old.exists():
            old.replace(target)
        raise


def _cannot_write(target: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    return (
        f"Cannot write '{target}': {reason}. "
        "Choose another output folder, or free space and check its permissions."
    )
