"""Measuring the objects of an image that does not fit into memory."""

from collections.abc import Iterator

import numpy as np

from cellwright._types import AnyArray, IntArray, Table
from cellwright.images.image import Image, PixelSource
from cellwright.measure.objects import measure_in_image
from cellwright.measure.tables import concatenate

WHOLE_PIXELS = 16 * 1024**2
"""Planes up to this many pixels are measured at once."""


def measure_plane(labels: PixelSource, image: Image | None) -> Table:
    """Measure the objects of a plane of any size, holding only a part of it in memory.

    Parameters
    ----------
    labels : array or lazy source, shape ([Z,] Y, X)
        0 is background; volumes are measured at once.
    image : Image, optional
        Axes ``"[C][Z]YX"``, lazy or not; gives intensities and the pixel size.

    Returns
    -------
    Table
        As `measure_objects` returns it for the whole plane.
    """
    if len(labels.shape) == 3:
        return measure_in_image(np.asarray(labels[:, :, :]), image)
    height, width = labels.shape
    if height * width <= WHOLE_PIXELS:
        return measure_in_image(np.asarray(labels[:, :]), image)
    tables = []
    for rows, mine in _windows(labels, max(1, WHOLE_PIXELS // (2 * width))):
        lookup = np.zeros(int(mine[-1]) + 1, dtype=np.int32)
        lookup[mine] = mine
        window = np.asarray(labels[rows, :])
        window = lookup[np.where(window < len(lookup), window, 0)]
        part = measure_in_image(window, None if image is None else image.region(Y=rows))
        tables.append(_shifted(part, rows.start, image, (height, width)))
    if not tables:
        return measure_in_image(
            np.asarray(labels[:1, :]), None if image is None else image.region(Y=slice(0, 1))
        )
    joined = concatenate(tables)
    order = np.argsort(joined["label"], kind="stable")
    return {name: column[order] for name, column in joined.items()}


def _windows(labels: PixelSource, rows: int) -> Iterator[tuple[slice, IntArray]]:
    """Yield windows of rows and the labels that lie in each and are not in an earlier one.

    A window begins with a band of `rows` rows and reaches down as far as its objects do.
    """
    height = labels.shape[0]
    bands = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    present = [_present(np.asarray(labels[band, :])) for band in bands]
    count = max(int(found[-1]) if len(found) else 0 for found in present) + 1
    first = np.full(count, len(bands))
    last = np.zeros(count, dtype=np.int64)
    for number, found in enumerate(present):
        first[found] = np.minimum(first[found], number)
        last[found] = number
    for number, band in enumerate(bands):
        mine = np.flatnonzero(first == number)
        if len(mine):
            yield slice(band.start, bands[int(last[mine].max())].stop), mine


def _present(labels: AnyArray) -> IntArray:
    found: IntArray = np.flatnonzero(np.bincount(labels.ravel()))
    return found[found > 0]


def _shifted(table: Table, top: int, image: Image | None, shape: tuple[int, int]) -> Table:
    """Return the table of a window that begins at row `top`, with positions in the plane."""
    shifted = dict(table)
    for name in ("bbox-0", "bbox-2", "centroid-0"):
        shifted[name] = table[name] + top
    if image is not None and image.pixel_size is not None:
        shifted["centroid_um-0"] = table["centroid_um-0"] + top * image.pixel_size[0]
    shifted["touches_border"] = (
        (shifted["bbox-0"] == 0)
        | (shifted["bbox-1"] == 0)
        | (shifted["bbox-2"] == shape[0])
        | (shifted["bbox-3"] == shape[1])
    )
    return shifted
