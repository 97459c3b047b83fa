"""Models that also tell what their objects are, from images to a report."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from cellwright import DatasetError
from cellwright.cli.evaluate import evaluate as command
from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.measure.tables import read_csv
from cellwright.metrics.matching import match
from cellwright.models.bioimageio import export_bioimageio
from cellwright.models.bioimageio_files import open_files
from cellwright.models.bioimageio_import import import_bioimageio
from cellwright.models.load import load_model
from cellwright.models.package import load_package, verify_package
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.object_classes import class_problems, pixels_of
from cellwright.runs.train.run import TrainOptions, train
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field, simulate_volume

QUICK = TrainOptions(
    network={"width": 8, "depth": 3}, steps=150, batch_size=4, patch=64, learning_rate=0.02
)


def two_kinds(seed):
    """Return nuclei of which every third is several times as bright, and which ones these are."""
    settings = NucleiSimulation(size=(96, 96), diameter=16, density=0.2, condensed=0)
    pixels, labels = simulate_field(settings, seed=seed)
    bright = (labels % 3 == 1) & (labels > 0)
    return pixels * (1 + 3.0 * bright), labels


def kind(label):
    return "bright" if label % 3 == 1 else "dim"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("kinds") / "data"
    (root / "labels").mkdir(parents=True)
    (root / "images").mkdir()
    rows = [("image", "label", "class")]
    for number in range(8):
        pixels, labels = two_kinds(number)
        write(root / f"images/{number}.tif", Image(pixels.astype(np.float32), "YX"))
        write_labels(root / f"labels/{number}.tif", labels)
        # Of a few objects nobody says what they are.
        told = [label for label in np.unique(labels[labels > 0]).tolist() if label % 7]
        rows += [(f"{number}.tif", label, kind(label)) for label in told]
    with (root / "classes.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return root


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train(data, tmp_path_factory.mktemp("run") / "kinds", QUICK)


def test_objects_of_new_images_get_the_right_class(trained):
    model = load_model(trained.folder)
    assert model.object_classes == model.classes == ("bright", "dim")
    right, objects = 0, 0
    for seed in range(100, 104):
        pixels, truth = two_kinds(seed)
        found = model.segment(Image(pixels, "YX"))
        matched = match(truth, found.labels, 0.5)
        told = dict(zip(found.table["label"].tolist(), found.table["class"], strict=True))
        pairs = zip(matched.truth.tolist(), matched.prediction.tolist(), strict=True)
        right += sum(told[own] == kind(true) for true, own in pairs)
        objects += len(matched.truth)
        assert ((found.table["class_prob"] >= 0.5) & (found.table["class_prob"] <= 1)).all()
    assert objects > 30 and right / objects > 0.9


def test_card_and_report_say_what_was_learned(trained):
    card = trained.package.card
    assert tuple(card.readout["classes"]) == ("bright", "dim")
    assert card.evaluation["class accuracy"] > 0.8
    assert "class accuracy" in trained.headline
    page = (trained.folder / "report.html").read_text(encoding="utf-8")
    assert "Classes of objects" in page and '<th class="n">not found</th>' in page
    history = (trained.folder / "training/history.csv").read_text(encoding="utf-8")
    assert "train_object class" in history and "validation_class_accuracy" in history


def test_a_package_with_classes_states_a_format_that_older_programs_refuse(trained):
    content = json.loads((trained.folder / "model.json").read_text(encoding="utf-8"))
    assert content["format_version"] == 2
    assert load_package(trained.folder) == trained.package
    assert verify_package(trained.package) < 1e-3


def test_a_shared_model_comes_back_with_its_classes(trained, tmp_path):
    export_bioimageio(trained.package, tmp_path / "kinds.zip")
    import_bioimageio(open_files(tmp_path / "kinds.zip"), tmp_path / "again.cellwright")
    assert load_model(tmp_path / "again.cellwright").object_classes == ("bright", "dim")


def test_classes_do_not_depend_on_tiles(trained):
    model = load_model(trained.folder)
    image = Image(two_kinds(100)[0], "YX")
    whole, tiled = (model.segment(image, tile=tile, diameter=16).table for tile in (256, 64))
    assert whole["class"].tolist() == tiled["class"].tolist()
    np.testing.assert_allclose(whole["class_prob"], tiled["class_prob"], atol=1e-5)


def test_tables_and_report_of_a_run_tell_classes(trained, data, tmp_path):
    segment_images(
        [data / "images"], tmp_path / "out", SegmentOptions(), model=trained.folder, device="cpu"
    )
    table = read_csv(tmp_path / "out/objects.csv")
    assert set(table["class"]) == {"bright", "dim"} and (table["class_prob"] > 0.4).all()
    counts = {name: int((table["class"] == name).sum()) for name in ("bright", "dim")}
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    for name, count in counts.items():
        assert f"<b>{count}</b><span>{name}</span>" in page
    found = load_model(trained.folder).detect(read(data / "images/0.tif"))
    own = table["image"] == "0"
    assert found.table["class"].tolist() == table["class"][own].tolist()


def test_scores_are_told_per_class(trained, data, tmp_path):
    asked = ["--split", "all", "-o", str(tmp_path / "scores")]
    said = CliRunner().invoke(command, [str(trained.folder), str(data), *asked])
    assert said.exit_code == 0, said.output
    assert "class accuracy, of objects found: 0." in said.output
    assert "  bright: F1@0.5" in said.output
    scores = json.loads((tmp_path / "scores/metrics.json").read_text(encoding="utf-8"))
    confusion = np.array(scores["confusion"]["counts"])
    of_known = sum(one["true_objects"] for one in scores["per_class"].values())
    assert confusion[:-1].sum() == of_known < scores["true_objects"]
    assert scores["class_accuracy"] == np.trace(confusion[:-1, :-1]) / confusion[:-1, :-1].sum()
    assert scores["mean_over_classes"]["0.5"]["f1"] > 0.7
    rows = read_csv(tmp_path / "scores/images.csv")
    assert rows["true bright"].sum() == scores["per_class"]["bright"]["true_objects"]


def test_a_dataset_without_classes_is_scored_without_them(trained, data, tmp_path):
    plain = copied(data, tmp_path / "plain")
    scores = evaluate(trained.folder, plain, tmp_path / "scores", split="all").metrics
    assert scores["class_accuracy"] is None
    assert scores["pooled"]["0.5"]["f1"] > 0.5


def test_classes_that_a_model_does_not_know_are_refused(trained, data, tmp_path):
    other = copied(data, tmp_path / "other", "image,label,class\n0,1,round\n0,2,dim\n")
    with pytest.raises(DatasetError, match="class 'round', but the classes are bright, dim"):
        evaluate(trained.folder, other, tmp_path / "scores", split="all")


def test_nothing_changes_where_there_is_one_class_or_none(data, tmp_path):
    few = replace(QUICK, steps=3)
    plain = train(copied(data, tmp_path / "plain"), tmp_path / "a" / "model", few).package
    one = copied(data, tmp_path / "one", "image,label,class\n0,1,cell\n1,1,cell\n")
    same = train(one, tmp_path / "b" / "model", few).package
    assert plain.files == same.files
    assert plain.card.readout == same.card.readout and "classes" not in plain.card.readout
    assert plain.card.to_json()["format_version"] == 1
    table = load_model(tmp_path / "b/model").segment(read(data / "images/0.tif")).table
    assert "class" not in table


def test_a_class_that_is_only_in_validation_images_is_reported(data, tmp_path):
    root = copied(data, tmp_path / "rare", (data / "classes.csv").read_text(encoding="utf-8"))
    with (root / "classes.csv").open("a", encoding="utf-8") as stream:
        stream.write("7.tif,7,rare\n")
    splits = "".join(f"{n},{'val' if n > 5 else 'train'}\n" for n in range(8))
    (root / "index.csv").write_text("image,split\n" + splits, encoding="utf-8")
    dataset = InstanceTask().taken(open_dataset(root))
    assert dataset.classes == ("bright", "dim", "rare")
    assert class_problems(dataset) == (
        "No training image has an object of the class rare: none is found.",
    )
    assert pixels_of(dataset.part("train"), dataset.classes)[2] == 0


def test_methods_without_a_network_say_that_they_leave_classes_out(data, tmp_path):
    done = train(data, tmp_path / "model", TrainOptions(method="classical"))
    assert "bright or dim is not learned" in " ".join(done.warnings)
    assert load_model(done.folder).object_classes == ()


def test_volumes_have_classes_too(tmp_path):
    rows = "image,label,class\n"
    (tmp_path / "data/images").mkdir(parents=True)
    (tmp_path / "data/labels").mkdir()
    for number in range(3):
        settings = NucleiSimulation(size=(16, 48, 48), diameter=12, density=0.2)
        pixels, labels = simulate_volume(settings, seed=number)
        write(tmp_path / f"data/images/{number}.tif", Image(pixels, "ZYX"))
        write_labels(tmp_path / f"data/labels/{number}.tif", labels)
        numbers = np.unique(labels[labels > 0]).tolist()
        rows += "".join(f"{number},{label},{kind(label)}\n" for label in numbers)
    (tmp_path / "data/classes.csv").write_text(rows, encoding="utf-8")
    options = TrainOptions(network={"width": 8, "depth": 2}, steps=2, patch=32, batch_size=1)
    model = load_model(train(tmp_path / "data", tmp_path / "model", options).folder)
    assert model.card.method == "watershed" and model.object_classes == ("bright", "dim")
    found = model.segment(read(tmp_path / "data/images/0.tif"), threshold=0.0)
    assert len(found.table["class"]) == len(found.table["label"])


def copied(data, root, classes=None):
    """Copy images and labels of a dataset, with another table of classes or none."""
    for folder in ("images", "labels"):
        shutil.copytree(data / folder, root / folder)
    if classes is not None:
        (root / "classes.csv").write_text(classes, encoding="utf-8")
    return root


@pytest.mark.data
@pytest.mark.slow
def test_two_kinds_of_white_blood_cells(data_folder, tmp_path):
    """Lymphocytes and neutrophils of a real collection, one cell in each image."""
    source = data_folder / "wbc_zheng2018"
    with (source / "labels.csv").open(encoding="utf-8") as stream:
        told = [(int(row["image"]), row["class"]) for row in csv.DictReader(stream)]
    rows = ["image,label,class"]
    splits = ["image,split"]
    for number, name in (("1", "neutrophil"), ("2", "lymphocyte")):
        some = [image for image, kind in told if kind == number][:50]
        for place, image in enumerate(some):
            write(tmp_path / f"data/images/{image}.tif", read(source / f"{image:03d}_image.png"))
            mask = read(source / f"{image:03d}_mask.png").to_numpy() > 0
            write_labels(tmp_path / f"data/labels/{image}.tif", mask.astype(np.int32))
            rows.append(f"{image},1,{name}")
            splits.append(f"{image},{'val' if place % 5 == 0 else 'train'}")
    (tmp_path / "data/classes.csv").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "data/index.csv").write_text("\n".join(splits), encoding="utf-8")
    network = {"width": 8, "depth": 4}
    options = replace(QUICK, network=network, patch=128, steps=400, strength="light")
    card = train(tmp_path / "data", tmp_path / "model", options, threads=1).package.card
    assert card.evaluation["images"] == 20
    assert card.evaluation["AP@0.5 pooled"] > 0.25  # or the next line would be of a few
    assert card.evaluation["class accuracy"] > 0.85
