"""Spots and points of image files: tables, counts and what is refused."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from cellwright import UsageError
from cellwright.cli.program import program
from cellwright.images.image import Image
from cellwright.images.write import write
from cellwright.measure.tables import read_csv, read_parquet
from cellwright.metrics.points import match_points
from cellwright.models.spots import SpotSettings
from cellwright.runs.detect.options import DetectOptions
from cellwright.runs.detect.run import detect
from cellwright.simulation.spots import SpotSimulation, simulate_spots

FIELD = SpotSimulation(size=(120, 140), count=40, apart=8.0)
VOLUME = SpotSimulation(size=(16, 60, 60), count=15, apart=9.0, plane_spacing=2.0)


def places(table, keep, unit="", axes=2):
    return np.stack([table[f"centroid{unit}-{axis}"][keep] for axis in range(axes)], 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("spots")
    truths = {}
    for seed in range(2):
        pixels, truths[f"f{seed}"] = simulate_spots(FIELD, seed)
        write(root / f"in/f{seed}.tif", Image(pixels, "YX", pixel_size=(0.1, 0.1)))
    frames = [simulate_spots(FIELD, seed) for seed in (7, 8)]
    movie = np.stack([pixels for pixels, _ in frames])
    write(root / "in/movie.tif", Image(movie, "TYX", pixel_size=(0.1, 0.1)))
    truths["movie"] = frames[1][1]
    volume, truths["volume"] = simulate_spots(VOLUME, 3)
    write(root / "in/volume.tif", Image(volume, "ZYX", pixel_size=(0.2, 0.1, 0.1)))
    return root, truths


@pytest.fixture(scope="module")
def found(folder):
    root, _ = folder
    command = ["detect", str(root / "in"), "-o", str(root / "out"), "--spots", "4", "--json"]
    said = CliRunner().invoke(program, command)
    assert said.exit_code == 0, said.output
    return json.loads(said.stdout)


def test_spots_are_found_where_they_are(folder, found):
    root, truths = folder
    table = read_csv(root / "out/objects.csv")
    assert read_parquet(root / "out/objects.parquet").keys() == table.keys()
    for name in ("f0", "f1"):
        keep = table["image"] == name
        counts = match_points(truths[name], places(table, keep), 1.5).counts
        assert counts.f1 > 0.97
        np.testing.assert_allclose(places(table, keep, "_um"), places(table, keep) / 10, rtol=1e-5)
    assert set(table["class"]) == {"spot"} and (table["snr"] > 1).all()
    assert np.nanmedian(table["sigma"]) == pytest.approx(1.4, abs=0.2)
    np.testing.assert_allclose(table["sigma_um"], table["sigma"] / 10, rtol=1e-4)


def test_movies_go_frame_by_frame_and_volumes_as_a_whole(folder, found):
    root, truths = folder
    table = read_csv(root / "out/objects.csv")
    second = (table["image"] == "movie") & (table["frame"] == 1)
    assert match_points(truths["movie"], places(table, second), 1.5).counts.f1 > 0.97
    labels = table["label"][table["image"] == "movie"]
    assert labels.tolist() == list(range(1, len(labels) + 1))
    volume = places(table, table["image"] == "volume", axes=3)
    assert match_points(truths["volume"], volume, 2.5, spacing=(2, 1, 1)).counts.f1 > 0.85


def test_the_run_states_what_was_done(folder, found):
    root, _ = folder
    record = json.loads((root / "out/run.json").read_text())
    assert record["parameters"]["spots"] == {"diameter": 4.0, "dark": False, "noise_factor": 4.5}
    facts = {image["image"]: image["facts"] for image in record["images"]}
    assert facts["f0"]["least_response"] == pytest.approx(4.5 * facts["f0"]["noise_of_response"])
    assert facts["f0"]["classes"] == {"spot": pytest.approx(40, abs=2)}
    page = (root / "out/report.html").read_text()
    assert "spots per image (median)" in page and "Width of the spots" in page
    assert found["objects"] == record["objects"] > 150
    again = detect(root / "in", root / "out", spots=SpotSettings(4.0))
    assert again.seconds == 0 and again.objects == found["objects"]


def test_planes_of_a_volume_and_empty_images(folder, tmp_path):
    root, _ = folder
    options = DetectOptions(z="max")
    flat = detect(root / "in/volume.tif", tmp_path / "a", spots=SpotSettings(4), options=options)
    assert "centroid-2" not in read_csv(flat.folder / "objects.csv") and flat.objects > 8
    write(tmp_path / "empty.tif", Image(np.full((40, 50), 7, np.uint8), "YX"))
    empty = detect(tmp_path / "empty.tif", tmp_path / "b", spots=SpotSettings(4))
    assert empty.objects == 0 and len(empty.warnings) == 1 and not empty.failures


def test_options_that_mean_nothing_are_refused(folder, tmp_path):
    root, _ = folder
    for options, message in (
        (DetectOptions(threshold=0.5), r"SpotSettings\(noise_factor"),
        (DetectOptions(tta=True), "argument tta"),
        (DetectOptions(diameter=4.0), "argument spots"),
        (DetectOptions(exclude_border=True), "no outlines"),
    ):
        with pytest.raises(UsageError, match=message):
            detect(root / "in", tmp_path / "o", spots=SpotSettings(4), options=options)
    assert not (tmp_path / "o").exists()
