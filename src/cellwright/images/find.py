"""Finding the images that a user means by files, folders and patterns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cellwright._errors import InputError
from cellwright._words import counted, missing
from cellwright.images.omezarr import is_zarr
from cellwright.images.read import known_suffixes, stem

FOREIGN = re.compile(
    r"\.(czi|dcm|dv|gif|h5|hdf5|heic|ims|jp2|jxl|lif|lsm|mrc|mrxs|nd2|ndpi|nii|npy|nrrd|oib|oif|scn|"
    r"stk|vsi|webp)"
)
"""Endings of images that are not read: beside images that are, they are not left out silently."""


@dataclass(frozen=True, slots=True)
class Found:
    """An image file and what its results are called.

    Parameters
    ----------
    path : Path
        The file, or the folder of an OME-Zarr.
    relative : Path
        Its path below the given folder, without suffix: results keep sub-folders.
    """

    path: Path
    relative: Path


def find_images(inputs: Sequence[str | Path]) -> list[Found]:
    """Find the images in files, folders (with their sub-folders) and patterns such as ``*.tif``.

    An OME-Zarr folder is one image. Hidden files are left out. Images of the same name from
    different inputs are told apart by the name of their folder.

    Parameters
    ----------
    inputs : sequence of str or Path
        What the user gave; patterns are expanded here where the shell did not.

    Returns
    -------
    list of Found
        In the order of the inputs, each input in natural order (``a2`` before ``a10``).

    Raises
    ------
    InputError
        If an input does not exist or holds no image, or two images would get the same name.
    """
    found: dict[Path, Found] = {}
    for given in inputs:
        for image in _expand(given):
            found.setdefault(image.path.resolve(), image)
    return _with_unique_names(list(found.values()))


def left_out(inputs: Sequence[str | Path]) -> tuple[str, ...]:
    """Say what `find_images` passes over: other formats in folders, second names of one file."""
    return (*_foreign(inputs), *_second_names(inputs))


def _second_names(inputs: Sequence[str | Path]) -> tuple[str, ...]:
    first: dict[Path, Path] = {}
    again = {
        path: first[file]
        for path in (image.path for given in inputs for image in _expand(given))
        if first.setdefault(file := path.resolve(), path).name != path.name
    }
    if not again:
        return ()
    link, path = next(iter(again.items()))
    others = f", nor {counted(len(again) - 1, 'other link')}" if len(again) > 1 else ""
    return (f"Not done twice: '{link}' is a link to '{path}', which is among the images{others}.",)


def _foreign(inputs: Sequence[str | Path]) -> tuple[str, ...]:
    folders = [Path(given) for given in inputs if Path(given).is_dir() and not is_zarr(Path(given))]
    files = {path.resolve() for folder in folders for path in _walk(folder)}
    kinds = Counter(end for path in files if FOREIGN.fullmatch(end := path.suffix.lower()))
    if not kinds:
        return ()
    listed = ", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items()))
    return (
        f"Left out, because Cellwright does not read their formats: {listed}. Export them as "
        "OME-TIFF, for instance from Fiji.",
    )


def natural_key(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return a key that sorts numbers in names by value: ``a2`` before ``a10``."""
    parts = re.split(r"(\d+)", text.casefold())
    return tuple((0, int(p)) if p.isdecimal() else (1, p) for p in parts if p)


def _expand(given: str | Path) -> list[Found]:
    path = Path(given)
    if path.is_file() or is_zarr(path):
        return [Found(path, Path(stem(path)))]
    if path.is_dir():
        return _in_folder(path)
    if _has_wildcard(str(given)):
        return _matching(path)
    raise InputError(missing(given))


def _in_folder(folder: Path) -> list[Found]:
    files = list(_walk(folder))
    images = [path for path in files if is_zarr(path) or _is_image_name(path)]
    if not images:
        kinds = Counter(path.suffix.lower() or "no suffix" for path in files)
        listed = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common(5))
        raise InputError(
            f"The folder '{folder}' holds no image that Cellwright reads "
            f"({listed or 'it is empty'}). Known are {', '.join(known_suffixes())}."
        )
    images.sort(key=lambda path: natural_key(path.relative_to(folder).as_posix()))
    return [Found(path, path.relative_to(folder).with_name(stem(path))) for path in images]


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, and its OME-Zarr folders as if they were files."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not is_zarr(entry):
            # A link to a folder may lead back here, so links are not followed.
            if not entry.is_symlink():
                yield from _walk(entry)
        else:
            yield entry


def _matching(pattern: Path) -> list[Found]:
    first = next(i for i, part in enumerate(pattern.parts) if _has_wildcard(part))
    folder = Path(*pattern.parts[:first])
    matches = [p for p in folder.glob(str(Path(*pattern.parts[first:]))) if _is_visible(p, folder)]
    images = [p for p in matches if is_zarr(p) or (p.is_file() and _is_image_name(p))]
    if not images:
        raise InputError(
            f"No image matches the pattern '{pattern}'. "
            f"Known are {', '.join(known_suffixes())}; ** matches any depth of folders."
        )
    images.sort(key=lambda path: natural_key(path.as_posix()))
    return [Found(path, path.relative_to(folder).with_name(stem(path))) for path in images]


def _has_wildcard(text: str) -> bool:
    return any(character in text for character in "*?[")


def _is_visible(path: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _is_image_name(path: Path) -> bool:
    return path.suffix.lower() in known_suffixes()


def _with_unique_names(images: list[Found]) -> list[Found]:
    """Put the folder's name before names that occur twice, and refuse what still does."""
    counts = Counter(_output_name(image) for image in images)
    named = [
        replace(image, relative=Path(image.path.resolve().parent.name) / image.relative)
        if counts[_output_name(image)] > 1
        else image
        for image in images
    ]
    seen: dict[str, Found] = {}
    for image in named:
        other = seen.setdefault(_output_name(image), image)
        if other is not image:
            raise InputError(
                f"'{other.path}' and '{image.path}' would both give results named "
                f"'{image.relative.as_posix()}'. Rename one, or give each of them an output folder "
                "of its own."
            )
    return named


def _output_name(image: Found) -> str:
    # Windows and macOS do not tell A.tif from a.tif.
    return image.relative.as_posix().casefold()
