"""What every file format owes its user, as tests to inherit from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from cellwright._errors import FormatError, InputError, OutputError
from cellwright.images.image import Image
from cellwright.images.read import list_scenes, read
from cellwright.images.write import write

SIZES = {"T": 3, "C": 2, "Z": 4, "Y": 37, "X": 53}
MICROMETRES = {"Z": 1.5, "Y": 0.325, "X": 0.25}


@dataclass(frozen=True)
class Case:
    axes: str
    dtype: str
    rgb: bool = False

    def __str__(self) -> str:
        return f"{'rgb' if self.rgb else self.axes}-{self.dtype}"


def make_image(case: Case, *, seed: int = 0) -> Image:
    """An image with random pixels and every piece of metadata its axes allow."""
    sizes = SIZES | ({"C": 3} if case.rgb else {})
    shape = tuple(sizes[axis] for axis in case.axes)
    pixels = np.random.default_rng(seed).uniform(0, 250, shape).astype(case.dtype)
    names = ("red", "green", "blue") if case.rgb else ("DAPI", "GFP")
    return Image(
        pixels,
        case.axes,
        pixel_size=tuple(MICROMETRES[a] for a in case.axes if a in MICROMETRES),
        frame_interval=30.0 if "T" in case.axes else None,
        channel_names=names if "C" in case.axes else None,
        name="sample",
    )


class FormatConformance:
    """Inherit, name the `suffix`, and set what the format can hold."""

    suffix: ClassVar[str]
    keeps_metadata: ClassVar[bool] = True
    axes: ClassVar[tuple[str, ...]] = ("YX", "ZYX", "CYX", "TYX", "TCYX", "CZYX", "TCZYX")
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16", "uint32", "float32")
    rgb_dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16")
    options: ClassVar[dict[str, str]] = {}

    @classmethod
    def cases(cls) -> Iterator[Case]:
        yield from (Case(axes, cls.dtypes[-1]) for axes in cls.axes)
        yield from (Case("YX", dtype) for dtype in cls.dtypes)
        yield from (Case("CYX", dtype, rgb=True) for dtype in cls.rgb_dtypes)

    def round_trip(self, image: Image, folder: Path) -> tuple[Image, Path]:
        path = folder / f"sample{self.suffix}"
        write(path, image, **self.options)
        return read(path), path

    def test_round_trip_keeps_pixels_and_meaning(self, tmp_path: Path) -> None:
        for number, case in enumerate(self.cases()):
            image = make_image(case, seed=number)
            back, path = self.round_trip(image, tmp_path / str(number))
            np.testing.assert_array_equal(back.to_numpy(), image.data, err_msg=str(case))
            assert (back.axes, back.dtype, back.name) == (image.axes, image.dtype, "sample")
            assert len(list_scenes(path)) == 1
            if case.rgb:
                assert back.is_rgb, case
            if self.keeps_metadata:
                assert back.pixel_size == pytest.approx(image.pixel_size, rel=1e-6), case
                assert back.frame_interval == image.frame_interval, case
                assert back.channel_names == image.channel_names, case

    def test_region_equals_part_of_the_whole(self, tmp_path: Path) -> None:
        image = make_image(list(self.cases())[len(self.axes) - 1])
        back, _ = self.round_trip(image, tmp_path)
        region = back.region(y=slice(5, 20), x=slice(30, None))
        np.testing.assert_array_equal(region.data, image.to_numpy()[..., 5:20, 30:])

    def test_unknown_pixel_size_stays_unknown(self, tmp_path: Path) -> None:
        image = Image(np.ones((8, 9), self.dtypes[0]), "YX")
        back, _ = self.round_trip(image, tmp_path)
        assert back.pixel_size is None
        assert back.channel_names is None

    def test_a_volume_keeps_the_size_of_its_pixels_without_the_distance_of_planes(
        self, tmp_path: Path
    ) -> None:
        if not (self.keeps_metadata and "ZYX" in self.axes):
            pytest.skip("no volumes with a pixel size")
        pixels = np.ones((3, 8, 9), self.dtypes[0])
        back, _ = self.round_trip(Image(pixels, "ZYX", lateral_size=(0.5, 0.25)), tmp_path)
        assert back.pixel_size is None
        assert back.lateral_size == pytest.approx((0.5, 0.25))
        assert back.region(z=1).pixel_size == pytest.approx((0.5, 0.25))

    def test_one_pixel_image(self, tmp_path: Path) -> None:
        back, _ = self.round_trip(Image(np.full((1, 1), 7, self.dtypes[0]), "YX"), tmp_path)
        assert (back.axes, back.to_numpy().tolist()) == ("YX", [[7]])

    def test_there_are_no_other_levels_than_those_stored(self, tmp_path: Path) -> None:
        _, path = self.round_trip(make_image(Case("YX", self.dtypes[0])), tmp_path)
        for level in (-1, 1):
            with pytest.raises(InputError, match=f"1 resolution level, so no level {level};"):
                read(path, level=level)

    def test_truncated_file_is_named_with_a_cure(self, tmp_path: Path) -> None:
        _, path = self.round_trip(make_image(Case("YX", self.dtypes[0])), tmp_path)
        victim = path
        if path.is_dir():
            victim = max((f for f in (path / "0").rglob("*") if f.is_file()), key=_size)
        victim.write_bytes(victim.read_bytes()[: _size(victim) // 2])
        with pytest.raises(FormatError, match=path.name) as caught:
            read(path).to_numpy()
        assert "again" in str(caught.value) or "anew" in str(caught.value)

    def test_existing_file_is_replaced_only_on_demand(self, tmp_path: Path) -> None:
        image = make_image(Case("YX", self.dtypes[0]))
        _, path = self.round_trip(image, tmp_path)
        with pytest.raises(OutputError, match="exists"):
            write(path, image)
        other = Image(np.zeros((4, 5), self.dtypes[0]), "YX")
        write(path, other, overwrite=True, **self.options)
        assert read(path).shape == (4, 5)
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def _size(path: Path) -> int:
    return path.stat().st_size
