"""Finding image files in a folder and pairing them with their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cellwright._errors import DatasetError
from cellwright._words import counted
from cellwright.images.find import natural_key
from cellwright.images.read import known_suffixes, stem

_SPLIT_NAMES = {
    "train": ("train", "training", "tr"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing", "ts"),
}
_NAMED = 3  # files that a message names before it only counts


def image_files(folder: Path) -> dict[str, Path]:
    """Return the visible image files of a folder by stem, ``a2`` before ``a10``.

    Raises
    ------
    DatasetError
        If two files have the same stem, as a pair could not be told.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if not _is_image(path):
            continue
        name = stem(path)
        if name in found:
            raise DatasetError(
                f"'{found[name]}' and '{path.name}' have the same name but for the ending; "
                "keep one of them."
            )
        found[name] = path
    return found


def has_images(folder: Path) -> bool:
    """Return whether a folder directly holds at least one image file."""
    return any(_is_image(path) for path in folder.iterdir())


def subfolders(folder: Path) -> dict[str, Path]:
    """Return the visible folders inside of a folder by lower-case name, in order."""
    return {
        path.name.lower(): path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".") and not _is_image(path)
    }


def split_name(folder: str) -> str | None:
    """Return the split that a folder name means: ``"train"``, ``"val"``, ``"test"`` or None."""
    for split, names in _SPLIT_NAMES.items():
        if folder.lower() in names:
            return split
    return None


def stated_split(word: str, example: str, path: Path) -> str:
    """Return the split that a person wrote into the file `path` for an example.

    Raises
    ------
    DatasetError
        If there is no such split.
    """
    split = split_name(word)
    if split is None:
        raise DatasetError(
            f"'{path}' puts '{example}' in the split '{word}'; use train, val or test."
        )
    return split


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folders inside of `root` that are named like a split."""
    folders = {split_name(name): path for name, path in subfolders(root).items()}
    return {split: path for split, path in folders.items() if split is not None}


def renamed(files: Mapping[str, Path], rename: Callable[[str], str]) -> dict[str, Path]:
    """Return `files` under new names; `DatasetError` names two that would get the same."""
    found: dict[str, Path] = {}
    for name, path in files.items():
        other = found.setdefault(rename(name), path)
        if other is not path:
            raise DatasetError(
                f"'{other}' and '{path.name}' both belong to the image '{rename(name)}'; "
                "keep one of them."
            )
    return found


def check_pairs(
    images: Mapping[str, object], labels: Mapping[str, object], where: str, *, complete: bool = True
) -> None:
    """Raise `DatasetError` naming the stems on one side only.

    Parameters
    ----------
    images, labels : mapping
        Keyed by the stem that pairs them.
    where : str
        What the message calls the place.
    complete : bool
        Whether every image needs labels; labels always need an image.
    """
    lonely = [name for name in images if name not in labels] if complete else []
    orphaned = [name for name in labels if name not in images]
    complaints = []
    if lonely:
        complaints.append(f"{counted(len(lonely), 'image')} without labels ({some(lonely)})")
    if orphaned:
        complaints.append(
            f"{counted(len(orphaned), 'label image')} without an image ({some(orphaned)})"
        )
    if complaints:
        raise DatasetError(
            f"{where}: {' and '.join(complaints)}. Images and labels pair by the name without "
            "its ending; rename, complete or remove these files."
        )


def _is_image(path: Path) -> bool:
    """Judge by the name alone; an OME-Zarr folder counts as a file."""
    return not path.name.startswith(".") and path.suffix.lower() in known_suffixes()


def some(names: Iterable[str]) -> str:
    """Return the first few names, and how many more there are."""
    listed = list(names)
    shown = ", ".join(f"'{name}'" for name in listed[:_NAMED])
    rest = len(listed) - _NAMED
    return shown + (f" and {rest} more" if rest > 0 else "")
