import csv
import json

import pytest

pytest.importorskip("torch")

from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.models.load import load_model
from cellwright.runs.compare import compare
from cellwright.runs.compare_options import CompareOptions
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

QUICK = CompareOptions(
    methods=("watershed", "offsets", "boundary"), networks=("light",), minutes=0.05, folds=2
)


def make_dataset(root, count):
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for number in range(count):
        settings = NucleiSimulation(size=(64, 64), diameter=14, density=0.3, condensed=0)
        image, labels = simulate_field(settings, seed=number)
        write(root / f"images/{number:02}.tif", Image(image, "YX"))
        write_labels(root / f"labels/{number:02}.tif", labels)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("nuclei") / "data", 12)


@pytest.fixture(scope="module")
def compared(data, tmp_path_factory):
    return compare(data, tmp_path_factory.mktemp("run") / "My comparison", QUICK)


def test_it_ends_with_a_leaderboard_and_a_model_that_works(compared, data):
    metrics = compared.metrics
    assert metrics == json.loads((compared.folder / "metrics.json").read_text("utf-8"))
    with (compared.folder / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["candidate"] == metrics["recommended"]
    assert rows[0]["result"] == "recommended" and rows[1]["result"] == "finalist"
    assert rows[2]["result"] == "left out after round 1"
    assert float(rows[0]["AP@0.5"]) >= float(rows[1]["AP@0.5"])
    model = load_model(compared.folder / "model")
    assert model.card.name == "my-comparison"
    assert model.card.method == rows[0]["method"]
    assert model.segment(read(data / "images/00.tif")).labels.shape == (64, 64)
