"""Volumes from annotated stacks to a result folder."""

import csv
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from cellwright import AxesError, DatasetError, UsageError
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.metrics.matching import match
from cellwright.models.load import load_model
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import preview_segmentation, segment_images
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train
from cellwright.simulation.nuclei import NucleiSimulation, simulate_volume

SPACING = (1.0, 0.5, 0.5)
QUICK = TrainOptions(
    method="watershed",
    network={"width": 8, "depth": 2},
    steps=50,
    patch=32,
    learning_rate=0.02,
    strength="light",
)


def volume(seed):
    settings = NucleiSimulation(size=(16, 48, 48), diameter=13, density=0.2, plane_spacing=2.0)
    return simulate_volume(settings, seed)


def rows_of(path):
    """The rows of a table."""
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("volumes") / "nuclei"
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for seed in range(5):
        image, labels = volume(seed)
        like = Image(image, "ZYX", pixel_size=SPACING)
        write(root / f"images/{seed}.tif", like)
        write_labels(root / f"labels/{seed}.tif", labels, like=like)
    return root


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train(data, tmp_path_factory.mktemp("run") / "nuclei3", QUICK)


def test_a_training_makes_a_model_of_volumes(trained):
    card = trained.package.card
    assert card.network.dimensions == 3 and len(card.network.stride) == 3
    assert card.input.anisotropy == 2.0
    assert card.training["patch"] == [16, 32, 32]
    image, truth = volume(77)
    model = load_model(trained.folder)
    found = model.segment(Image(image, "ZYX", pixel_size=SPACING))
    assert match(truth, found.labels, 0.5).counts.recall > 0.2
    assert "plane" in found.table
    tiled = model.segment(Image(image, "ZYX", pixel_size=SPACING), tile=16)
    np.testing.assert_array_equal(found.labels, tiled.labels)


def test_stars_are_told_how_far_apart_planes_are(data, tmp_path):
    quick = replace(QUICK, method="stars", steps=2, recipe={"rays": 16})
    assert train(data, tmp_path / "stars", quick).package.card.readout["anisotropy"] == 2.0


def test_planes_that_lie_otherwise_apart_are_resampled(trained):
    """Twice as many planes, half as far apart, are the same sample."""
    image, _ = volume(78)
    model = load_model(trained.folder)
    once = model.segment(Image(image, "ZYX", pixel_size=SPACING), diameter=11)
    fine = np.repeat(image, 2, axis=0)
    twice = model.segment(Image(fine, "ZYX", pixel_size=(0.5, 0.5, 0.5)), diameter=11)
    assert twice.labels.shape[0] == 32
    scores = match(np.repeat(once.labels, 2, axis=0), twice.labels, 0.5).counts
    assert scores.f1 > 0.9


def test_segmenting_writes_labels_of_the_volume_and_measures_them(trained, data, tmp_path):
    result = segment_images(
        [data / "images"], tmp_path / "out", SegmentOptions(), model=trained.folder
    )
    labels = read(result.folder / "labels/2.tif")
    assert labels.axes == "ZYX" and labels.pixel_size == SPACING
    rows = [r for r in rows_of(result.folder / "objects.csv") if r["image"] == "2"]
    assert len(rows) == labels.to_numpy().max() > 0
    first = labels.to_numpy() == 1
    assert float(rows[0]["area"]) == first.sum()
    assert float(rows[0]["volume_um3"]) == pytest.approx(first.sum() / 4)
    assert (result.folder / "report.html").read_text().count("data:image/jpeg") == 5


def test_a_movie_of_volumes_and_one_lateral_pixel_size(trained, tmp_path):
    frames = np.stack([volume(seed)[0] for seed in (20, 21)])
    write(tmp_path / "movie.tif", Image(frames, "TZYX", pixel_size=SPACING))
    result = segment_images(
        [tmp_path / "movie.tif"],
        tmp_path / "out",
        SegmentOptions(pixel_size=0.25),
        model=trained.folder,
    )
    labels = read(result.folder / "labels/movie.tif")
    assert labels.axes == "TZYX" and labels.pixel_size == (1.0, 0.25, 0.25)
    rows = rows_of(result.folder / "objects.csv")
    assert {row["frame"] for row in rows} == {"0", "1"}


def test_what_does_not_fit_is_told(trained, data, tmp_path):
    write(tmp_path / "flat.tif", Image(np.zeros((40, 40), np.uint8), "YX"))
    write(tmp_path / "bare.tif", Image(volume(3)[0], "ZYX"))
    run = {"model": trained.folder}
    with pytest.raises(AxesError, match="works on volumes"):
        segment_images([tmp_path / "flat.tif"], tmp_path / "a", SegmentOptions(), **run)
    with pytest.raises(UsageError, match="leave out the argument z"):
        segment_images([tmp_path / "bare.tif"], tmp_path / "b", SegmentOptions(z="max"), **run)
    write(tmp_path / "far.tif", Image(volume(3)[0], "ZYX", pixel_size=(5000.0, 0.5, 0.5)))
    far = segment_images([tmp_path / "far.tif"], tmp_path / "d", SegmentOptions(), **run)
    assert "planes are 1e+04 times as far apart" in far.failures["far"] and not far.bugs
    sized = SegmentOptions(pixel_size=0.5)
    bare = segment_images([tmp_path / "bare.tif"], tmp_path / "c", sized, **run)
    assert "how far apart its planes are" in bare.failures["bare"] and not bare.bugs
    with pytest.raises(DatasetError, match="is a volume of 16 planes"):
        evaluate("nuclei", data, tmp_path / "scores", split="all")
    with pytest.raises(UsageError, match="sees planes, but the images are volumes"):
        train(data, tmp_path / "planes", TrainOptions(start_from="nuclei", steps=2))
    with pytest.raises(UsageError, match="whose sides are multiples of"):
        train(data, tmp_path / "model", TrainOptions(network={"depth": 2}, patch=31, steps=2))


def test_a_preview_shows_the_middle_plane(trained, data, tmp_path):
    shown = preview_segmentation(
        [data / "images"], tmp_path / "out", SegmentOptions(), model=trained.folder
    )
    assert read(shown["preview"]).sizes == {"C": 3, "Y": 48, "X": 96}


def test_evaluation_scores_volumes(trained, data, tmp_path):
    metrics = evaluate(trained.folder, data, tmp_path / "scores", split="all").metrics
    assert metrics["images"] == 5 and metrics["pooled"]["0.5"]["recall"] > 0.2
