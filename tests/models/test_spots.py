"""Spots in images: the same from any tiles, in planes and volumes, lazy or not."""

import re

import numpy as np
import pytest

from cellwright._errors import UsageError
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write
from cellwright.methods.points.spots import detect_spots
from cellwright.metrics.points import match_points
from cellwright.models.spots import SpotSettings, detect_spots_in, shapes_at
from cellwright.simulation.spots import SpotSimulation, simulate_spots

PLANE = SpotSimulation(size=(200, 180), count=60, apart=7.0)


def places(table, axes=2):
    return np.stack([table[f"centroid-{axis}"] for axis in range(axes)], 1)


def assert_same(one, other):
    for name, column in one.items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(other[name], column, rtol=1e-4, atol=1e-4)
        else:
            np.testing.assert_array_equal(other[name], column)


def test_spots_are_those_of_the_whole_image_from_any_tiles(tmp_path):
    pixels, truth = simulate_spots(PLANE, 3)
    write(tmp_path / "a.ome.zarr", Image(pixels, "YX"))
    settings = SpotSettings(4.0)
    whole = detect_spots_in(Image(pixels, "YX"), settings).table
    assert match_points(truth, places(whole), 1.5).counts.f1 > 0.97
    assert whole["label"].tolist() == list(range(1, len(whole["label"]) + 1))
    plain = detect_spots(pixels, 4.0)
    assert match_points(places(whole), np.stack([plain["y"], plain["x"]], 1), 1e-3).counts.f1 == 1
    for tile in (64, 90):
        assert_same(whole, detect_spots_in(Image(pixels, "YX"), settings, tile=tile).table)
    assert_same(whole, detect_spots_in(read(tmp_path / "a.ome.zarr"), settings, tile=64).table)


def test_volumes_know_how_far_apart_their_planes_are():
    simulated = SpotSimulation(size=(24, 64, 60), count=25, apart=9.0, plane_spacing=3.0)
    pixels, truth = simulate_spots(simulated, 1)
    volume = Image(pixels, "ZYX", pixel_size=(0.3, 0.1, 0.1))
    found = detect_spots_in(volume, SpotSettings(5.0)).table
    counts = match_points(truth, places(found, 3), 3.0, spacing=(3, 1, 1)).counts
    assert counts.f1 > 0.9
    assert_same(found, detect_spots_in(volume, SpotSettings(5.0), tile=32).table)


def test_one_channel_is_looked_at():
    pixels, truth = simulate_spots(PLANE, 4)
    both = Image(np.stack([pixels, pixels[::-1]]), "CYX", channel_names=("up", "down"))
    with pytest.raises(UsageError, match="Choose with the argument channel"):
        detect_spots_in(both, SpotSettings(4.0))
    down = places(detect_spots_in(both, SpotSettings(4.0), channel="down").table)
    down[:, 0] = pixels.shape[0] - 1 - down[:, 0]
    assert match_points(truth, down, 1.5).counts.f1 > 0.97


def test_dark_spots_and_what_cannot_be():
    pixels, truth = simulate_spots(PLANE, 5)
    negative = Image((int(pixels.max()) - pixels.astype(np.int32)).astype(np.uint16), "YX")
    dark = detect_spots_in(negative, SpotSettings(4.0, dark=True)).table
    assert match_points(truth, places(dark), 1.5).counts.f1 > 0.97
    assert (dark["intensity"] > 0).all()
    with pytest.raises(UsageError, match="noise_factor must be a number above 0, not -1"):
        SpotSettings(4, noise_factor=-1)
    for diameter in (
        0,
        1e-3,
        1e9,
        np.inf,
        np.nan,
    ):  # the filters would be empty, or fill the memory
        with pytest.raises(UsageError, match=r"1 to 128 px across, not .*segment"):
            SpotSettings(diameter)


def test_shapes_are_fitted_wherever_asked():
    rows, columns = np.indices((60, 70))
    pixels = 10 + 30 * np.exp(-((rows - 20.2) ** 2 + (columns - 30.7) ** 2) / 2 / 1.6**2)
    pixels -= 20 * np.exp(-((rows - 44) ** 2 + (columns - 12.5) ** 2) / 2 / 1.2**2)
    shapes = shapes_at(pixels[None], np.array([[20.2, 30.7], [44, 12.5]]), (1.4, 1.4))
    assert shapes["intensity"] == pytest.approx([30, -20], rel=0.02)
    assert shapes["sigma"] == pytest.approx([1.6, 1.2], rel=0.02)
    assert len(shapes_at(pixels[None], np.zeros((0, 2)), (1.4, 1.4))["sigma"]) == 0


def test_crowds_are_told_of_with_a_way_to_find_them():
    pixels, truth = simulate_spots(SpotSimulation(size=(200, 200), count=1500), 0)
    found = detect_spots_in(Image(pixels, "YX"), SpotSettings(4.0))
    (warning,) = found.warnings
    factor = float(re.search(r"SpotSettings\(noise_factor=(\S+)\)", warning)[1])
    better = detect_spots_in(Image(pixels, "YX"), SpotSettings(4.0, noise_factor=factor))
    before, after = (match_points(truth, places(one.table), 2.0).counts for one in (found, better))
    assert after.f1 > before.f1 + 0.2 and after.precision > 0.9
    assert not better.warnings  # who did so is not sent on
    sparse, _ = simulate_spots(PLANE, 1)
    assert not detect_spots_in(Image(sparse, "YX"), SpotSettings(4.0)).warnings


@pytest.mark.data
def test_crowded_emitters(data_folder):
    folder = data_folder / "smlm_random"
    frame = read(folder / "ArtificialDataset_demo1.tif", axes="TYX").region(T=0)
    lines = (folder / "positions_demo1.csv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [[float(value) for value in line.split(",")] for line in lines]
    truth = np.array([[y, x] for _, number, x, y, *_ in rows if number == 1]) / 100 - 0.5
    share = detect_spots_in(frame, SpotSettings(2.0)).noise.share
    found = detect_spots_in(frame, SpotSettings(2.0, noise_factor=4.5 * share)).table
    matching = match_points(truth, places(found), 2.0)
    assert matching.counts.f1 > 0.65 and matching.counts.precision > 0.97 and matching.rmse < 0.5
