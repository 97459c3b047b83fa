"""Making room for the results of a run, where nothing of the user's may be lost."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from cellwright._errors import OutputError
from cellwright.runs.results.lock import no_folder

RUN_FILE = "run.json"
PARTS = ".parts"
PICTURES_FILE = ".pictures.json"
PREVIEW_FILE = "preview.png"


def within(path: Path, folder: Path) -> bool:
    """Whether `path` is `folder` or lies in it."""
    return path.resolve().is_relative_to(folder.resolve())


def refuse_foreign_folder(path: Path) -> None:
    """Raise `OutputError` if `path` is a file, or holds files where no run has been."""
    if path.exists() and not path.is_dir():
        raise no_folder(path)
    if not path.exists():
        return
    foreign = [
        entry.name
        for entry in sorted(path.iterdir())
        if not entry.name.startswith(".") and entry.name != PREVIEW_FILE
    ]
    if foreign:
        raise OutputError(
            f"'{path}' holds files that no run of Cellwright wrote ('{foreign[0]}'). "
            "Choose a new or an empty folder."
        )


def refuse_foreign_files(path: Path, files: Iterable[str]) -> None:
    """Raise `OutputError` if one of `files` is in the folder `path`."""
    for name in files:
        if (path / name).exists():
            raise OutputError(
                f"'{path / name}' is in the way and was not written by a run of Cellwright. "
                "Move it, or choose another output folder."
            )


def remove_files(path: Path, files: Sequence[str]) -> None:
    """Remove what an earlier run wrote, then the folders that this leaves empty."""
    # A link may lead out of the folder, to files that no run wrote.
    targets = [path / name for name in files if within((path / name).parent, path)]
    try:
        for target in targets:
            if target.is_dir() and target.suffix in (".zarr", ".geff"):
                shutil.rmtree(target)
            elif target.is_file():
                target.unlink()
        shutil.rmtree(path / PARTS, ignore_errors=True)
        for name in (PICTURES_FILE, RUN_FILE):
            (path / name).unlink(missing_ok=True)
        folders = {
            parent for target in targets for parent in target.parents if path in parent.parents
        }
        for folder in sorted(folders, reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise OutputError(f"Cannot replace the results in '{path}': {error}.") from error
