import csv
import random

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cellwright.images.read import read
from cellwright.quality.images import check_plane


def nuclei(shape=(400, 500), seed=0):
    """Discs of 10 px radius, 16 bit, with a little blur and camera noise."""
    draw = np.random.default_rng(seed)
    plane = np.zeros(shape)
    y, x = np.ogrid[: shape[0], : shape[1]]
    for row, column in draw.uniform(0, shape, (60, 2)):
        plane[(y - row) ** 2 + (x - column) ** 2 < 100] = draw.uniform(0.5, 1)
    return gaussian_filter(plane, 1.2), draw


def exposed(plane, draw, gain=20_000.0, noise=200.0):
    return (
        (100 + gain * plane + draw.normal(0, noise, plane.shape)).clip(0, 65535).astype(np.uint16)
    )


def kinds(quality):
    return [warning.split(":")[0] for warning in quality.warnings]


def grey(path):
    pixels = read(path).to_numpy()
    return pixels if pixels.ndim == 2 else pixels.mean(axis=0).astype(pixels.dtype)


def test_a_good_image_raises_no_warning():
    assert kinds(check_plane(exposed(*nuclei()))) == []


@pytest.mark.parametrize("added", [2, 4, 8])
def test_blur_is_measured_in_pixels(added):
    plane, draw = nuclei()
    large = np.kron(plane, np.ones((3, 3)))  # objects much larger than the blur
    sharp = check_plane(exposed(large, draw)).blur
    blurred = check_plane(exposed(gaussian_filter(large, added), draw)).blur
    assert blurred**2 - sharp**2 == pytest.approx(added**2, rel=0.3)


def test_blur_is_judged_against_the_size_of_the_objects():
    plane, draw = nuclei()
    blurred = exposed(gaussian_filter(plane, 6), draw)
    assert kinds(check_plane(blurred)) == ["Out of focus"]
    assert kinds(check_plane(blurred, diameter=100)) == []


def test_saturation_counts_pixels_at_the_greatest_value():
    plane, draw = nuclei()
    quality = check_plane(exposed(plane, draw, gain=100_000))
    share = (exposed(plane, draw, gain=100_000) == 65535).mean()
    assert quality.saturated == pytest.approx(share, rel=0.1)
    assert kinds(quality) == ["Saturated"]
    assert "Shorter exposure" in quality.warnings[0]


def test_a_white_background_is_no_reason_for_a_shorter_exposure():
    plane, draw = nuclei()
    quality = check_plane(65_535 - exposed(plane - 0.02, draw))
    assert quality.saturated > 0.3
    assert kinds(quality) == ["Saturated"]
    assert "white" in quality.warnings[0]
    assert "xposure" not in quality.warnings[0]


def test_a_removed_background_is_told():
    plane, draw = nuclei()
    assert kinds(check_plane(exposed(plane - 0.05, draw, noise=100))) == ["Cut off"]


def test_shading_is_told_and_gathered_objects_are_not():
    plane, draw = nuclei()
    ramp = np.linspace(0, 0.6, plane.shape[1])
    assert kinds(check_plane(exposed(plane + ramp, draw))) == ["Uneven illumination"]
    plane[:, :250] = 0
    assert kinds(check_plane(exposed(plane, draw))) == []


def test_low_contrast_and_empty_images_are_told_apart():
    plane, draw = nuclei()
    assert kinds(check_plane(exposed(plane, draw, gain=1_000, noise=200))) == ["Low contrast"]
    assert kinds(check_plane(exposed(plane * 0, draw))) == ["Empty"]


def test_few_objects_stand_out_whether_they_are_bright_or_dark():
    y, x = np.ogrid[:400, :500]
    disc = gaussian_filter(((y - 200) ** 2 + (x - 250) ** 2 < 400) * 1.0, 1.2)  # 0.6 % of it
    bright = exposed(disc + 0.05, np.random.default_rng(0))
    assert kinds(check_plane(bright)) == []
    assert kinds(check_plane(40_000 - bright)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 2), (64, 64)])
def test_a_constant_image_of_any_size_is_told(shape):
    quality = check_plane(np.full(shape, 7, np.uint8))
    (warning,) = quality.warnings
    assert warning.startswith("Constant: all pixels looked at have the value 7, so that there is")


@pytest.mark.parametrize("shape", [(1, 2), (2, 3), (5, 7), (9, 400)])
def test_tiny_images_are_no_special_case(shape):
    check_plane(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))


def test_pixels_that_are_not_numbers_do_not_spread():
    plane, draw = nuclei()
    pixels = exposed(plane, draw).astype(np.float32)
    pixels[::50, ::50] = np.nan
    pixels[5, 5] = np.inf
    assert kinds(check_plane(pixels)) == []


@pytest.mark.data
def test_blurred_fields_are_told_from_sharp_ones(data_folder):
    folder = data_folder / "focus_bbbc006"
    for name, expected in (("sharp", []), ("blurred", ["Out of focus"])):
        for path in sorted((folder / name).iterdir()):
            assert kinds(check_plane(grey(path))) == expected, path.name


@pytest.mark.data
def test_fields_of_few_dark_bacteria_are_neither_empty_nor_of_low_contrast(data_folder):
    for path in sorted((data_folder / "bacteria" / "images").iterdir()):
        assert not {"Empty", "Low contrast"} & set(kinds(check_plane(grey(path)))), path.name


@pytest.mark.data
def test_uneven_illumination_is_told_in_most_shaded_sections(data_folder):
    found = [kinds(check_plane(grey(p))) for p in sorted((data_folder / "illum_brain").iterdir())]
    assert sum("Uneven illumination" in warnings for warnings in found) >= len(found) / 2


@pytest.mark.data
def test_images_that_people_analysed_hardly_raise_alarms(data_folder):
    folder = data_folder / "dsb2018"
    with (folder / "index.csv").open(newline="") as lines:
        names = sorted(line["id"] for line in csv.DictReader(lines))
    chosen = random.Random(0).sample(names, 40)
    alarms = []
    for name in chosen:
        (path,) = (folder / "images").glob(f"{name}.*")
        alarms += check_plane(grey(path)).warnings
    assert len(alarms) <= 2, alarms
