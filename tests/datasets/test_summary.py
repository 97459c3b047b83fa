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
