"""What TIFF files tell beside their pixels, and what large ones must do."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellwright._errors import FormatError, InputError, OutputError, UsageError
from cellwright.images import tiff, tiff_write
from cellwright.images.image import Image
from cellwright.images.read import list_scenes, read
from cellwright.images.tiff_metadata import from_aperio, from_imagej, from_ome, from_resolution
from cellwright.images.units import micrometres, seconds
from cellwright.images.write import write

PLANE = np.arange(20, dtype=np.uint16).reshape(4, 5)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (325, "nm", 0.325),
        (0.5, "\\u00B5m", 0.5),
        (0.5, "\u03bcm", 0.5),
        (2e-4, "mm", 0.2),
        (1, "micrometer", 1),
        (1, "pixel", None),
        (1, "", None),
        (0, "µm", None),
        (float("nan"), "µm", None),
        ("wide", "µm", None),
    ],
)
def test_only_real_lengths_become_micrometres(
    value: object, unit: str, expected: float | None
) -> None:
    assert micrometres(value, unit) == (None if expected is None else pytest.approx(expected))
    assert seconds(value, unit) is None


def test_ome_units_and_defaults() -> None:
    xml = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image Name="field">
    <Pixels PhysicalSizeX="200" PhysicalSizeXUnit="nm" PhysicalSizeY="0.2" PhysicalSizeZ="1"
    PhysicalSizeZUnit="reference frame" TimeIncrement="500" TimeIncrementUnit="ms">
    <Channel Name="DAPI"/><Channel/></Pixels></Image></OME>"""
    ((name, metadata),) = from_ome(xml)
    assert name == "field"
    assert metadata.spacing == pytest.approx({"X": 0.2, "Y": 0.2})
    assert metadata.frame_interval == 0.5
    assert metadata.channel_names is None


@pytest.mark.parametrize(
    ("times", "unit", "expected"),
    [
        ([0, 300.2, 599.9, 900.3], "s", 300.1),
        ([2, 7, 12, 17], "min", 300),
        ([0, 300, 600, 2000], "s", None),  # somebody went for lunch
        ([0, 0, 0, 0], "s", None),
        ([0, 300, "late", 900], "s", None),
        ([0, 300, 600, 900], "reference frame", None),
    ],
)
def test_frames_tell_their_interval_where_they_follow_evenly(
    tmp_path: Path, times: list[object], unit: str, expected: float | None
) -> None:
    every = [time for time in times for _ in range(2)]  # of two channels
    about = {
        "axes": "TCYX",
        "Plane": {"DeltaT": every, "DeltaTUnit": [unit] * len(every)},
    }
    pixels = np.stack([np.stack([PLANE, PLANE])] * len(times))
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata=about)
    found = read(tmp_path / "a.ome.tif").frame_interval
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_time_increment_is_taken_before_the_times_of_planes() -> None:
    planes = "".join(f'<Plane TheC="0" TheZ="0" TheT="{t}" DeltaT="{9 * t}"/>' for t in range(3))
    xml = f'<OME xmlns="x"><Image><Pixels TimeIncrement="8">{planes}</Pixels></Image></OME>'
    assert from_ome(xml)[0][1].frame_interval == 8
    assert from_ome(xml.replace(' TimeIncrement="8"', ""))[0][1].frame_interval == 9


def test_imagej_pixels_without_a_unit_have_no_size() -> None:
    resolution = {"X": 4.0, "Y": 2.0}
    assert not from_imagej({"unit": "pixel"}, resolution, 1).spacing
    known = from_imagej({"unit": "micron", "spacing": 2}, resolution, 1)
    assert known.spacing == {"X": 0.25, "Y": 0.5, "Z": 2}
    downwards = from_imagej({"unit": "micron", "spacing": -2}, resolution, 1)
    assert downwards.spacing == known.spacing


def test_slice_labels_name_channels_only_when_they_repeat() -> None:
    assert from_imagej({"Labels": ["a", "b", "a", "b"]}, {}, 2).channel_names == ["a", "b"]
    assert from_imagej({"Labels": ["t1", "t1", "t2", "t2"]}, {}, 2).channel_names is None


def test_resolution_tags_of_printers_are_no_pixel_size() -> None:
    assert not from_resolution({"X": 300.0, "Y": 300.0}, "inch").spacing
    assert not from_imagej({"unit": "inch"}, {"X": 72.0, "Y": 72.0}, 1).spacing
    fine = from_resolution({"X": 20_000.0, "Y": 20_000.0}, "cm").spacing
    assert fine == pytest.approx({"X": 0.5, "Y": 0.5})
    assert from_aperio("Aperio|MPP = 0.4990|").spacing == {"X": 0.499, "Y": 0.499}


def test_scenes_are_chosen_by_name_or_number(tmp_path: Path) -> None:
    path = tmp_path / "scenes.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        for number, name in enumerate(["well A:1", "well B:2"]):
            file.write(PLANE + number, metadata={"axes": "YX", "Name": name})
    assert list_scenes(path) == ("well_A_1", "well_B_2")
    assert read(path, scene="well_B_2").name == "scenes_well_B_2"
    np.testing.assert_array_equal(read(path, scene=1).data, PLANE + 1)
    for scene in (None, "well_C", 2, -1):
        with pytest.raises(InputError, match="well_A_1, well_B_2"):
            read(path, scene=scene)


def test_missing_companion_file_is_not_replaced_by_zeros(tmp_path: Path) -> None:
    xml = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
    <Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="5"
    SizeY="4" SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0" SamplesPerPixel="1"/>
    <TiffData IFD="0" FirstZ="0" PlaneCount="1"/></Pixels></Image></OME>"""
    tifffile.imwrite(tmp_path / "part.ome.tif", PLANE, description=xml, metadata=None)
    with pytest.raises(FormatError, match="lacks 1 of its 2 planes"):
        read(tmp_path / "part.ome.tif")


def test_pixel_size_is_not_that_of_an_image_that_is_missing(tmp_path: Path) -> None:
    image = """<Image ID="Image:{0}" Name="{1}"><Pixels ID="Pixels:{0}" DimensionOrder="XYZCT"
    Type="uint16" SizeX="5" SizeY="4" SizeZ="1" SizeC="1" SizeT="1" PhysicalSizeX="{2}"
    PhysicalSizeY="{2}"><TiffData IFD="0" PlaneCount="1">{3}</TiffData></Pixels></Image>"""
    gone = '<UUID FileName="gone.ome.tif">urn:uuid:00000000-0000-0000-0000-000000000000</UUID>'
    for names, expected in ((("far", "near"), (2, 2)), (("same", "same"), None)):
        xml = image.format(0, names[0], 9, gone) + image.format(1, names[1], 2, "")
        xml = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{xml}</OME>'
        path = tmp_path / f"{names[1]}.ome.tif"
        tifffile.imwrite(path, PLANE, description=f'<?xml version="1.0"?>{xml}', metadata=None)
        assert read(path).pixel_size == expected


@pytest.mark.parametrize("rgb", [False, True])
def test_large_planes_are_tiled_with_a_pyramid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, rgb: bool
) -> None:
    monkeypatch.setattr(tiff_write, "LARGEST_PLANE", 512)
    pixels = rng.integers(0, 255, (3, 700, 530), dtype=np.uint8)
    image = Image(pixels, "ZYX", pixel_size=(1, 0.5, 0.5))
    if rgb:
        image = Image(pixels, "CYX", (0.5, 0.5), channel_names=("red", "green", "blue"))
    write(tmp_path / "large.ome.tif", image)
    with tifffile.TiffFile(tmp_path / "large.ome.tif") as file:
        assert file.pages[0].is_tiled
        assert len(file.series[0].levels) == 4
    back, small = read(tmp_path / "large.ome.tif"), read(tmp_path / "large.ome.tif", level=2)
    np.testing.assert_array_equal(back.data, pixels)
    assert small.shape == (3, 175, 132)
    assert small.pixel_size[-1] == pytest.approx(2, rel=0.01)
    block = pixels[1, 4:8, 8:12].mean()
    assert abs(float(small.to_numpy()[1, 1, 2]) - block) <= 0.5
    for level in (4, -1):
        with pytest.raises(InputError, match=f"has 4 resolution levels, so no level {level}"):
            read(tmp_path / "large.ome.tif", level=level)


def test_imagej_opens_what_it_can_and_ome_carries_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dtype, kind in (("uint8", "imagej"), ("float32", "imagej"), ("uint32", "ome")):
        path = tmp_path / f"{dtype}.tif"
        write(path, Image(PLANE.astype(dtype), "YX"))
        with tifffile.TiffFile(path) as file:
            assert file.series[0].kind == kind
    monkeypatch.setattr(tiff_write, "BIGTIFF_BYTES", PLANE.nbytes - 1)  # ImageJ does not know it
    write(tmp_path / "big.tif", Image(PLANE, "YX"))
    with tifffile.TiffFile(tmp_path / "big.tif") as file:
        assert (file.series[0].kind, file.is_bigtiff) == ("ome", True)


def test_what_tiff_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="int64"):
        write(tmp_path / "image.tif", Image(PLANE.astype(np.int64), "YX"))
    with pytest.raises(UsageError, match="deflate or zstd"):
        write(tmp_path / "image.tif", Image(PLANE, "YX"), compression="jpeg")
    with pytest.raises(UsageError, match=r"\.ome\.|\.tif"):
        write(tmp_path / "image.gif", Image(PLANE, "YX"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("suffix", "image"),
    [
        (".png", Image(PLANE.astype(np.float32), "YX")),
        (".png", Image(PLANE[None], "ZYX")),
        (".png", Image(np.zeros((3, 4, 5), np.uint8), "CYX")),
        (".jpg", Image(PLANE, "YX")),
    ],
)
def test_lossy_surprises_are_refused(tmp_path: Path, suffix: str, image: Image) -> None:
    with pytest.raises(OutputError, match="Cannot write"):
        write(tmp_path / f"image{suffix}", image)
    assert not list(tmp_path.iterdir())


def test_jpeg_keeps_colour_nearly(tmp_path: Path) -> None:
    pixels = np.full((3, 16, 16), 100, np.uint8)
    pixels[0] = 200
    image = Image(pixels, "CYX", channel_names=("red", "green", "blue"))
    write(tmp_path / "image.jpg", image)
    back = read(tmp_path / "image.jpg")
    assert back.is_rgb
    np.testing.assert_allclose(back.data.astype(int), pixels, atol=3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_stored_with_0_for_white_are_read_as_they_look(tmp_path: Path, dtype: type) -> None:
    stored = np.iinfo(dtype).max - PLANE.astype(dtype)
    tifffile.imwrite(tmp_path / "white.tif", stored, photometric="miniswhite")
    image = read(tmp_path / "white.tif")
    assert image.dtype == dtype
    np.testing.assert_array_equal(image.to_numpy(), PLANE)


def test_large_files_with_0_for_white_are_read_by_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "EAGER_BYTES", 0)
    plane = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
    options = {"photometric": "miniswhite", "compression": "zlib", "tile": (16, 16)}
    tifffile.imwrite(tmp_path / "white.tif", 65535 - plane, **options)
    image = read(tmp_path / "white.tif")
    assert not isinstance(image.data, np.ndarray)
    part = image.region(y=slice(10, 30), x=slice(3, 40, 2))
    np.testing.assert_array_equal(part.to_numpy(), plane[10:30, 3:40:2])


def test_bits_of_a_scanner_are_read_as_they_look(tmp_path: Path) -> None:
    shown = PLANE > 9
    tifffile.imwrite(tmp_path / "scan.tif", ~shown, photometric="miniswhite")
    np.testing.assert_array_equal(read(tmp_path / "scan.tif").to_numpy(), shown)


def test_an_inverted_lookup_table_of_imagej_leaves_the_numbers_alone(tmp_path: Path) -> None:
    mask = (PLANE > 9).astype(np.uint8) * 255
    about = {"description": "ImageJ=1.54f\nmin=0.0\nmax=255.0\n", "metadata": None}
    tifffile.imwrite(tmp_path / "mask.tif", mask, photometric="miniswhite", **about)
    np.testing.assert_array_equal(read(tmp_path / "mask.tif").to_numpy(), mask)


def test_real_numbers_with_0_for_white_are_refused(tmp_path: Path) -> None:
    pixels = PLANE.astype(np.float32)
    tifffile.imwrite(tmp_path / "odd.tif", pixels, photometric="miniswhite")
    with pytest.raises(FormatError, match=r"odd\.tif.*MINISWHITE.*Save it anew"):
        read(tmp_path / "odd.tif")


def test_an_image_without_height_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "flat.tif"
    tifffile.imwrite(path, PLANE)
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags["ImageLength"]
    content = bytearray(path.read_bytes())
    content[tag.valueoffset : tag.valueoffset + tag.valuebytecount] = bytes(tag.valuebytecount)
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"flat\.tif.*5 × 0 px"):
        read(path)


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_pixels_of_a_size_that_no_tag_can_tell_are_written(tmp_path, name, size):
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    write(tmp_path / name, Image(pixels, "YX", pixel_size=(size, size)))
    np.testing.assert_array_equal(read(tmp_path / name).to_numpy(), pixels)
