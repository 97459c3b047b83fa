"""Points of a table, or in the middle of objects: read, and moved together with pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright._errors import DatasetError, UsageError
from cellwright.datasets.augment import draw_warp
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.layouts.described import write_description
from cellwright.datasets.loader import batches
from cellwright.datasets.point_warp import warp_points
from cellwright.datasets.points import Points, as_points, centroids, load_points
from cellwright.datasets.sampler import Patches
from cellwright.datasets.summary import summarise
from cellwright.images.normalise import Normalisation
from datasets.dataset_builders import paired_folder, save

GOOD = """Image,Y,X,class,split
a.tif,4.25,7,dim,train
a.tif,20,30.5,bright,train
b,,,,val
"""


def write_table(root: Path, content: str, shape: tuple[int, ...] = (40, 50)) -> Path:
    """Write a table of points and three images, of which it names two."""
    rng = np.random.default_rng(1)
    for name in "abc":
        save(root / f"{name}.tif", rng.integers(0, 255, shape).astype(np.uint8))
    (root / "points.csv").write_text(content, encoding="utf-8")
    return root


def test_a_table_becomes_a_dataset(tmp_path):
    dataset = as_points(open_dataset(write_table(tmp_path, GOOD)))
    assert dataset.task == "points" and dataset.classes == ("bright", "dim")
    assert dataset.splits == {"train": 1, "unassigned": 1, "val": 1}
    first, second, third = dataset.examples
    points = load_points(first, (40, 50))
    assert points.positions.tolist() == [[4.25, 7], [20, 30.5]]
    assert points.names.tolist() == ["dim", "bright"]
    assert len(load_points(second, (40, 50))) == 0 and third.labels is None
    assert summarise(dataset).objects == [2, 0]
    write_description(dataset, tmp_path / "dataset.yaml")
    assert open_dataset(tmp_path / "dataset.yaml").examples == dataset.examples


def test_points_of_volumes_have_a_z(tmp_path):
    table = "image,z,y,x\na,2,4,7\n"
    dataset = open_dataset(write_table(tmp_path, table, (6, 40, 50)))
    assert load_points(dataset.examples[0], (6, 40, 50)).positions.tolist() == [[2, 4, 7]]
    with pytest.raises(DatasetError, match="need y and x, but no z"):
        load_points(dataset.examples[0], (40, 50))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,y,x\na,4,oops\n", "line 2: a position is no number"),
        ("image,y,x\na,inf,4\n", "not finite"),
        ("image,y,x\na,4,\n", "no number"),
        ("image,y,x\nz,4,4\n", "1 image not there"),
        ("image,y,x,split\na,4,4,train\na,5,5,val\n", "two splits"),
        ("image,y,x,split\na,4,4,one\n", "use train, val or test"),
        ("image,z,y,x\na,1,4,4\na,,4,4\n", "others have none"),
        ("image,y,x\na,1,5,2,5\n", "line 2: it has more cells"),  # decimal commas
        ("image,y,x\na,4,4\na.tif,5,5\n", "both 'a' and 'a.tif'"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, content, message):
    with pytest.raises(DatasetError, match=message):
        open_dataset(write_table(tmp_path, content))


def test_empty_rows_and_cells_below_a_table_are_nothing(tmp_path):
    table = "image,y,x,class\na,4,7,\na,5,6,dim,,\n,,,\n,,,\n"
    (example, *_) = open_dataset(write_table(tmp_path, table)).examples
    points = load_points(example, (40, 50))
    assert points.positions.tolist() == [[4, 7], [5, 6]]
    assert points.names.tolist() == ["object", "dim"]


def test_points_outside_of_the_image_are_refused(tmp_path):
    dataset = open_dataset(write_table(tmp_path, "image,y,x\na,39.4,4\nb,40,4\n"))
    assert len(load_points(dataset.examples[0], (40, 50))) == 1
    with pytest.raises(DatasetError, match=r"point \(40, 4\) lies outside of 'b'"):
        load_points(dataset.examples[1], (40, 50))


def test_objects_and_boxes_have_a_middle(tmp_path):
    dataset = as_points(open_dataset(paired_folder(tmp_path / "objects", 2)))
    points = load_points(dataset.examples[0], (96, 96))
    assert dataset.classes == ("object",) and len(points) == 16
    assert points.positions[0].tolist() == [12, 12]
    write_description(dataset, tmp_path / "centres.yaml")
    assert open_dataset(tmp_path / "centres.yaml").examples == dataset.examples

    box = "image,class,min_row,min_col,max_row,max_col\na,cell,0,0,3,5\n"
    root = write_table(tmp_path / "boxes", "")
    (root / "points.csv").rename(root / "boxes.csv")
    (root / "boxes.csv").write_text(box, encoding="utf-8")
    dataset = as_points(open_dataset(root))
    assert dataset.classes == ("cell",)
    assert load_points(dataset.examples[0], (40, 50)).positions.tolist() == [[1, 2]]


def test_centroids_are_those_of_the_pixels():
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 5, (6, 7, 8)).astype(np.int32)
    labels[labels == 3] = 0
    expected = [np.argwhere(labels == number).mean(0) for number in (1, 2, 4)]
    assert centroids(labels) == pytest.approx(np.array(expected))
    assert centroids(np.zeros((4, 5), np.int32)).shape == (0, 2)


def test_what_is_not_annotated_is_not_known(tmp_path):
    root = paired_folder(tmp_path, 1)
    labels = np.zeros((96, 96), np.int16)
    labels[:, 48:] = -1
    save(next((root / "labels").iterdir()), labels)
    points = load_points(as_points(open_dataset(root)).examples[0], (96, 96))
    assert len(points) == 0 and points.known[:, :48].all() and not points.known[:, 48:].any()


@pytest.mark.parametrize("size", [(1, 120, 140), (24, 60, 70)])
@pytest.mark.parametrize("strength", ["light", "strong"])
@pytest.mark.parametrize("seed", range(4))
def test_points_follow_the_pixels(seed, strength, size):
    rng = np.random.default_rng(seed)
    dimensions = 2 if size[0] == 1 else 3
    own = slice(3 - dimensions, None)
    truth = np.zeros((40, 3))
    truth[:, own] = rng.uniform(8, np.array(size)[own] - 9, (40, dimensions))
    image = np.zeros((len(truth), *size), np.float32)  # a channel for each point
    grid = np.indices(size)
    for channel, point in zip(image, truth, strict=True):
        away = grid - point[:, None, None, None]
        channel[:] = np.exp(-(away**2).sum(0) / 2 / 2.0**2)
    settings = replace(augmentation(strength), scale=(0.8, 1.3))
    patch_shape = (48, 56) if dimensions == 2 else (16, 40, 44)
    warp = draw_warp(size, patch_shape, settings, rng, points=truth)
    patch, _ = warp.apply(image, np.zeros(size, np.int32))
    names = np.arange(len(truth)).astype(str)
    points = Points(truth[:, own], names)
    moved = warp_points(points, warp, size, np.ones(patch_shape, bool))
    compared = 0
    for position, name in zip(moved.positions, moved.names, strict=True):
        low, high = 9, np.array(patch_shape) - 10
        if dimensions == 3:
            low, high = np.array([4, 9, 9]), high + np.array([5, 0, 0])
        if (position < low).any() or (position > high).any():
            continue
        seen = patch[int(name)].reshape(-1, *patch_shape[-2:]).astype(float)
        around = np.indices(seen.shape)
        full = np.concatenate([np.zeros(3 - dimensions), position])
        near = ((around - full[:, None, None, None]) ** 2).sum(0) < 9**2
        mass = (seen * near).sum()
        middle = np.array([(axis * seen * near).sum() / mass for axis in around])
        assert np.abs(middle - full)[3 - dimensions + (dimensions == 3) :].max() < 0.3
        compared += 1
    assert compared


def test_beyond_the_image_points_are_mirrored():
    warp = draw_warp((1, 30, 40), (90, 40), augmentation("none"), np.random.default_rng(0))
    points = Points(np.array([[2.0, 20.0]]), np.array(["a"]))
    moved = warp_points(points, warp, (1, 30, 40), np.ones((90, 40), bool))
    rows = np.sort(moved.positions[moved.positions[:, 1] == 20, 0])
    assert np.diff(rows).tolist() == [5, 55] or np.diff(rows).tolist() == [55, 5]


def count(pixels, points):
    inside = (points.positions > 0).all(1) & (points.positions < pixels.shape[-1]).all(1)
    return {"count": np.array(inside.sum()), "known": points.known}


def test_batches_hold_points(tmp_path):
    dataset = open_dataset(write_table(tmp_path, GOOD))
    patches = Patches((16, 16), 4, augmentation("standard"), Normalisation(), transform=count)
    found = list(batches(dataset.examples[:2], patches, steps=3))
    assert found[0]["known"].shape == (4, 16, 16) and found[0]["known"].all()
    assert sum(batch["count"].sum() for batch in found) > 0
    with pytest.raises(UsageError, match="transform"):
        next(batches(dataset.examples[:2], replace(patches, transform=None), steps=1))
    with pytest.raises(DatasetError, match="numbered objects"):
        from cellwright.datasets.examples import load_example

        load_example(dataset.examples[0])


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_from_a_european_spreadsheet_is_read(tmp_path, delimiter):
    text = "\ufeff" + GOOD.replace(",", delimiter).replace(".", ",").replace("a,tif", "a.tif")
    dataset = open_dataset(write_table(tmp_path, text))
    assert load_points(dataset.examples[0], (40, 50)).positions.tolist() == [[4.25, 7], [20, 30.5]]
