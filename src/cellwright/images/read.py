"""Reading images and labels: one function each for every format.

A format is a `Reader` in `READERS`. The content of a file decides which one reads it; its
suffix only serves to tell what was expected.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from cellwright._arguments import as_path, check_numbers, described
from cellwright._errors import FormatError, InputError, UsageError
from cellwright._types import AnyArray, LabelArray
from cellwright._words import missing
from cellwright.images import omezarr, raster, tiff
from cellwright.images.image import Image
from cellwright.images.scene import Reader, arrange

READERS: tuple[Reader, ...] = (tiff.READER, raster.READER, omezarr.READER)
HEAD_BYTES = 16
IGNORE = -1
"""Label of pixels of which nothing is known; the only negative one that is read."""
LARGEST_LABEL = np.iinfo(np.int32).max


def read(
    path: str | Path, *, axes: str | None = None, scene: str | int | None = None, level: int = 0
) -> Image:
    """Read an image.

    Axes of size 1 are dropped, except Y and X. Colour becomes a channel axis with the names
    red, green and blue. Large TIFF files and OME-Zarr stay lazy: `Image.region` reads parts.

    Parameters
    ----------
    path : str or Path
        A TIFF (plain, OME, ImageJ, SVS), PNG, JPEG or BMP file, or an OME-Zarr folder.
    axes : str, optional
        What the axes of the file are, in the file's own order, such as ``"TYX"`` or ``"YXC"``.
        Replaces what the file says; needed where the file does not tell.
    scene : str or int, optional
        Name or number of the scene in a file that holds several (see `list_scenes`).
    level : int
        Resolution level of a pyramid; 0 is the finest.

    Returns
    -------
    Image
        Axes in the order TCZYX; pixel size in µm where the file gives a real unit.

    Raises
    ------
    FormatError
        If the file is of no known format, or empty, truncated or damaged.
    AxesError
        If the file does not tell what an axis is and `axes` does not either.
    InputError
        If there is no such file, scene or level, or several scenes and none was chosen.
    UsageError
        If `path`, `axes` or `level` is of a wrong kind.
    """
    path = as_path(path, "path")
    if axes is not None and not isinstance(axes, str):
        raise UsageError(f"axes must be letters, such as 'ZYX', not {described(axes)}.")
    check_numbers(level=level)
    reader = find_reader(path)
    names = _scene_names(reader, path)
    index = _scene_index(names, scene, path)
    name = stem(path) if len(names) == 1 else f"{stem(path)}_{names[index]}"
    return arrange(reader.open_scene(path, index, level), path, name, axes)


def read_labels(path: str | Path, axes: str | None = None) -> tuple[LabelArray, str]:
    """Read a label image.

    Parameters
    ----------
    path : str or Path
        An image file of any known format, or ``STORE.zarr/labels/NAME``.
    axes : str, optional
        What the axes of the file are, in its own order, where the file does not tell.

    Returns
    -------
    labels : array of int32, shape ``([T,] [Z,] Y, X)``
        0 is background, 1..N are objects, -1 is to be ignored.
    axes : str
        One letter per axis.

    Raises
    ------
    FormatError
        If the pixels are no labels: fractions, negative, colour-coded or several channels.
    """
    return labels_of(read(path, axes=axes), Path(path))


def labels_of(image: Image, path: Path) -> tuple[LabelArray, str]:
    """Return the labels that an image holds, as `read_labels` does; `path` is for messages."""
    pixels = image.to_numpy()
    order = image.axes
    if "C" in order:
        pixels = _single_channel(pixels, order.index("C"), image, path)
        order = order.replace("C", "")
    if pixels.dtype.kind == "f" and not np.array_equal(pixels, np.rint(pixels)):
        raise FormatError(
            f"'{path}' holds fractions, so it is no label image. Labels are whole numbers: "
            "0 for background, 1, 2, 3 … for the objects."
        )
    smallest, largest = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    if smallest < IGNORE or largest > LARGEST_LABEL:
        raise FormatError(
            f"'{path}' holds values from {smallest} to {largest}; labels lie between 0 "
            f"(background) and {LARGEST_LABEL}, and -1 marks pixels to ignore."
        )
    return np.ascontiguousarray(pixels, dtype=np.int32), order


def list_scenes(path: str | Path) -> tuple[str, ...]:
    """Return the names of the images a file holds: one for most, several for a series or plate.

    The names are unique within the file and fit for file names.
    """
    path = Path(path)
    return _scene_names(find_reader(path), path)


def known_suffixes() -> tuple[str, ...]:
    """Return the file name endings of all readers, sorted."""
    return tuple(sorted(suffix for reader in READERS for suffix in reader.suffixes))


def stem(path: Path) -> str:
    """Return the name of a file without its ending; ``.ome.tif`` and ``.ome.zarr`` are one."""
    name = path.stem if path.suffix.lower() in known_suffixes() else path.name
    return name[:-4] if name.lower().endswith(".ome") else name


def find_reader(path: Path) -> Reader:
    """Return the reader for a file, by its content.

    Raises
    ------
    InputError
        If there is no such file, or it may not be read.
    FormatError
        If no reader knows the content.
    """
    head = _first_bytes(path)
    for reader in READERS:
        if reader.recognises(path, head):
            return reader
    if path.is_dir():
        raise FormatError(
            f"'{path}' is a folder that holds no OME-Zarr image. Give the images in it instead."
        )
    suffix = path.suffix.lower()
    expected = next((r for r in READERS if suffix in r.suffixes), None)
    if expected:
        raise FormatError(
            f"'{path}' is no {expected.name} inside, whatever its name says. "
            "It may be damaged, or of another format: save it anew."
        )
    raise FormatError(
        f"'{path}' is of no format that Cellwright reads. Known are {', '.join(known_suffixes())}; "
        "export it as OME-TIFF, for instance from Fiji."
    )


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        return b""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise InputError(missing(path, "file")) from error
    except OSError as error:
        raise InputError(
            f"Cannot open '{path}': {error.strerror or error}. Check that you may read it."
        ) from error
    if not head:
        raise FormatError(f"'{path}' is empty (0 bytes). Copy it again, or leave it out.")
    return head


def _scene_names(reader: Reader, path: Path) -> tuple[str, ...]:
    """Return scene names that are unique and hold nothing a file name may not."""
    names = [re.sub(r"[^\w.-]+", "_", name).strip("_.") for name in reader.list_scenes(path)]
    unique = all(names) and len({name.casefold() for name in names}) == len(names)
    return tuple(names if unique else map(str, range(len(names))))


def _scene_index(names: tuple[str, ...], scene: str | int | None, path: Path) -> int:
    listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    if scene is None:
        if len(names) > 1:
            raise InputError(
                f"'{path}' holds {len(names)} scenes: {listed}. Choose one with scene=NAME."
            )
        return 0
    if scene in names:
        return names.index(str(scene))
    if isinstance(scene, int) and 0 <= scene < len(names):
        return scene
    raise InputError(f"'{path}' has no scene '{scene}'. It holds: {listed}.")


def _single_channel(pixels: AnyArray, axis: int, image: Image, path: Path) -> AnyArray:
    first: AnyArray = pixels.take(0, axis)
    if image.is_rgb and np.all(pixels == np.expand_dims(first, axis)):
        return first
    problem = "is colour-coded" if image.is_rgb else f"has {pixels.shape[axis]} channels"
    raise FormatError(
        f"'{path}' {problem}, so it is no label image. Save one whole number per pixel: "
        "0 for background, 1, 2, 3 … for the objects."
    )
