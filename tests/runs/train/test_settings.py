"""What may be set of a training: the recipe, the optimiser, what is drawn, when to end."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from cellwright import DatasetError, OutputError, UsageError
from cellwright.cli.program import program
from cellwright.images.image import Image
from cellwright.images.write import write, write_labels
from cellwright.runs.train.lesson import Lesson
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.prepare import divided_dataset, image_size
from cellwright.runs.train.run import open_task, train

QUICK = TrainOptions(method="classes", network={"width": 8, "depth": 2}, steps=6, patch=32)
KINDS = ("day", "day", "day", "day", "day", "night", "day", "night")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eight images with one bright pixel in 16; six to learn from, one of them at night."""
    root = tmp_path_factory.mktemp("settings") / "data"
    rows = ["id,split,kind"]
    for number, kind in enumerate(KINDS):
        for folder in ("images", "masks"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        truth = np.zeros((48, 48), np.uint8)
        truth[::4, ::4] = 255
        noise = np.random.default_rng(number).normal(100, 5, truth.shape)
        write(root / f"images/{number}.tif", Image((noise + truth).astype(np.uint16), "YX"))
        write_labels(root / f"masks/{number}.tif", truth)
        rows.append(f"{number},{'train' if number < 6 else 'val'},{kind}")
    (root / "index.csv").write_text("\n".join(rows))
    return root


def learning_of(data, options):
    """How the network would learn."""
    task, opened = open_task(data, options)
    divided, _ = divided_dataset(opened, options.seed)
    contract, _ = task.contract(divided, options.seed)
    lesson = Lesson(task, divided, contract, "classes", options, image_size(divided))
    return task.learning(lesson, lesson.plan(), 0)


def test_balanced_classes_weigh_as_their_pixels_are_rare(data):
    settings = replace(QUICK, recipe={"class_weights": "balanced"})
    assert learning_of(data, settings).recipe.class_weights == pytest.approx((8 / 15, 8.0))
    assert learning_of(data, QUICK).recipe.class_weights is None
    with pytest.raises(UsageError, match="2 classes with the background, but 3 class weights"):
        learning_of(data, replace(QUICK, recipe={"class_weights": "1,2,3"}))


def test_a_rare_kind_is_drawn_as_often_as_a_common_one(data):
    learning = learning_of(data, replace(QUICK, balance="kind"))
    assert learning.weights == pytest.approx((*[0.1] * 5, 0.5))
    assert learning_of(data, QUICK).weights is None


def test_images_of_one_kind_cannot_be_balanced(data, tmp_path):
    with pytest.raises(DatasetError, match=r"not of several groups.*column 'group'"):
        train(data, tmp_path / "model", replace(QUICK, balance="group"))
    assert not (tmp_path / "model").exists()


def test_the_command_learns_as_it_is_told(data, tmp_path):
    out = tmp_path / "model"
    told = (
        "--method classes --width 8 --depth 2 --steps 6 --patch 32 --balance kind --optimiser sgd"
    )
    recipe = "--recipe terms=focal+tversky --recipe class_weights=balanced --workers 0"
    command = ["train", str(data), "-o", str(out), *told.split(), *recipe.split()]
    result = CliRunner().invoke(program, command)
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader((out / "training/history.csv").read_text().splitlines()))
    assert {"train_loss", "train_focal", "train_tversky"} < set(rows[0])
    again = train(
        data,
        out,
        replace(
            QUICK,
            recipe={"terms": "focal+tversky", "class_weights": "balanced"},
            balance="kind",
            optimiser="sgd",
        ),
    )
    facts = again.package.card.training
    assert facts["recipe"] == {"terms": "focal+tversky", "class_weights": "balanced"}
    assert (facts["balanced by"], facts["optimiser"]) == ("kind", "sgd")
    assert "class weights balanced" in (out / "report.html").read_text()


def test_a_setting_is_the_same_however_it_is_written(data, tmp_path):
    out = tmp_path / "model"
    written = {"class_weights": "1,2", "terms": "focal+0.5*dice"}
    first = train(data, out, replace(QUICK, recipe=written))
    numbers = {"class_weights": (1, 2.0), "terms": {"focal": 1, "dice": 0.5}}
    assert train(data, out, replace(QUICK, recipe=numbers)).package == first.package
    with pytest.raises(OutputError, match="recipe"):
        train(data, out, replace(QUICK, recipe={"class_weights": "1,3"}))


@pytest.mark.parametrize(
    ("method", "recipe", "message"),
    [
        ("classes", "gap_weight=10", "The recipe of the method 'classes' has no 'gap_weight'"),
        ("pixels", "seam=1", "has no network: leave out"),
        ("classes", "terms", "must be a name and a value"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_made(method, recipe, message, data, tmp_path):
    out = tmp_path / "model"
    command = ["train", str(data), "-o", str(out), "--method", method, "--recipe", recipe]
    result = CliRunner().invoke(program, command)
    assert result.exit_code == 2 and message in " ".join(result.output.split())
    assert not out.exists()


def test_a_forest_has_no_images_to_balance(data, tmp_path):
    with pytest.raises(UsageError, match=r"has no network: leave out .* balance"):
        train(data, tmp_path / "model", TrainOptions(method="pixels", balance="kind"))
    assert not (tmp_path / "model").exists()


def test_a_training_that_gains_nothing_ends_early(data, tmp_path):
    options = replace(QUICK, steps=200, learning_rate=1e-9, patience=2)
    trained = train(data, tmp_path / "model", options)
    assert trained.package.card.training["steps"] < 200
