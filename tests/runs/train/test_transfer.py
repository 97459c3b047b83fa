"""Trainings that start from a model for other images, other classes, or another method."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from cellwright import UsageError
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.images.image import Image
from cellwright.images.write import write, write_labels
from cellwright.models import find
from cellwright.models.bioimageio import export_bioimageio
from cellwright.models.exchange import import_model
from cellwright.models.package import load_package
from cellwright.runs.train.run import TrainOptions, train
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

QUICK = TrainOptions(
    network={"width": 8, "depth": 3}, steps=2, batch_size=2, patch=32, strength="none"
)


def make_dataset(root, channels=1):
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for number in range(3):
        settings = NucleiSimulation(size=(64, 64), diameter=12, density=0.3)
        pixels, labels = simulate_field(settings, seed=number)
        several = Image(np.repeat(pixels[np.newaxis], channels, axis=0), "CYX")
        write(root / f"images/{number}.tif", several if channels > 1 else Image(pixels, "YX"))
        write_labels(root / f"labels/{number}.tif", labels)
    return root


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("grey") / "data")


@pytest.fixture(scope="module")
def start(grey, tmp_path_factory):
    return train(grey, tmp_path_factory.mktemp("start") / "start", QUICK)


def continued(start, data, target, **changes):
    options = replace(QUICK, network={}, start_from=str(start.folder), **changes)
    return train(data, target, options)


def test_what_is_taken_over_is_told_by_the_model_and_its_report(start, tmp_path):
    data = make_dataset(tmp_path / "data", channels=2)
    done = continued(start, data, tmp_path / "two")
    told = done.package.card.training["weights"]
    assert "the first layer is adapted from 1 to 2 channels" in told and "new" not in told
    assert told in (done.folder / "report.html").read_text(encoding="utf-8")
    assert len(done.package.card.input.channels) == 2


@pytest.mark.parametrize("method", ["stars", "classes"])
def test_another_method_gets_a_head_of_its_own(start, grey, tmp_path, method):
    card = continued(start, grey, tmp_path / method, method=method).package.card
    assert card.method == method and card.training["weights"].endswith("; new are: head")


def test_the_method_is_that_of_the_model_to_start_from(start, grey, tmp_path):
    stars = continued(start, grey, tmp_path / "stars", method="stars")
    again = continued(stars, grey, tmp_path / "again").package.card
    assert again.method == "stars" and "new" not in again.training["weights"]


def test_classes_of_objects_come_to_what_the_model_knew(start, tmp_path):
    data = make_dataset(tmp_path / "data", channels=1)
    rows = ["image,label,class"]
    for example in open_dataset(data).examples:
        numbers = np.unique(load_example(example)[1])
        rows += [f"{example.id},{n},{'odd' if n % 2 else 'even'}" for n in numbers if n > 0]
    (data / "classes.csv").write_text("\n".join(rows), encoding="utf-8")
    told = continued(start, data, tmp_path / "kinds").package.card.training["weights"]
    assert "2 maps more than those of before start anew" in told and "new are" not in told


def test_a_model_that_came_back_from_bioimageio_is_a_start_like_any_other(
    start, grey, tmp_path, monkeypatch
):
    monkeypatch.setenv("CELLWRIGHT_MODELS", str(tmp_path / "mine"))
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "shipped")
    export_bioimageio(start.package, tmp_path / "start.zip")
    back = import_model(tmp_path / "start.zip").model
    options = replace(QUICK, network={}, start_from=back.name)
    card = train(grey, tmp_path / "again", options).package.card
    assert card.training["started from"]["sha256"] == load_package(start.folder).sha256
    assert "adapted" not in card.training["weights"]


def test_more_frozen_stages_than_there_are_is_refused(start, grey, tmp_path):
    with pytest.raises(UsageError, match=r"has \d+ stages; at most \d+ of them can be frozen"):
        continued(start, grey, tmp_path / "frozen", frozen_stages=99)
