"""Pixel classes from annotated images to a result folder."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from cellwright import DatasetError, UsageError
from cellwright.cli.program import program
from cellwright.images.image import Image
from cellwright.images.read import read, read_labels
from cellwright.images.write import write, write_labels
from cellwright.models.load import load_model
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import preview_segmentation, segment_images
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train

QUICK = TrainOptions(
    method="classes", network={"width": 8, "depth": 2}, steps=40, patch=64, learning_rate=0.02
)


def field(seed, shape=(80, 96)):
    """Bright stripes and dark blots on noise, and what each pixel is: 0, 100 or 200."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(shape, np.uint8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    truth[(x + int(rng.integers(24))) % 24 < 8] = 100
    for top, left in rng.integers(0, (70, 86), (6, 2)):
        truth[(y - top) ** 2 + (x - left) ** 2 < 36] = 200
    light = np.choose(truth // 100, [500.0, 900.0, 100.0]) + rng.normal(0, 60, shape)
    return np.clip(light, 0, None).astype(np.uint16), truth


def rows_of(path):
    """The rows of a table."""
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("classes") / "stripes"
    for seed in range(8):
        image, truth = field(seed)
        (root / "images").mkdir(parents=True, exist_ok=True)
        (root / "masks").mkdir(exist_ok=True)
        write(root / f"images/{seed}.tif", Image(image, "YX", pixel_size=(0.5, 0.5)))
        write_labels(root / f"masks/{seed}.tif", truth)
    return root


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train(data, tmp_path_factory.mktemp("run") / "stripes", QUICK)


@pytest.fixture(scope="module")
def segmented(data, trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "results"
    return segment_images([data / "images"], out, SegmentOptions(), model=trained.folder)


def test_a_training_makes_a_model_of_classes(trained):
    card = trained.package.card
    assert card.task == "classes" and card.readout["classes"] == ["class 100", "class 200"]
    assert card.evaluation["Dice, class 100"] > 0.8
    assert "Dice of class 100 0." in trained.headline and "2 validation images" in trained.headline
    page = (trained.folder / "report.html").read_text()
    assert "mean Dice" in page and "Dice, class 200" in page
    image, truth = field(99)
    model = load_model(trained.folder)
    found = model.predict(image)
    assert found.dtype == np.uint8 and (found == truth // 100).mean() > 0.9
    tiled = model.segment(Image(image, "YX"), tile=16)
    np.testing.assert_array_equal(tiled.classes, found)
    assert repr(tiled).endswith("class 100, class 200, in 80 × 96 px>")


def test_segmenting_writes_classes_a_table_and_a_report(segmented, data):
    classes = read_labels(segmented.folder / "labels/3.tif")[0]
    _, truth = field(3)
    assert (classes == truth // 100).mean() > 0.9
    rows = rows_of(segmented.folder / "classes.csv")
    assert [row["class"] for row in rows[:2]] == ["class 100", "class 200"]
    mine = next(row for row in rows if row["image"] == "3" and row["class"] == "class 100")
    assert int(mine["pixels"]) == (classes == 1).sum()
    assert float(mine["share"]) == pytest.approx((classes == 1).mean())
    assert float(mine["area_um2"]) == pytest.approx((classes == 1).sum() / 4)
    page = (segmented.folder / "report.html").read_text()
    assert "Pixel classes of 8 images" in page and "class 200 (median share)" in page
    assert read(segmented.folder / "labels/3.tif").pixel_size == (0.5, 0.5)
    record = json.loads((segmented.folder / "run.json").read_text())
    assert record["failed"] == 0 and len(record["images"]) == 8


def test_a_movie_is_classified_frame_by_frame(trained, tmp_path):
    frames = np.stack([field(seed)[0] for seed in (20, 21)])
    write(tmp_path / "movie.tif", Image(frames, "TYX"))
    result = segment_images(
        [tmp_path / "movie.tif"], tmp_path / "out", SegmentOptions(), model=trained.folder
    )
    rows = rows_of(result.folder / "classes.csv")
    assert [row["frame"] for row in rows] == ["0", "0", "1", "1"]
    labels = read(result.folder / "labels/movie.tif")
    alone = load_model(trained.folder).predict(frames[1])
    assert labels.axes == "TYX"
    np.testing.assert_array_equal(labels.to_numpy()[1], alone)


def test_evaluation_says_dice_per_class(trained, data, tmp_path):
    metrics = evaluate(trained.folder, data, tmp_path / "scores", split="all").metrics
    assert metrics["dice"]["class 100"] > 0.8 and metrics["images"] == 8
    assert 0 < metrics["boundary_f"]["class 200"] <= 1
    rows = rows_of(tmp_path / "scores/images.csv")
    assert float(rows[0]["dice class 100"]) > 0.5


def test_the_program_trains_and_evaluates_classes(data, tmp_path):
    options = ["--method", "classes", "--steps", "4", "--width", "8", "--depth", "2"]
    command = ["train", str(data), "-o", str(tmp_path / "m"), "--patch", "32", *options]
    said = CliRunner().invoke(program, command)
    assert said.exit_code == 0, said.output
    assert "Dice of class 100" in said.output
    scores = ["evaluate", str(tmp_path / "m"), str(data), "-o", str(tmp_path / "s")]
    said = CliRunner().invoke(program, [*scores, "--split", "all"])
    assert said.exit_code == 0 and "class 200: Dice" in said.output


def test_options_about_objects_are_refused(trained, data, tmp_path):
    for options in (
        SegmentOptions(threshold=0.5),
        SegmentOptions(min_size=4),
        SegmentOptions(exclude_border=True),
        SegmentOptions(diameter=9.0),
    ):
        with pytest.raises(UsageError, match="classes of pixels, not objects"):
            segment_images([data / "images"], tmp_path / "out", options, model=trained.folder)
    assert not (tmp_path / "out").exists()


def test_a_preview_shows_classes(trained, data, tmp_path):
    shown = preview_segmentation(
        [data / "images"], tmp_path / "out", SegmentOptions(), model=trained.folder
    )
    assert shown["found"] == "classes of pixels"
    assert read(shown["preview"]).sizes["X"] == 2 * 96


def test_other_classes_than_the_model_knows_are_refused(trained, tmp_path):
    for seed in range(2):
        image, truth = field(seed)
        for folder in ("images", "masks"):
            (tmp_path / "d" / folder).mkdir(parents=True, exist_ok=True)
        write(tmp_path / f"d/images/{seed}.tif", Image(image, "YX"))
        write_labels(tmp_path / f"d/masks/{seed}.tif", truth > 0)
    with pytest.raises(DatasetError, match="has the classes foreground, but the model knows"):
        evaluate(trained.folder, tmp_path / "d", tmp_path / "s", split="all")


def test_volumes_are_classified_and_their_images_checked(tmp_path):
    for seed in range(3):
        planes, truths = zip(*(field(10 * seed + z, (40, 48)) for z in range(6)), strict=True)
        for folder in ("images", "masks"):
            (tmp_path / "d" / folder).mkdir(parents=True, exist_ok=True)
        write(tmp_path / f"d/images/{seed}.tif", Image(np.stack(planes), "ZYX"))
        write(tmp_path / f"d/masks/{seed}.tif", Image(np.stack(truths), "ZYX"))
    model = train(tmp_path / "d", tmp_path / "m", TrainOptions(method="pixels")).folder
    write(tmp_path / "new/good.tif", read(tmp_path / "d/images/0.tif"))
    write(tmp_path / "new/saturated.tif", Image(np.stack(truths), "ZYX"))
    out = segment_images([tmp_path / "new"], tmp_path / "out", SegmentOptions(), model=model).folder
    record = json.loads((out / "run.json").read_text())
    good, saturated = (image["warnings"] for image in record["images"])
    assert not good and any(text.startswith("Saturated") for text in saturated)
    assert read(out / "labels/good.tif").sizes == {"Z": 6, "Y": 40, "X": 48}
