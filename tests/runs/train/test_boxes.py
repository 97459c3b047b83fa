"""Models of boxes: from annotated images to detections."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

import torch
from click.testing import CliRunner
from tifffile import imwrite

from cellwright import DatasetError
from cellwright.cli.program import program
from cellwright.datasets.augment import draw_warp
from cellwright.datasets.augmentation import Augmentation
from cellwright.datasets.boxes import Boxes
from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.images.write import write, write_labels
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.methods.boxes.recipe import BoxesRecipe
from cellwright.models.load import load_model
from cellwright.runs.detect.run import detect
from cellwright.runs.evaluate.boxes import evaluate_boxes, true_boxes
from cellwright.runs.train.box_patches import packed_boxes, unpacked_boxes
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train
from cellwright.runs.train.validation import BoxValidation

SIDE = 120  # px
QUICK = TrainOptions(
    network={"name": "fpn", "width": 8, "stem": 2, "depth": 3},
    steps=150,
    patch=64,
    learning_rate=0.02,
)


def field(seed):
    """Bright discs and dim, larger ones on noise; their labels, and boxes with classes."""
    rng = np.random.default_rng(seed)
    light = rng.normal(100, 8, (SIDE, SIDE))
    labels = np.zeros((SIDE, SIDE), np.int32)
    y, x = np.mgrid[:SIDE, :SIDE]
    rows = []
    for top in range(0, SIDE, 40):
        for left in range(0, SIDE, 40):
            bright = rng.random() < 0.5
            radius = 7 if bright else 12
            row, col = top + 20 + rng.integers(-6, 7), left + 20 + rng.integers(-6, 7)
            disc = (y - row) ** 2 + (x - col) ** 2 <= radius**2
            light[disc] += 300 if bright else 120
            labels[disc] = len(rows) + 1
            box = (row - radius, col - radius, row + radius + 1, col + radius + 1)
            rows.append(("bright" if bright else "dim", *box))
    return light.astype(np.float32), labels, rows


def write_boxes(root):
    lines = ["image,class,min_row,min_col,max_row,max_col,split"]
    for seed in range(8):
        light, _, rows = field(seed)
        write(root / f"images/{seed}.tif", Image(light, "YX"))
        part = "val" if seed < 2 else "train"
        lines += [f"{seed},{','.join(map(str, row))},{part}" for row in rows]
    (root / "boxes.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_boxes(tmp_path_factory.mktemp("data") / "discs")


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train(data, tmp_path_factory.mktemp("run") / "discs", QUICK)


def test_where_boxes_are_annotated_they_are_learned(trained):
    card = trained.package.card
    assert (card.task, card.method) == ("boxes", "boxes")
    assert card.readout["classes"] == ["bright", "dim"]
    assert card.evaluation["AP50"] > 0.5 and card.evaluation["AP50, bright"] > 0.5
    assert "AP50 " in trained.headline and "2 validation images" in trained.headline
    assert 0 <= card.threshold < 1 and card.calibration is not None
    assert 14 < card.input.diameter < 26 and card.input.scale == 1.0
    page = (trained.folder / "report.html").read_text(encoding="utf-8")
    assert "AP50, dim" in page and "Boxes found in validation patches" in page
    assert " bright" in page and "F1 " in page


def test_new_images_are_counted(trained, tmp_path):
    light, _, rows = field(77)
    write(tmp_path / "new.tif", Image(light, "YX"))
    result = detect(tmp_path / "new.tif", tmp_path / "out", model=trained.folder)
    assert result.objects == pytest.approx(len(rows), abs=3)
    found = load_model(trained.folder).predict(light)
    assert set(found["class"]) <= {"bright", "dim"}


def test_boxes_around_numbered_objects_are_learned_when_asked_for(tmp_path):
    for seed in range(6):
        light, labels, _ = field(seed)
        write(tmp_path / f"data/images/{seed}.tif", Image(light, "YX"))
        (tmp_path / "data/labels").mkdir(exist_ok=True)
        write_labels(tmp_path / f"data/labels/{seed}.tif", labels)
    arguments = ["train", str(tmp_path / "data"), "-o", str(tmp_path / "model"), "--width", "8"]
    arguments += ["--method", "boxes", "--steps", "3", "--patch", "64"]
    shown = CliRunner().invoke(program, arguments)
    assert shown.exit_code == 0, shown.output
    assert "cellwright detect IMAGES" in shown.stdout
    model = load_model(tmp_path / "model")
    assert model.classes == ("object",) and model.card.network.config["name"] == "fpn"


def test_classes_of_numbered_objects_are_those_of_the_boxes_around_them(tmp_path):
    rows = "image,label,class\n"
    for seed in range(6):
        light, labels, _ = field(seed)
        write(tmp_path / f"data/images/{seed}.tif", Image(light, "YX"))
        (tmp_path / "data/labels").mkdir(exist_ok=True)
        write_labels(tmp_path / f"data/labels/{seed}.tif", labels)
        numbers = np.unique(labels[labels > 0]).tolist()
        # Of the first objects of all images, nobody says what they are.
        rows += "".join(f"{seed},{n},{'odd' if n % 2 else 'even'}\n" for n in numbers[1:])
    (tmp_path / "data/classes.csv").write_text(rows, encoding="utf-8")
    options = replace(QUICK, method="boxes", steps=3)
    model = load_model(train(tmp_path / "data", tmp_path / "model", options).folder)
    assert model.classes == ("even", "odd")
    examples = open_dataset(tmp_path / "data").examples
    truth = true_boxes(examples[0], light.shape, model.classes)
    assert np.count_nonzero(~truth.known) == 1 and set(truth.names) == {"even", "odd"}
    scores = evaluate_boxes(model, examples).to_json()
    assert scores["true_objects"] == rows.count("\n") - 1
    (tmp_path / "data/classes.csv").unlink()
    with pytest.raises(DatasetError, match="of no class, but the model tells even, odd apart"):
        evaluate_boxes(model, open_dataset(tmp_path / "data").examples)


def test_what_cannot_be_learned_is_refused(data, tmp_path):
    with pytest.raises(DatasetError, match="Leave out the argument method"):
        train(data, tmp_path / "model", TrainOptions(method="watershed", steps=1))
    for seed in range(4):
        write(tmp_path / f"volumes/images/{seed}.tif", Image(np.zeros((8, 32, 32)), "ZYX"))
        (tmp_path / "volumes/labels").mkdir(exist_ok=True)
        labels = np.zeros((8, 32, 32), np.int32)
        labels[2:6, 5 + seed : 20, 5:20] = 1
        write_labels(tmp_path / f"volumes/labels/{seed}.tif", labels)
    with pytest.raises(DatasetError, match="planes only"):
        train(tmp_path / "volumes", tmp_path / "model", TrainOptions(method="boxes", steps=1))


def test_boxes_survive_being_packed():
    corners = np.array([[1, 2, 5, 9], [0, 0, 3, 3.5]], np.float32)
    truth = Boxes(corners, np.array(["b", "a"]), np.array([True, False]))
    unpacked = unpacked_boxes(packed_boxes(("a", "b"), truth))
    np.testing.assert_array_equal(unpacked[0], corners)
    assert unpacked[1].tolist() == [1, 0] and unpacked[2].tolist() == [True, False]
    labels = np.zeros((9, 9), np.int32)
    labels[2:4, 3:8] = 4
    assert unpacked_boxes(packed_boxes(("object",), labels))[0].tolist() == [[2, 3, 4, 8]]


def test_what_is_found_where_nobody_looked_counts_for_nothing():
    labels = np.zeros((64, 64), np.int32)
    for number, (top, left) in enumerate([(10, 8), (40, 8), (10, 40), (40, 40)], 1):
        labels[top : top + 12, left : left + 12] = number
    recipe = BoxesRecipe(BoxesReadout.suited_to(2, 24.0))

    class Perfect(torch.nn.Module):
        """Finds all four, those on the right more surely."""

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            maps = recipe.targets(labels)
            middle = np.clip(maps["centrality"], 0.01, 0.99)[None]
            ways = np.log(np.maximum(maps["distances"], 0.5) / recipe.readout.unit)
            quality = np.full((1, 64, 64), 3.0)
            quality[..., 32:] = 6.0
            said = np.concatenate([np.log(middle / (1 - middle)), ways, quality])
            self.said = torch.from_numpy(said.astype(np.float32))[None]

        def forward(self, pixels):
            return self.said + 0 * self.weight

    for beyond, expected in ((-1, 1.0), (0, 0.6)):
        truth = labels.copy()
        truth[:, 32:] = beyond
        batch = {name: value[None] for name, value in recipe.targets(truth).items()}
        batch["pixels"] = np.zeros((1, 1, 64, 64), np.float32)
        batch["labels"] = packed_boxes(("object",), truth)[None]
        learning = SimpleNamespace(recipe=recipe, validation_batches=partial(list, [batch]))
        found = BoxValidation(learning, recipe.readout)(Perfect())["AP50"]
        assert found == 1 if expected == 1 else found < expected


@pytest.mark.parametrize(("diameter", "seen"), [(100.0, 48.0), (6.0, 48.0), (40.0, 40.0)])
def test_objects_are_learned_at_the_size_at_which_they_are_seen(rng, diameter, seen):
    settings = Augmentation(
        free=0.0, diameter_range=(30.0, 75.0), reference_diameter=48.0, quarter_turns=False
    )
    warp = draw_warp((1, 300, 300), (64, 64), settings, rng, diameter=diameter)
    assert diameter / np.sqrt(abs(np.linalg.det(warp.matrix))) == pytest.approx(seen)


@pytest.mark.parametrize("method", ["boxes", "classes", "points", "watershed"])
def test_a_model_is_kept_where_images_to_check_on_hold_nothing(method, tmp_path):
    for seed in range(6):
        light, labels, _ = field(seed)
        part = "val" if seed < 2 else "train"
        blank = labels * 0 if method == "boxes" else labels * 0 - 1
        write(tmp_path / f"data/{part}/images/{seed}.tif", Image(light, "YX"))
        shown = np.minimum(labels, 1) if method == "classes" else labels
        (tmp_path / f"data/{part}/labels").mkdir(exist_ok=True)
        imwrite(tmp_path / f"data/{part}/labels/{seed}.tif", blank if seed < 2 else shown)
    options = TrainOptions(method=method, network={"width": 8, "depth": 2}, steps=2, patch=64)
    result = train(tmp_path / "data", tmp_path / "model", options)
    assert load_model(tmp_path / "model").card.method == method
    assert ("no box" if method == "boxes" else "no known pixel") in result.headline
