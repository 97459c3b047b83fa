"""Training on objects that overlap, from files to a model that tells whole objects."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.images.write import write
from cellwright.models.instances import InstanceModel
from cellwright.models.package import load_package
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train import tuning
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.lesson import Lesson
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.prepare import divided_dataset, image_size
from cellwright.runs.train.run import open_task, train
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.simulation.overlapping import simulate_overlapping

PILES = NucleiSimulation(size=(96, 96), diameter=24, density=0.4, clustering=0.8, overlap=0.5)
QUICK = TrainOptions(
    network={"width": 8, "depth": 2}, steps=2, batch_size=2, patch=64, learning_rate=0.02
)


def runs_of(mask):
    """Write a mask as runs, column by column."""
    flat = np.concatenate([[0], mask.ravel(order="F").astype(int)])
    edges = np.flatnonzero(np.diff(flat))
    return {"counts": np.diff([0, *edges, mask.size]).tolist(), "size": list(mask.shape)}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A COCO file of four images, with two classes of cells that lie over each other."""
    root = tmp_path_factory.mktemp("piles")
    content = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}]}
    content["categories"].append({"id": 2, "name": "b"})
    for number in range(4):
        image, layers = simulate_overlapping(PILES, seed=number)
        write(root / f"{number}.tif", Image(image, "YX"))
        size = {"file_name": f"{number}.tif", "height": 96, "width": 96}
        content["images"].append({"id": number, **size})
        for label in range(1, layers.max() + 1):
            entry = {"id": len(content["annotations"]), "image_id": number}
            entry |= {
                "category_id": 1 + label % 2,
                "segmentation": runs_of((layers == label).any(0)),
            }
            content["annotations"].append(entry)
    (root / "instances.json").write_text(json.dumps(content))
    return root


@pytest.mark.parametrize("method", ["stars", "masks", "embeddings"])
def test_objects_and_classes_are_learned_whole(data, tmp_path, method):
    done = train(data, tmp_path / "model", replace(QUICK, method=method), threads=1, device="cpu")
    assert any("Objects that overlap" in warning for warning in done.warnings)
    scores = evaluate(done.folder, data, tmp_path / "scores", split="all").metrics
    assert scores["true_objects"] == sum(
        simulate_overlapping(PILES, seed=number)[1].max() for number in range(4)
    )
    assert not any("each was compared whole" in warning for warning in scores["warnings"])


def test_what_is_chosen_does_not_depend_on_the_maps_that_are_kept(data, tmp_path, monkeypatch):
    done = train(data, tmp_path / "model", replace(QUICK, method="stars"), threads=1, device="cpu")
    package = load_package(done.folder)
    chosen = []
    for most, unused in ((10**9, "find_objects"), (0, "find_maps")):
        with monkeypatch.context() as patched:
            patched.setattr(tuning, "MOST_KEPT", most)
            patched.setattr(InstanceModel, unused, None)
            model = InstanceModel(package)
            looks = tuning._Looks(model, open_dataset(data).examples, ("threshold",))
            cards = [
                replace(package.card, readout={**package.card.readout, "threshold": threshold})
                for threshold in (0.1, 0.5)
            ]
            chosen.append([looks.precision(card) for card in cards])
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("method", "layers"), [("stars", True), ("watershed", False)])
def test_only_methods_that_can_are_given_layers(data, method, layers):
    _, opened = open_task(data, QUICK)
    divided, _ = divided_dataset(opened, 0)
    task = InstanceTask()
    contract, _ = task.contract(divided, 0)
    for dataset in (divided, replace(divided, classes=())):
        lesson = Lesson(task, dataset, contract, method, QUICK, image_size(dataset))
        learning = task.learning(lesson, lesson.plan(), workers=0)
        assert (learning.patches.layers > 1) == layers
        truth = learning.validation_batches()[0]["labels"]
        shape = (*truth.shape[-2:],)
        wanted = (2,) * bool(dataset.classes) + (learning.patches.layers,) * layers + shape
        assert truth.shape[1:] == wanted
    assert open_dataset(data).task == "instances"
