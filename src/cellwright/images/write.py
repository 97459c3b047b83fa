"""Writing images: one function for every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cellwright._errors import OutputError, UsageError
from cellwright.images.encoding import Encoding
from cellwright.images.image import Image
from cellwright.images.omezarr_write import write_omezarr
from cellwright.images.raster import write_raster
from cellwright.images.tiff_write import write_tiff

Writer = Callable[[Path, Image, Encoding], None]
WRITERS: Mapping[str, Writer] = {
    ".tif": write_tiff,
    ".tiff": write_tiff,
    ".png": write_raster,
    ".jpg": write_raster,
    ".jpeg": write_raster,
    ".zarr": write_omezarr,
}


def write(
    path: str | Path,
    image: Image,
    *,
    compression: str = "deflate",
    ngff: str = "0.5",
    overwrite: bool = False,
) -> None:
    """Write an image in the format of the file name's ending.

    ``.ome.tif`` OME-TIFF, ``.tif`` ImageJ hyperstack (with OME-XML for pixel types that ImageJ
    does not know), ``.ome.zarr`` OME-Zarr, ``.png`` and ``.jpg`` one plane without metadata.
    Axes, pixel size, frame interval and channel names are kept by all but the last two. The
    result appears when it is complete; lazy images are written without loading them whole.

    Parameters
    ----------
    path : str or Path
        Where to.
    image : Image
        What.
    compression : {"deflate", "zstd", "lzw", "none"}
        Lossless compression of TIFF and OME-Zarr.
    ngff : {"0.5", "0.4"}
        Version of OME-Zarr.
    overwrite : bool
        Replace what is there.

    Raises
    ------
    OutputError
        If there is something already, the format cannot hold the image, or writing fails.
    UsageError
        If the ending, compression or version is unknown.
    """
    path = Path(path)
    writer = find_writer(path)
    refuse_existing(path, overwrite)
    writer(path, image, Encoding(compression, ngff))


def find_writer(path: Path) -> Writer:
    """Return the writer for a file name's ending, or raise `UsageError` that lists the endings."""
    try:
        return WRITERS[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"Cannot tell the format of '{path}' from its ending; use one of {', '.join(WRITERS)}."
        ) from None


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise `OutputError` when `path` exists and may not be replaced."""
    if path.exists() and not overwrite:
        raise OutputError(f"'{path}' exists already. Choose another name, or allow overwriting.")
