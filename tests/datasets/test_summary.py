"""What is said about a dataset before it is used."""

import json

import numpy as np
import pytest

from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.summary import summarise
from cellwright.images.image import Image
from cellwright.images.write import write, write_labels
from cellwright.runs.repair import repair_labels
from cellwright.runs.segment.overlaps import write_layers


def in_parts(root):
    labels = np.zeros((32, 32), np.int32)
    labels[4:10, 4:10] = labels[20:26, 4:10] = 1
    labels[4:10, 20:30] = 2
    (root / "images").mkdir()
    write(root / "images" / "a.tif", Image(labels.astype(np.uint8), "YX"))
    return labels


def as_file(root, labels):
    (root / "labels").mkdir()
    write_labels(root / "labels" / "a.tif", labels, like=Image(labels, "YX"))


def as_layers(root, labels):
    (root / "overlaps").mkdir()
    over = np.zeros_like(labels)
    over[6:14, 6:14] = 3
    write_layers(root / "overlaps" / "a.tif", {(): np.stack([labels, over])}, Image(labels, "YX"))


def as_coco(root, labels):
    sides = [[4, 4, 10, 10], [4, 20, 10, 26]]
    parts = [[x, y, right, y, right, bottom, x, bottom] for x, y, right, bottom in sides]
    content = {
        "images": [{"id": 1, "file_name": "a.tif", "height": 32, "width": 32}],
        "annotations": [
            {"id": 1, "image_id": 1, "segmentation": parts},
            {"id": 2, "image_id": 1, "segmentation": [[20, 4, 30, 4, 30, 10, 20, 10]]},
        ],
    }
    (root / "a.json").write_text(json.dumps(content))


@pytest.mark.parametrize("annotate", [as_file, as_layers, as_coco])
def test_only_labels_that_can_be_repaired_are_said_to_be(tmp_path, annotate):
    annotate(tmp_path, in_parts(tmp_path))
    summary = summarise(open_dataset(tmp_path))
    doubt = summary.doubts[0]
    assert doubt.startswith("Objects in several parts: 1;")
    files = [path for name in ("labels", "overlaps") for path in (tmp_path / name).glob("*.tif")]
    done = repair_labels(files, tmp_path / "repaired") if files else []
    works = bool(done) and all(one.error is None for one in done)
    assert ("data repair" in doubt) == works


def write_labelled(root, labels):
    for name in ("images", "labels"):
        (root / name).mkdir()
    for number, plane in enumerate(labels):
        write(root / "images" / f"{number}.tif", Image(plane.astype(np.uint8), "YX"))
        write_labels(root / "labels" / f"{number}.tif", plane, like=Image(plane, "YX"))


def cell(nucleus, cytoplasm):
    labels = np.zeros((24, 24), np.int32)
    labels[4:20, 4:20], labels[8:14, 8:14] = cytoplasm, nucleus
    return labels


@pytest.mark.parametrize(
    ("values", "doubted"),
    [
        ([(255, 128), (255, 128), (255, 255)], True),
        ([(1, 2), (1, 2), (1, 2)], False),  # two objects in each image
        ([(255, 128), (255, 128)], False),  # too few images to tell
        ([(7, 3), (9, 5), (6, 2)], False),  # numbers of their own
        ([(255, 255)] * 3, False),  # one object in each image
    ],
)
def test_values_that_are_the_same_in_all_label_images_may_be_classes(tmp_path, values, doubted):
    write_labelled(tmp_path, [cell(*pair) for pair in values])
    doubts = summarise(open_dataset(tmp_path)).doubts
    assert any("128, 255: are these classes of pixels" in doubt for doubt in doubts) == doubted
    assert len(doubts) == doubted


@pytest.mark.data
def test_masks_of_nucleus_and_cytoplasm_are_not_taken_for_objects_in_silence(data_folder):
    (doubt, *_) = summarise(open_dataset(data_folder / "wbc_zheng2018")).doubts
    assert "than 128, 255: are these classes" in doubt
