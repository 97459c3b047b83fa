"""Files that are broken, lie, or are not what they seem: named, with a cure, and quickly."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from cellwright._errors import FormatError, InputError
from cellwright.images.checks import check_pixels
from cellwright.images.image import Image
from cellwright.images.read import read


def tiff_header(compression: int, stored: int, width: int = 20_000, height: int = 15_000) -> bytes:
    """A TIFF that claims 300 Mpixel of 16 bits in one strip, and holds 10 bytes of pixels."""
    tags = [(256, width), (257, height), (258, 16), (259, compression), (262, 1)]
    tags += [(273, 200), (277, 1), (278, height), (279, stored)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    return head.ljust(200, b"\0") + b"\1" * 10


LIES = {
    "uncompressed": tiff_header(1, 600_000_000),
    "uncompressed-short-strip": tiff_header(1, 10),
    "no-strip": tiff_header(1, 0),
    "deflate": tiff_header(8, 600_000_000),
    "deflate-short-strip": tiff_header(8, 10),
    "lzw-short-strip": tiff_header(5, 10),
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES.keys())
def test_header_that_lies_about_its_size_allocates_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lie.tif"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=r"lie\.tif.*truncated.*again"):
            read(path).to_numpy()
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.tif", b"", "empty"),
        ("empty.png", b"", "empty"),
        ("text.tif", b"not an image at all", "no TIFF"),
        ("text.png", b"not an image at all", "no PNG"),
        ("notes.txt", b"not an image at all", r"\.tif, \.tiff, \.zarr"),
        ("cut.tif", b"II*\0", "truncated or damaged"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0", "truncated or damaged"),
        ("cut.jpg", b"\xff\xd8\xff\xe0", "Cannot read"),
    ],
)
def test_broken_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        read(path)
    assert name in str(caught.value)


def test_missing_file_and_plain_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file.*spelling"):
        read(tmp_path / "absent.tif")
    with pytest.raises(FormatError, match="folder"):
        read(tmp_path)


def test_content_wins_over_a_wrong_suffix(tmp_path: Path) -> None:
    Pillow.new("L", (5, 4), 7).save(tmp_path / "photo.tif", "PNG")
    assert read(tmp_path / "photo.tif").to_numpy().tolist() == [[7] * 5] * 4


def test_png_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", 100_000, 100_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + bytes(40))
    with pytest.raises(FormatError, match=r"bomb\.png.*tiled TIFF"):
        read(tmp_path / "bomb.png")


def test_large_jpeg_leaks_no_warning_and_a_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pillow.new("RGB", (30, 20)).save(tmp_path / "photo.jpg")
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 400)  # Pillow warns above, fails at twice it
    assert read(tmp_path / "photo.jpg").shape == (3, 20, 30)
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 200)
    with pytest.raises(FormatError, match=r"photo\.jpg.*tiled TIFF"):
        read(tmp_path / "photo.jpg")


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_pixels_are_refused(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "fourier.tif", np.zeros((4, 5), dtype))
    with pytest.raises(FormatError, match="real numbers"):
        read(tmp_path / "fourier.tif")


def test_bits_become_bytes_and_byte_order_is_native(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "mask.tif", np.eye(9, dtype=bool))
    assert read(tmp_path / "mask.tif").dtype == np.uint8
    big = np.arange(20, dtype=">u2").reshape(4, 5)
    tifffile.imwrite(tmp_path / "big.tif", big, byteorder=">")
    image = read(tmp_path / "big.tif")
    assert image.dtype.isnative
    np.testing.assert_array_equal(image.data, big)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_opaque_alpha_is_dropped_and_transparency_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    Pillow.new("RGBA", (6, 5), (1, 2, 3, 255)).save(path)
    image = read(path)
    assert (image.is_rgb, image.shape) == (True, (3, 5, 6))
    assert image.to_numpy()[:, 0, 0].tolist() == [1, 2, 3]
    Pillow.new("RGBA", (6, 5), (1, 2, 3, 100)).save(path)
    with pytest.raises(FormatError, match=r"transparent.*Flatten"):
        read(path).to_numpy()


def test_palette_becomes_colour_and_equal_channels_stay_colour(tmp_path: Path) -> None:
    colours = Pillow.new("RGB", (6, 5), (10, 20, 30))
    colours.convert("P", palette=Pillow.Palette.ADAPTIVE).save(tmp_path / "palette.png")
    assert read(tmp_path / "palette.png").to_numpy()[:, 0, 0].tolist() == [10, 20, 30]
    Pillow.new("RGB", (6, 5), (9, 9, 9)).save(tmp_path / "grey.bmp")
    assert read(tmp_path / "grey.bmp").axes == "CYX"


def test_non_finite_pixels_are_counted() -> None:
    pixels = np.zeros((3, 8, 9), np.float32)
    check_pixels(Image(pixels, "ZYX"))
    pixels[1, 2, 3], pixels[2, 0, 0] = np.nan, np.inf
    with pytest.raises(InputError, match=r"2 of 216 pixels of 'sample'.*nan_to_num"):
        check_pixels(Image(pixels, "ZYX", name="sample"))
    with pytest.raises(InputError, match="no finite pixel"):
        check_pixels(Image(np.full_like(pixels, np.nan), "ZYX"))


def test_infinity_is_found_in_16_bits_too() -> None:
    pixels = np.ones((4, 5), np.float16)
    check_pixels(Image(pixels, "YX"))
    pixels[1, 2] = np.inf
    with pytest.raises(InputError, match="1 of 20 pixels"):
        check_pixels(Image(pixels, "YX"))


def test_pixels_beyond_32_bits_are_refused_like_infinite_ones() -> None:
    immense = np.ones((8, 9)) * 1e300
    immense[0, 0] = 1.0
    with pytest.raises(InputError, match="71 of 72 pixels of 'image' are NaN, infinite or beyond"):
        check_pixels(Image(immense, "YX"))


def test_pixels_beyond_all_measure_are_not_called_infinite() -> None:
    with pytest.raises(InputError, match="are finite, but beyond"):
        check_pixels(Image(np.full((4, 4), 1e300), "YX"))
