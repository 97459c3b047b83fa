"""Points from annotated images to scores and found spots."""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

import torch

from cellwright import DatasetError, UsageError
from cellwright.cli.program import program
from cellwright.datasets.points import Points
from cellwright.images.image import Image
from cellwright.images.write import write, write_labels
from cellwright.measure.tables import read_csv
from cellwright.methods.points.readout import PointsReadout
from cellwright.methods.points.recipe import PointsRecipe
from cellwright.metrics.points import match_points
from cellwright.models.load import load_model
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.packing import packed_points
from cellwright.runs.train.run import train
from cellwright.runs.train.validation import PointValidation
from cellwright.simulation.spots import SpotSimulation, simulate_spots

ADAMW = {"optimiser": "adamw", "learning_rate": 0.01}
QUICK = TrainOptions(network={"width": 8, "depth": 2}, steps=300, patch=64, diameter=8.0, **ADAMW)
SPOTS = SpotSimulation(size=(96, 112), count=30, apart=8.0)


def spot_positions(table):
    return np.stack([table["centroid-0"], table["centroid-1"]], 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("points") / "spots"
    root.mkdir()
    rows = ["image,y,x,class"]
    for seed in range(8):
        image, positions = simulate_spots(SPOTS, seed)
        write(root / f"{seed}.tif", Image(image, "YX", pixel_size=(0.5, 0.5)))
        rows += [f"{seed}.tif,{y:.3f},{x:.3f},spot" for y, x in positions]
    (root / "points.csv").write_text("\n".join(rows))
    return root


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train(data, tmp_path_factory.mktemp("run") / "spots", QUICK)


def test_a_training_makes_a_model_of_points(trained):
    card = trained.package.card
    assert card.task == card.method == "points" and card.readout["classes"] == ["spot"]
    assert card.evaluation["F1"] > 0.85 and 0 < card.threshold < 1
    assert card.evaluation["tolerance, px"] == 2
    assert trained.headline.startswith("F1 0.9") or trained.headline.startswith("F1 1.0")
    assert "within 2 px" in trained.headline and "2 validation images" in trained.headline
    page = (trained.folder / "report.html").read_text()
    assert "RMSE of positions" in page and "points annotated" in page


def test_the_model_finds_new_spots_between_the_pixels(trained):
    image, truth = simulate_spots(SPOTS, 99)
    model = load_model(trained.folder)
    table = model.predict(image)
    matched = match_points(truth, spot_positions(table), 2.0)
    assert matched.counts.f1 > 0.85 and matched.rmse < 0.5
    assert set(table["class"]) == {"spot"} and table["label"].tolist() == [
        *range(1, len(table["label"]) + 1)
    ]
    assert (table["confidence"] >= model.card.threshold).all()
    everything = model.detect(Image(image, "YX"), threshold=0.0)
    assert everything.counts["spot"] == pytest.approx(30, abs=6)
    tiles = model.detect(Image(image, "YX"), tile=16)
    assert tiles.counts == pytest.approx(everything.counts, rel=1e-4)
    assert len(everything) >= len(table["label"])
    tiled = model.detect(Image(image, "YX"), tile=16).table
    for name, column in table.items():
        if column.dtype.kind == "f":
            np.testing.assert_allclose(tiled[name], column, rtol=1e-4, atol=1e-4)
        else:
            np.testing.assert_array_equal(tiled[name], column)
    nothing = model.predict(np.full((64, 64), 100, np.uint16))
    assert len(nothing["label"]) == 0


def test_evaluation_says_how_many_are_right_and_where(trained, data, tmp_path):
    metrics = evaluate(trained.folder, data, tmp_path / "scores", split="all").metrics
    assert metrics["true_points"] == 8 * 30 and metrics["f1"] > 0.85
    assert metrics["rmse"] < 0.5 and metrics["calibration"]["objects"] == metrics["found_points"]
    rows = list(csv.DictReader((tmp_path / "scores/images.csv").read_text().splitlines()))
    assert len(rows) == 8 and {row["true_points"] for row in rows} == {"30"}
    total = sum(int(row["count_error"]) for row in rows)
    assert total == metrics["count_error"] == metrics["found_points"] - 240
    by_density = sum(float(row["points_by_density"]) for row in rows)
    assert by_density - 240 == pytest.approx(metrics["density"]["count_error"], abs=0.1)


def test_centres_of_numbered_objects_are_points(tmp_path):
    grid = np.indices((80, 80))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        labels = np.zeros((80, 80), np.int32)
        for number, (y, x) in enumerate(rng.uniform(8, 72, (7, 2)), 1):
            labels[(grid[0] - y) ** 2 + (grid[1] - x) ** 2 < 36] = number
        image = 100 + 400 * (labels > 0) + rng.normal(0, 20, labels.shape)
        for folder in ("images", "labels"):
            (tmp_path / "d" / folder).mkdir(parents=True, exist_ok=True)
        write(tmp_path / f"d/images/{seed}.tif", Image(image.astype(np.uint16), "YX"))
        write_labels(tmp_path / f"d/labels/{seed}.tif", labels)
    options = replace(QUICK, method="points", diameter=None, steps=4)
    trained = train(tmp_path / "d", tmp_path / "m", options)
    assert trained.package.card.readout["width"] == pytest.approx(12 / 8, abs=0.1)
    command = ["evaluate", str(tmp_path / "m"), str(tmp_path / "d"), "-o", str(tmp_path / "s")]
    said = CliRunner().invoke(program, [*command, "--split", "all"])
    assert said.exit_code == 0, said.output
    assert "points in 5 images" in said.output and "counts off by" in said.output
    metrics = json.loads((tmp_path / "s/metrics.json").read_text())
    assert 25 < metrics["true_points"] <= 35


def test_what_does_not_fit_is_refused(data, trained, tmp_path):
    with pytest.raises(UsageError, match="diameter is for points alone"):
        path = tmp_path / "d"
        for folder in ("images", "labels"):
            (path / folder).mkdir(parents=True)
        write(path / "images/a.tif", Image(np.zeros((32, 32), np.uint8), "YX"))
        write_labels(path / "labels/a.tif", np.ones((32, 32), np.int32))
        train(path, tmp_path / "m", TrainOptions(diameter=5.0))
    with pytest.raises(DatasetError, match="annotated with points, which the method 'stars'"):
        train(data, tmp_path / "m", TrainOptions(method="stars"))
    with pytest.raises(DatasetError, match="has the class 'object', but the model knows only spot"):
        evaluate(trained.folder, path, tmp_path / "s", split="all")


def test_volumes_have_points_too(tmp_path):
    settings = SpotSimulation(size=(16, 40, 40), count=14, apart=8.0, plane_spacing=2.0)
    rows = ["image,z,y,x"]
    for seed in range(5):
        image, positions = simulate_spots(settings, seed)
        write(tmp_path / f"{seed}.tif", Image(image, "ZYX", pixel_size=(0.4, 0.2, 0.2)))
        rows += [f"{seed},{z:.3f},{y:.3f},{x:.3f}" for z, y, x in positions]
    (tmp_path / "points.csv").write_text("\n".join(rows))
    options = replace(QUICK, steps=80, patch=32, batch_size=2, strength="light")
    trained = train(tmp_path, tmp_path / "m", options)
    card = trained.package.card
    assert card.readout["anisotropy"] == 2 and card.readout["dimensions"] == 3
    image, truth = simulate_spots(settings, 77)
    volume = Image(image, "ZYX", pixel_size=(0.4, 0.2, 0.2))
    table = load_model(trained.folder).detect(volume).table
    assert {"centroid-0", "centroid-1", "centroid-2"} <= set(table)
    found = np.stack([table[f"centroid-{axis}"] for axis in range(3)], 1)
    assert match_points(truth, found, 3.0, spacing=(2, 1, 1)).counts.f1 > 0.5


def test_detecting_writes_a_row_for_each_point(data, trained, tmp_path):
    command = ["detect", str(data), "-o", str(tmp_path / "o"), "--model", str(trained.folder)]
    said = CliRunner().invoke(program, command)
    assert said.exit_code == 0, said.output
    table = read_csv(tmp_path / "o/objects.csv")
    columns = ["image", "label", "class", "class_prob", "confidence", "centroid-0", "centroid-1"]
    assert list(table)[:7] == columns and "centroid_um-0" in table
    keep = table["image"] == "3"
    _, truth = simulate_spots(SPOTS, 3)
    found = np.stack([table["centroid-0"], table["centroid-1"]], 1)[keep]
    assert match_points(truth, found, 2.0).counts.f1 > 0.85
    assert np.median(table["sigma"]) == pytest.approx(SPOTS.optics.blur, abs=0.3)
    page = (tmp_path / "o/report.html").read_text()
    assert "Confidence" in page and "spot, by density" in page
    record = json.loads((tmp_path / "o/run.json").read_text())
    expected = [image["facts"]["expected"]["spot"] for image in record["images"]]
    assert expected == pytest.approx([30] * 8, abs=8)
    refused = CliRunner().invoke(
        program, [*command[:3], str(tmp_path / "p"), *command[4:], "--diameter", "5"]
    )
    assert refused.exit_code != 0 and "leave out --diameter" in refused.output


def test_what_is_found_where_nobody_looked_counts_for_nothing():
    known = np.zeros((64, 64), bool)
    known[:, :32] = True
    recipe = PointsRecipe(PointsReadout(threshold=0.1))
    truth = Points(np.array([[16.0, 16], [48, 16]]), np.array(["object"] * 2), known)
    targets = {name: value[None] for name, value in recipe.targets(truth).items()}
    packed = packed_points(("object",), truth)[None]
    batch = {**targets, "pixels": np.zeros((1, 1, 64, 64), np.float32), "labels": packed}
    learning = SimpleNamespace(recipe=recipe, validation_batches=lambda: [batch])
    validation = PointValidation(learning, recipe.readout)

    class Perfect(torch.nn.Module):
        def __init__(self, places):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            names, everywhere = np.array(["object"] * len(places)), np.ones((64, 64), bool)
            maps = recipe.targets(Points(np.array(places, float), names, everywhere))
            heat = np.clip(maps["heat"], 1e-3, 0.999)
            rest = np.full((1, 64, 64), -5.0)
            said = np.concatenate([np.log(heat / (1 - heat)), maps["shifts"], rest])
            self.said = torch.from_numpy(said.astype(np.float32))[None]

        def forward(self, pixels):
            return self.said + 0 * self.weight

    beyond = [(10, 48), (30, 48), (50, 48)]
    assert validation(Perfect([(16, 16), (48, 16)]))["f1"] == 1
    assert validation(Perfect([(16, 16), (48, 16), *beyond]))["f1"] == 1
    assert validation(Perfect([(16, 16), *beyond]))["f1"] < 0.7
