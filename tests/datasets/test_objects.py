"""The classes of numbered objects: where they are found, and what becomes of them in patches."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from cellwright._errors import DatasetError
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_labels
from cellwright.datasets.layouts.described import write_description
from cellwright.datasets.loader import batches
from cellwright.datasets.objects import load_kinds, object_names, with_class_names
from cellwright.datasets.points import as_points
from cellwright.datasets.sampler import Patches
from cellwright.images.normalise import Normalisation
from datasets.dataset_builders import discs, paired_folder, save, save_pair

COUNT = int(discs().max())
ODD_EVEN = ["", *("odd" if label % 2 else "even" for label in range(1, COUNT + 1))]


def names_of(example):
    return object_names(example, load_labels(example, discs().shape)).tolist()


def table(root, text, name="classes.csv"):
    (root / name).write_text(text, encoding="utf-8")
    return root


def odd_even_table(*images):
    rows = [f"{image},{n},{ODD_EVEN[n]}" for image in images for n in range(1, COUNT + 1)]
    return "image,label,class\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize("name", ["classes.csv", "labels.csv", "labels/classes.csv"])
def test_a_table_says_what_objects_are(tmp_path, name):
    table(paired_folder(tmp_path, 2), odd_even_table("a0.tif", "a1"), name)
    dataset = with_class_names(open_dataset(tmp_path))
    assert dataset.classes == ("even", "odd") and dataset.notes == ()
    assert [names_of(example) for example in dataset.examples] == [ODD_EVEN, ODD_EVEN]
    labels = load_labels(dataset.examples[0], discs().shape)
    kinds = load_kinds(dataset.examples[0], labels, dataset.classes)
    assert kinds.tolist() == [0, *(2 if n % 2 else 1 for n in range(1, COUNT + 1))]


def test_other_names_of_columns_and_splits_in_folders(tmp_path):
    for split in ("train", "val"):
        save_pair(tmp_path / split / "images/a.tif", tmp_path / split / "labels/a.tif")
    rows = "Filename,object_id,cell_type\ntrain/a.tif,1,T\nval/a.tif,1,B\n"
    dataset = with_class_names(open_dataset(table(tmp_path, rows)))
    assert {e.id: names_of(e)[1] for e in dataset.examples} == {"train/a": "T", "val/a": "B"}


def test_a_table_that_may_mean_either_of_two_images_is_refused(tmp_path):
    for split in ("train", "val"):
        save_pair(tmp_path / split / "images/a.tif", tmp_path / split / "labels/a.tif")
    with pytest.raises(DatasetError, match="'train/a' or 'val/a'"):
        open_dataset(table(tmp_path, "image,label,class\na.tif,1,T\na.tif,2,B\n"))


def test_a_table_that_was_corrected_is_read_again(tmp_path):
    root = table(paired_folder(tmp_path, 2), "image,label,class\na0,1,round\na0,2,long\n")
    assert with_class_names(open_dataset(root)).classes == ("long", "round")
    table(root, "image,label,class\na0,1,round\na0,2,oblong\n")
    assert with_class_names(open_dataset(root)).classes == ("oblong", "round")


def test_what_a_table_does_not_say_is_unknown(tmp_path):
    text = "image,label,class\na0,1,round\na0,2,\na0,3,long\n"
    dataset = with_class_names(open_dataset(table(paired_folder(tmp_path, 2), text)))
    assert dataset.classes == ("long", "round")
    assert names_of(dataset.examples[0])[:5] == ["", "round", "", "long", ""]
    assert set(names_of(dataset.examples[1])) == {""}
    assert "unknown in 1 image ('a1')" in dataset.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label,class\nelsewhere,1,a\n", "names none of the images"),
        ("image,label,class\na0,1,a\na0,1,b\n", "object 1 of 'a0' is 'b', but was 'a' before"),
        ("image,label,class\na0,first,a\n", "line 2: the label 'first' is no whole number"),
    ],
)
def test_a_table_that_cannot_be_meant(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message):
        open_dataset(table(paired_folder(tmp_path), text))


@pytest.mark.parametrize("header", ["image,label,kind", "image;label;kind", "value,colour", ""])
def test_a_table_of_other_columns_is_refused(tmp_path, header):
    table(paired_folder(tmp_path), f"{header}\n")
    columns = re.escape(", ".join(re.split("[,;]", header)) or "(none)")
    needed = (
        rf"classes\.csv' has the columns {columns}, but none .*needs the columns image,label,class"
    )
    with pytest.raises(DatasetError, match=needed):
        open_dataset(tmp_path)


@pytest.mark.parametrize("name", ["classes.csv", "labels.csv"])
def test_a_table_of_semicolons_is_read(tmp_path, name):
    text = "\ufeff" + odd_even_table("a0", "a1").replace(",", ";")
    dataset = with_class_names(open_dataset(table(paired_folder(tmp_path, 2), text, name)))
    assert [names_of(example) for example in dataset.examples] == [ODD_EVEN, ODD_EVEN]


@pytest.mark.parametrize("name", ["classes.csv", "labels/classes.csv"])
def test_rows_of_images_that_are_not_there_are_named(tmp_path, name):
    text = odd_even_table("a0", "a1", "a7.tif")
    (note,) = open_dataset(table(paired_folder(tmp_path, 2), text, name)).notes
    assert "classes.csv' has rows of images without labels here ('a7')" in note


def test_a_table_of_other_labels_is_noticed(tmp_path):
    (example, *_) = open_dataset(
        table(paired_folder(tmp_path), "image,label,class\na0,999,a\n")
    ).examples
    with pytest.raises(DatasetError, match=r"object 999 of 'a0', but .*a0\.tif' has no such"):
        names_of(example)


def test_a_table_of_whole_images_is_not_about_objects(tmp_path):
    dataset = open_dataset(table(paired_folder(tmp_path), "image,class\na0,1\n", "labels.csv"))
    assert all(example.classes is None for example in dataset.examples)
    assert with_class_names(dataset).classes == ()


@pytest.mark.parametrize("folder", ["classes", "types", "Type_Maps"])
def test_an_object_is_what_most_of_its_pixels_are(tmp_path, folder):
    paired_folder(tmp_path, 1)
    labels = discs()
    types = np.where(labels % 2 == 1, 10, 2) * (labels > 0)
    types[labels == 2] = 0  # nothing is said about this one
    odd = np.argwhere(labels == 1)
    types[tuple(odd[: len(odd) // 3].T)] = 2  # a minority
    save(tmp_path / folder / "a0.tif", types.astype(np.uint8))
    dataset = with_class_names(open_dataset(tmp_path))
    assert dataset.classes == ("class 2", "class 10")
    assert names_of(dataset.examples[0])[:5] == ["", "class 10", "", "class 10", "class 2"]


def test_a_map_of_another_size_is_refused(tmp_path):
    paired_folder(tmp_path, 1)
    save(tmp_path / "types/a0.tif", np.ones((5, 5), np.uint8))
    with pytest.raises(DatasetError, match=r"have .* pixels, but their classes"):
        names_of(open_dataset(tmp_path).examples[0])


def test_a_label_image_for_every_class(tmp_path):
    labels = discs()
    for i in range(2):
        save(tmp_path / f"images/a{i}.tif", np.full(labels.shape, 7, np.uint8))
    first = np.where(labels <= 3, labels, 0).astype(np.uint16)
    second = np.where(labels > 3, labels - 3, 0).astype(np.uint16)
    save(tmp_path / "labels/lymphocyte/a0.tif", first)
    save(tmp_path / "labels/tumour/a0.tif", second)
    save(tmp_path / "labels/tumour/a1.tif", second)
    dataset = with_class_names(open_dataset(tmp_path))
    assert dataset.task == "instances" and dataset.classes == ("lymphocyte", "tumour")
    joined = load_labels(dataset.examples[0], labels.shape)
    assert np.array_equal(joined, labels)
    assert names_of(dataset.examples[0]) == ["", *["lymphocyte"] * 3, *["tumour"] * (COUNT - 3)]
    assert names_of(dataset.examples[1]) == ["", *["tumour"] * (COUNT - 3)]
    assert len(dataset.examples[0].annotation_files) == 2


def test_categories_of_a_coco_file(tmp_path):
    def square(y, x, kind):
        outline = [[x, y, x + 4, y, x + 4, y + 4, x, y + 4]]
        return {"image_id": 1, "category_id": kind, "segmentation": outline, "iscrowd": 0}

    save(tmp_path / "a.tif", np.zeros((20, 20), np.uint8))
    content = {
        "images": [{"id": 1, "file_name": "a.tif", "height": 20, "width": 20}],
        "annotations": [square(2, 2, 1), square(10, 10, 2), square(2, 12, 1)],
        "categories": [{"id": 1, "name": "round"}, {"id": 2, "name": "long"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content))
    dataset = with_class_names(open_dataset(tmp_path))
    assert dataset.classes == ("long", "round")
    labels = load_labels(dataset.examples[0], (20, 20))
    assert object_names(dataset.examples[0], labels).tolist() == ["", "round", "long", "round"]


def test_one_class_alone_is_nothing_to_tell_apart(tmp_path):
    text = "image,label,class\na0,1,cell\na1,1,cell\n"
    assert with_class_names(open_dataset(table(paired_folder(tmp_path), text))).classes == ()


def test_points_in_objects_say_that_they_have_no_classes(tmp_path):
    dataset = open_dataset(table(paired_folder(tmp_path, 1), odd_even_table("a0")))
    points = as_points(dataset)
    assert points.classes == ("object",)
    assert points.notes == ("Points in the middle of objects are of one class, not of even, odd.",)


def test_a_description_keeps_where_classes_are(tmp_path):
    root = table(paired_folder(tmp_path / "tables", 2), odd_even_table("a0", "a1"))
    per_class = tmp_path / "per class"
    for kind in ("a", "b"):
        save_pair(per_class / "images/x.tif", per_class / f"labels/{kind}/x.tif")
    for folder in (root, per_class):
        dataset = open_dataset(folder)
        write_description(dataset, folder / "dataset.yaml")
        again = open_dataset(folder)
        assert again.examples == dataset.examples and again.layout == "dataset.yaml"


@pytest.mark.parametrize("paste", [0.0, 1.0])
def test_parts_of_objects_in_patches_keep_their_class(tmp_path, paste):
    """Each class shines in a channel of its own, so that pixels tell what they are part of."""
    labels = discs()
    odd = labels % 2 == 1
    channels = np.stack([(labels > 0) & odd, (labels > 0) & ~odd]) * 200
    save(tmp_path / "images/a.tif", channels.astype(np.uint8), "CYX")
    save(tmp_path / "labels/a.tif", labels.astype(np.uint16))
    dataset = with_class_names(open_dataset(table(tmp_path, odd_even_table("a"))))
    drawn = batches(
        dataset.examples,
        Patches(
            shape=(64, 64),
            batch_size=4,
            augmentation=replace(augmentation("none"), free=1.0, quarter_turns=True, paste=paste),
            normalisation=Normalisation(),
            transform=kinds_in_pixels,
            classes=dataset.classes,
        ),
        steps=4,
    )
    right, objects = [], 0
    for batch in drawn:
        odd, even = np.moveaxis(batch["pixels"], 1, 0)
        known = batch["kinds"] > 0
        right.append((batch["kinds"] == np.where(odd > even, 2, 1))[known])
        objects += int(known.sum())
    assert np.concatenate(right).mean() > 0.98
    assert objects > 5000


def kinds_in_pixels(pixels, truth):
    """Return the class of every pixel of a patch (a transform for `batches`)."""
    assert len(truth.kinds) == truth.labels.max() + 1
    return {"kinds": truth.kinds[np.maximum(truth.labels, 0)]}
