"""Boxes of a table: read, and moved together with the pixels of a patch."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright._errors import DatasetError, UsageError
from cellwright.datasets.augment import draw_warp
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.box_warp import warp_boxes
from cellwright.datasets.boxes import Boxes, class_names, load_boxes
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.layouts.described import write_description
from cellwright.datasets.loader import batches
from cellwright.datasets.sampler import Patches
from cellwright.datasets.summary import summarise
from cellwright.images.normalise import Normalisation
from datasets.dataset_builders import save

SIDE = 160


def ellipses(seed=0, count=14):
    """Return labels of separate upright ellipses, and their boxes."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((SIDE, SIDE), np.int32)
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    corners = []
    for _ in range(10 * count):
        half = rng.uniform(6, 14, 2)
        y, x = rng.uniform(16, SIDE - 16, 2)
        inside = ((rows - y) / half[0]) ** 2 + ((columns - x) / half[1]) ** 2 <= 1
        if not labels[inside].any() and len(corners) < count:
            corners.append((y - half[0], x - half[1], y + half[0], x + half[1]))
            labels[inside] = len(corners)
    names = np.where(np.arange(len(corners)) % 2, "odd", "even")
    return labels, Boxes(np.array(corners, np.float32), names, np.ones(len(corners), bool))


def outlined(labels):
    """Return the bounding box of every object, by label."""
    found = {}
    for number in np.unique(labels[labels > 0]):
        rows, columns = np.nonzero(labels == number)
        found[number] = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    return found


def write_table(folder: Path, lines: list[str]) -> Path:
    save(folder / "a.tif", np.zeros((20, 30), np.uint8))
    save(folder / "b.tif", np.zeros((20, 30), np.uint8))
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


GOOD = ["image,cls,split,xmin,ymin,xmax,ymax", "a.tif,cell,train,3,2,13,9", "b.tif,,val,,,,"]


def test_a_table_of_boxes_is_a_dataset(tmp_path):
    dataset = open_dataset(write_table(tmp_path, GOOD))
    assert dataset.task == "boxes" and dataset.splits == {"train": 1, "val": 1}
    first, second = map(load_boxes, dataset.examples)
    assert first.corners.tolist() == [[2, 3, 9, 13]] and first.names.tolist() == ["cell"]
    assert len(second) == 0
    assert class_names(dataset.examples) == ("cell",)
    summary = summarise(dataset)
    assert summary.objects == [1, 0] and summary.diameters == [pytest.approx(70**0.5)]


def test_a_description_keeps_boxes(tmp_path):
    dataset = open_dataset(write_table(tmp_path / "data", GOOD))
    write_description(dataset, tmp_path / "dataset.yaml")
    again = open_dataset(tmp_path / "dataset.yaml")
    assert again.task == "boxes"
    assert load_boxes(again.examples[0]).corners.tolist() == [[2, 3, 9, 13]]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a.tif,cell,train,3,2,3,9", "no box"),
        ("a.tif,cell,train,3,2,x,9", "no number"),
        ("a.tif,cell,train,3,2,nan,9", "no box"),
        ("a.tif,cell,val,3,2,13,9", "two splits"),
        ("a.tif,cell,dev,3,2,13,9", "two splits"),
        ("c.tif,cell,train,3,2,13,9", "not there"),
    ],
)
def test_broken_tables_are_refused(tmp_path, line, told):
    with pytest.raises(DatasetError, match=told):
        open_dataset(write_table(tmp_path, [*GOOD, line]))


def test_boxes_of_no_class_are_objects(tmp_path):
    lines = ["image,class,xmin,ymin,xmax,ymax", "a.tif,,3,2,13,9", "b.tif,cell,3,2,13,9"]
    assert class_names(open_dataset(write_table(tmp_path, lines)).examples) == ("cell", "object")


def test_a_coco_file_without_outlines_is_a_dataset_of_boxes(tmp_path):
    save(tmp_path / "a.tif", np.zeros((20, 30), np.uint8))
    content = {
        "images": [{"id": 4, "file_name": "a.tif", "height": 20, "width": 30}],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 2, "bbox": [3, 2, 10, 7], "segmentation": []},
            {"id": 2, "image_id": 4, "category_id": 2, "bbox": [20, 2, 9, 9], "iscrowd": 1},
        ],
        "categories": [{"id": 2, "name": "cell"}],
    }
    (tmp_path / "boxes_train.json").write_text(json.dumps(content), encoding="utf-8")
    dataset = open_dataset(tmp_path)
    assert dataset.task == "boxes" and dataset.splits == {"train": 1}
    found = load_boxes(dataset.examples[0])
    assert found.corners.tolist() == [[2, 3, 9, 13], [2, 20, 11, 29]]
    assert found.names.tolist() == ["cell", "cell"] and found.known.tolist() == [True, False]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("strength", ["light", "standard"])
def test_boxes_follow_the_objects(seed, strength):
    labels, boxes = ellipses(seed)
    rng = np.random.default_rng(seed)
    settings = replace(augmentation(strength), scale=(0.8, 1.3))
    warp = draw_warp((1, SIDE, SIDE), (96, 112), settings, rng)
    _, patch = warp.apply(np.zeros((1, 1, SIDE, SIDE), np.float32), labels[None])
    moved = warp_boxes(boxes, warp, (SIDE, SIDE))
    compared = 0
    for number, true in outlined(patch[0]).items():
        if true[0] == 0 or true[1] == 0 or true[2] == 96 or true[3] == 112:
            continue  # cut: the box of what is left of an ellipse is not the rest of its box
        distance = np.abs(moved.corners - true).max(1)
        nearest = int(distance.argmin())
        assert distance[nearest] < (1.01 if strength == "light" else 2.6)
        assert moved.names[nearest] == boxes.names[number - 1] and moved.known[nearest]
        compared += 1
    assert compared > 0


def test_beyond_the_image_objects_are_mirrored():
    labels, boxes = ellipses(3)
    settings = augmentation("none")
    warp = draw_warp((1, SIDE, SIDE), (SIDE + 120, SIDE), settings, np.random.default_rng(0))
    _, patch = warp.apply(np.zeros((1, 1, SIDE, SIDE), np.float32), labels[None])
    moved = warp_boxes(boxes, warp, (SIDE, SIDE))
    whole = (moved.corners[:, 0] > 0) & (moved.corners[:, 2] < SIDE + 120)
    assert whole.sum() > len(boxes)
    for top, left, bottom, right in moved.corners[whole].round().astype(int):
        assert patch[0, (top + bottom) // 2, (left + right) // 2] > 0


def test_little_of_an_object_is_not_known():
    boxes = Boxes(np.array([[0, 0, 20, 20]], np.float32), np.array(["a"]), np.ones(1, bool))
    settings = augmentation("none")
    seen = {True: [], False: []}
    for seed in range(60):
        warp = draw_warp((1, 200, 200), (24, 24), settings, np.random.default_rng(seed))
        warp = replace(warp, centre=(0.0, 4.0 + seed, 6.0))
        moved = warp_boxes(boxes, warp, (200, 200))
        inside = moved.corners[:, 3] - moved.corners[:, 1] > 15  # not its mirror image
        for corners, known in zip(moved.corners[inside], moved.known[inside], strict=True):
            seen[bool(known)].append((corners[2:] - corners[:2]).prod())
    assert seen[True] and seen[False] and min(seen[True]) > max(seen[False])


def count_boxes(pixels, boxes):
    return {"count": np.array(len(boxes)), "middle": pixels[:, 10, 10]}


def test_batches_hold_boxes(tmp_path):
    dataset = open_dataset(write_table(tmp_path, GOOD))
    patches = Patches((16, 16), 4, augmentation("standard"), Normalisation(), transform=count_boxes)
    found = list(batches(dataset.examples, patches, steps=3))
    assert found[0]["count"].shape == (4,) and sum(batch["count"].sum() for batch in found) > 0
    with pytest.raises(UsageError, match="transform"):
        next(batches(dataset.examples, replace(patches, transform=None), steps=1))
    with pytest.raises(DatasetError, match="numbered objects"):
        from cellwright.datasets.examples import load_example

        load_example(dataset.examples[0])


@pytest.mark.data
def test_blood_smears(data_folder):
    dataset = open_dataset(data_folder / "bccd")
    assert dataset.splits == {"train": 105, "val": 35, "test": 40}
    assert class_names(dataset.examples) == ("Platelets", "RBC", "WBC")
    assert sum(len(load_boxes(example)) for example in dataset.examples) == 2564


def test_a_table_from_a_european_spreadsheet_is_read(tmp_path):
    lines = [GOOD[0], "a.tif,cell,train,3.5,2,13,9"]
    english = load_boxes(open_dataset(write_table(tmp_path / "en", lines)).examples[0])
    european = [line.replace(",", ";").replace(".5", ",5") for line in lines]
    same = load_boxes(open_dataset(write_table(tmp_path / "eu", european)).examples[0])
    assert same.corners.tolist() == english.corners.tolist() == [[2, 3.5, 9, 13]]
