import json
import zipfile
from dataclasses import replace

import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")

from cellwright.cli.models import models
from cellwright.models import find
from cellwright.models.bioimageio_outputs import TAKEN
from cellwright.models.package import load_package
from models.oracle import oracle_package


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLWRIGHT_MODELS", str(tmp_path / "mine"))
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "shipped")
    oracle_package(tmp_path / "oracle.zip")

    def call(*arguments, fails=False):
        done = CliRunner().invoke(models, [str(argument) for argument in arguments])
        assert (done.exit_code != 0) == fails, done.output
        return done.output

    return call


def test_an_imported_model_is_listed_explained_and_exported(call, tmp_path):
    assert "no models yet" in call("list")
    assert "--model oracle" in call("import", tmp_path / "oracle.zip")
    listed = json.loads(call("list", "--json"))["models"]
    assert [(one["name"], one["shipped"]) for one in listed] == [("oracle", False)]
    text = call("info", "oracle")
    assert "Knows the truth." in text and "test        passed" in text
    call("export", "oracle", "-o", tmp_path / "again.zip", "--format", "cellwright")
    again, first = load_package(tmp_path / "again.zip"), load_package(tmp_path / "oracle.zip")
    assert again.sha256 == first.sha256


def test_a_model_that_was_imported_can_be_removed(call, tmp_path):
    call("import", tmp_path / "oracle.zip")
    assert "Removed the model 'oracle'" in call("remove", "oracle")
    assert "no models yet" in call("list") and (tmp_path / "oracle.zip").exists()


def test_a_broken_model_does_not_hide_the_others(call, tmp_path):
    call("import", tmp_path / "oracle.zip")
    (tmp_path / "mine" / "bad.zip").write_text("no zip")
    listed = {one["name"]: one for one in json.loads(call("list", "--json"))["models"]}
    assert set(listed) == {"oracle", "bad"} and listed["bad"]["version"] == "broken"
    assert "damaged" in listed["bad"]["description"]


def test_info_tells_training_and_evaluation_in_a_few_lines(call, tmp_path):
    of_images = {"fluorescence (57 images)": 0.876, "brightfield (1 image)": 0.5}
    oracle_package(
        tmp_path / "scored.zip",
        training={"images": 462, "steps": 2000, "versions": {"numpy": "2.0"}},
        evaluation={
            "of": "other images",
            **{f"AP@0.5 per image, {kind}": ap for kind, ap in of_images.items()},
            **{f"AP@0.5 pooled, {kind}": ap for kind, ap in of_images.items()},
        },
    )
    text = call("info", tmp_path / "scored.zip")
    assert "training    images: 462; steps: 2000\n" in text
    told = ["  evaluation  other images"]
    told += [
        "fluorescence (57 images): AP@0.5 0.88",
        "brightfield (1 image): AP@0.5 0.50",
    ]
    assert ("\n" + 14 * " ").join(told) in text
    assert json.loads(call("info", tmp_path / "scored.zip", "--json"))["training"]["versions"]


def test_info_says_which_images_are_seen_in_mirrors(call, tmp_path):
    card = oracle_package(tmp_path / "plain").card
    assert "mirror" not in call("info", tmp_path / "plain")
    for tta, which in (("always", "all"), ("bright ground", "those on a bright ground")):
        oracle_package(tmp_path / tta, input=replace(card.input, tta=tta))
        told = " ".join(call("info", tmp_path / tta).split())
        assert f"of images, {which} are seen in every mirror, too" in told


def test_a_model_from_elsewhere_says_where_it_is_from_and_what_to_cite(call, tmp_path):
    from models.foreign import image, maps_of, network, package_05, zipped

    (chosen,) = (one for one in models.commands["import"].params if one.name == "method")
    assert tuple(chosen.type.choices) == TAKEN
    raw = image(2)
    names = ("background", "stuff")
    path = zipped(tmp_path / "tissue.zip", package_05(raw, maps_of(raw), network(2), names))
    assert "--method" in call("import", path, "--method", "stars", fails=True)
    assert "--model tissue" in call("import", path, "--method", "classes", "--name", "tissue")
    text = call("info", "tissue")
    assert "origin      BioImage.IO 0.5.11: Tissue classes\n" in text
    assert "Cite Example et al. (2024) 10.1234/example.2" in text and "MIT; Bob Example" in text
    assert "intensities as they are" in text


def test_info_of_a_model_that_states_nothing_says_so(call, tmp_path):
    text = call("info", tmp_path / "oracle.zip")
    assert "training    nothing is stated" in text and "evaluation  none is stated" in text


def test_exporting_never_replaces_a_file(call, tmp_path):
    assert "exists already" in call(
        "export", tmp_path / "oracle.zip", "-o", tmp_path / "oracle.zip", fails=True
    )
    assert "must end in .zip" in call(
        "export", tmp_path / "oracle.zip", "-o", tmp_path / "folder", fails=True
    )


def test_a_card_with_odd_figures_is_explained_all_the_same(call, tmp_path):
    with zipfile.ZipFile(tmp_path / "oracle.zip") as package:
        files = {name: package.read(name) for name in package.namelist()}
    card = json.loads(files["model.json"])
    card["evaluation"] = {"AP50, cells": "good", "AP75": [], "AP": 0.5}
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as package:
        for name, content in {**files, "model.json": json.dumps(card)}.items():
            package.writestr(name, content)
    text = call("info", tmp_path / "odd.zip")
    assert "AP 0.50" in text and "good" not in text
