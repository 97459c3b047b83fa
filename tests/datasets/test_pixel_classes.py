import json
from dataclasses import replace

import numpy as np
import pytest

from cellwright._errors import DatasetError
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.datasets.layouts.described import write_description
from cellwright.datasets.pixel_classes import as_pixel_classes, count_class_pixels
from datasets.dataset_builders import paired_folder, save


def masks(root, *values, count=3):
    """Images with masks that hold these values."""
    for i in range(count):
        truth = np.random.default_rng(i).choice(np.array(values), (32, 40))
        save(root / f"images/a{i}.tif", truth.astype(np.uint8))
        save(root / f"masks/a{i}.tif", truth.astype(np.uint8))
    return open_dataset(root)


def test_a_mask_of_255_is_one_class(tmp_path):
    dataset = as_pixel_classes(masks(tmp_path, 0, 255))
    assert dataset.task == "pixel classes" and dataset.classes == ("foreground",)
    pixels, labels = load_example(dataset.examples[0])
    np.testing.assert_array_equal(labels, pixels[0] == 255)


def test_each_value_is_a_class_in_ascending_order(tmp_path):
    dataset = as_pixel_classes(masks(tmp_path, 0, 7, 90))
    assert dataset.classes == ("class 7", "class 90")
    pixels, labels = load_example(dataset.examples[1])
    np.testing.assert_array_equal(labels, np.select([pixels[0] == 7, pixels[0] == 90], [1, 2]))


def test_a_value_that_appears_later_is_named(tmp_path):
    dataset = as_pixel_classes(masks(tmp_path, 0, 7))
    save(tmp_path / "masks/a2.tif", np.full((32, 40), 9, np.uint8))
    with pytest.raises(DatasetError, match=r"a2\.tif' has pixels of value 9, which is no class"):
        load_example(dataset.examples[2])


def test_numbered_objects_are_not_taken_for_classes(tmp_path):
    paired_folder(tmp_path / "few")
    assert len(as_pixel_classes(open_dataset(tmp_path / "few")).classes) == 16
    many = masks(tmp_path / "many", *range(30))
    with pytest.raises(DatasetError, match="numbered objects"):
        as_pixel_classes(many)


def test_labels_of_nothing_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="all background"):
        as_pixel_classes(masks(tmp_path, 0))


@pytest.mark.parametrize(
    "labels",
    [{"background": 0, "cell": 1, "gap": 2}, {"0": "background", "1": "cell", "2": "gap"}],
)
def test_nnunet_names_its_classes(tmp_path, labels):
    truth = np.array([[0, 2], [2, 0]], np.uint8)
    save(tmp_path / "imagesTr/a_0000.tif", truth)
    save(tmp_path / "labelsTr/a.tif", truth)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    dataset = as_pixel_classes(open_dataset(tmp_path))
    assert dataset.classes == ("cell", "gap")  # although no pixel here is a cell
    np.testing.assert_array_equal(load_example(dataset.examples[0])[1], truth)


def test_names_must_be_as_many_as_values(tmp_path):
    dataset = replace(masks(tmp_path, 0, 100, 200), classes=("one",))
    with pytest.raises(DatasetError, match="names 1 classes, but its labels hold the values 100"):
        as_pixel_classes(dataset)


def test_a_description_keeps_names_and_values(tmp_path):
    dataset = as_pixel_classes(masks(tmp_path, 0, 100, 200))
    named = replace(dataset, classes=("membrane", "vesicle"))
    write_description(named, tmp_path / "dataset.yaml")
    again = open_dataset(tmp_path)
    assert again.classes == named.classes and again.task == "pixel classes"
    assert as_pixel_classes(again).examples == named.examples


def test_a_legend_says_what_the_values_mean(tmp_path):
    masks(tmp_path, 0, 7, 90)
    text = "Value;Class;red\n90;gap;1\n0;background;0\n7;cell;2\n255;rare;3\n"
    (tmp_path / "classes.csv").write_text(text, encoding="utf-8")
    dataset = as_pixel_classes(open_dataset(tmp_path))
    assert (dataset.task, dataset.classes) == ("pixel classes", ("cell", "gap", "rare"))
    pixels, labels = load_example(dataset.examples[1])
    np.testing.assert_array_equal(labels, np.select([pixels[0] == 7, pixels[0] == 90], [1, 2]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("value,name\n1,a\n1,b\n", "line 3: 1 cannot be 'b'"),
        ("value,name\n1,a\n2,a\n", "line 3: 2 cannot be 'a'"),
        ("value,name\nx,a\n", "line 2: the value 'x' is no whole number"),
    ],
)
def test_a_legend_that_cannot_be_meant(tmp_path, text, message):
    masks(tmp_path, 0, 1)
    (tmp_path / "classes.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path)


def test_a_value_that_the_legend_does_not_name_is_refused(tmp_path):
    masks(tmp_path, 0, 1, 5)
    (tmp_path / "classes.csv").write_text("id,name\n1,cell\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="value 5, which is no class: the classes are 1"):
        load_example(open_dataset(tmp_path).examples[0])


def test_pixels_of_every_class_are_counted_and_unknown_ones_are_not(tmp_path):
    dataset = as_pixel_classes(masks(tmp_path, 0, 7, 90))
    truth = np.concatenate([load_example(example)[1].ravel() for example in dataset.examples])
    np.testing.assert_array_equal(count_class_pixels(dataset.examples, 2), np.bincount(truth))
    save(tmp_path / "masks/a0.tif", np.where(np.arange(40) < 10, -1, 90 * np.ones((32, 40), int)))
    assert count_class_pixels(dataset.examples[:1], 2).tolist() == [0, 0, 32 * 30]
