"""Reading and writing PNG, JPEG and BMP: one 2D image, 8 or 16 bits, grey or colour.

A palette is resolved to colours. An opaque alpha channel is dropped; an image that is partly
transparent is refused. Colour stays colour, also when its three channels are equal. Rotation
tags of cameras are not applied: pixels come as they are stored.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np

from cellwright._errors import FormatError, OutputError
from cellwright._files import atomic_path
from cellwright._types import AnyArray
from cellwright.images.encoding import Encoding
from cellwright.images.image import Image
from cellwright.images.scene import RGB, Reader, Scene, check_level
from cellwright.images.sources import check_opaque, reading

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
BMP = b"BM"
LARGEST_BYTES = 2 * 1024**3
"""These formats are decoded whole, so a file may not claim more pixels than this many bytes."""


def _open_scene(path: Path, index: int, level: int) -> Scene:
    check_level(level, 1, path)
    with reading(path):
        data = path.read_bytes()
        pixels = _decode_png(data, path) if data.startswith(PNG) else _decode_other(path)
    if pixels.ndim == 2:
        return Scene(pixels, "YX")
    if pixels.shape[-1] in (2, 4):
        check_opaque(pixels[..., -1], path)
        pixels = pixels[..., :-1]
    if pixels.shape[-1] == 1:
        return Scene(pixels[..., 0], "YX")
    return Scene(pixels, "YXS", channel_names=RGB)


def _decode_png(data: bytes, path: Path) -> AnyArray:
    import imagecodecs

    width, height, bits, kind = struct.unpack(">IIBB", data[16:26])
    samples = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}.get(kind, 4)
    if width * height * samples * max(1, bits // 8) > LARGEST_BYTES:
        raise FormatError(_too_large(path, f"{width} × {height}"))
    pixels: AnyArray = imagecodecs.png_decode(data)
    return pixels


def _decode_other(path: Path) -> AnyArray:
    from PIL import Image as Pillow

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
        try:
            image = Pillow.open(path)
        except Pillow.DecompressionBombError as error:
            raise FormatError(_too_large(path, "very many")) from error
    with image:
        if image.mode == "1":
            return np.asarray(image.convert("L"))
        return np.asarray(image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB"))


def _too_large(path: Path, what: str) -> str:
    return (
        f"'{path}' claims {what} pixels, too many for a format that is decoded whole. "
        "Convert it to a tiled TIFF or to OME-Zarr."
    )


def write_raster(path: Path, image: Image, encoding: Encoding) -> None:
    """Write a 2D grey or RGB image as PNG (8 or 16 bits) or JPEG (8 bits, quality 95).

    Only pixels are kept: neither format holds axes, channel names or a pixel size in µm. Of the
    encoding nothing is used; PNG is always compressed without loss.

    Raises
    ------
    OutputError
        If the format cannot hold the image without losing a dimension or bits.
    """
    jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    allowed = (np.uint8,) if jpeg else (np.uint8, np.uint16)
    colour = image.axes == "CYX" and image.is_rgb
    if image.axes != "YX" and not colour:
        raise OutputError(
            f"Cannot write '{path}': {path.suffix} holds one plane, grey or RGB, not axes "
            f"{image.axes}. Choose a plane, or write .ome.tif or .ome.zarr."
        )
    if image.dtype not in allowed:
        raise OutputError(
            f"Cannot write '{path}': {path.suffix} does not hold {image.dtype} without loss. "
            "Write .tif, or convert the pixels first."
        )
    pixels = image.to_numpy()
    pixels = np.ascontiguousarray(pixels.transpose(1, 2, 0) if colour else pixels)
    with atomic_path(path) as temporary:
        if jpeg:
            from PIL import Image as Pillow

            Pillow.fromarray(pixels).save(temporary, "JPEG", quality=95, subsampling=0)
        else:
            import imagecodecs

            temporary.write_bytes(imagecodecs.png_encode(pixels, level=6))


READER = Reader(
    "PNG, JPEG or BMP",
    (".png", ".jpg", ".jpeg", ".bmp"),
    lambda path, head: head.startswith((PNG, JPEG, BMP)),
    lambda path: ("0",),
    _open_scene,
)
