from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright._errors import DatasetError
from cellwright.datasets.records import Dataset, Example
from cellwright.images.image import Image
from cellwright.images.write import write
from cellwright.runs.compare.division import divide


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(24):
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32), np.uint8)
        write(folder / f"{number}.tif", Image(pixels, "YX"))
    return folder


def dataset(images, splits, **facts):
    examples = tuple(
        Example(str(i), (images / f"{i}.tif",), labels=Path("x.tif"), split=split, **facts)
        for i, split in enumerate(splits)
    )
    return Dataset(images, "test", "instances", examples)


def ids(examples):
    return {example.id for example in examples}


def held_out(division):
    return [example for example in division.final.examples if example.split == "test"]


def test_folds_and_what_is_kept_back_share_no_image(images):
    division = divide(dataset(images, [None] * 20), None, 0)
    kept = ids(held_out(division))
    assert len(kept) == 4 and "4 of 20 images were kept back" in division.notes[0]
    judged = [ids(fold.part("test")) for fold in division.folds]
    assert len(judged) == 3 and set.union(*judged) == {str(i) for i in range(20)} - kept
    assert sum(map(len, judged)) == 16
    for fold in division.folds:
        learned = ids(fold.part("train")) | ids(fold.part("val"))
        assert not learned & (kept | ids(fold.part("test")))
    assert set(division.final.splits) == {"train", "val", "test"}


def test_too_few_images_keep_none_back_and_it_is_said(images):
    division = divide(dataset(images, [None] * 8), 2, 0)
    assert not held_out(division) and len(division.folds) == 2
    assert "which flatters it" in division.notes[0]


def test_groups_stay_whole(images):
    examples = tuple(
        replace(example, group=str(int(example.id) // 2))
        for example in dataset(images, [None] * 24).examples
    )
    division = divide(Dataset(images, "test", "instances", examples), 3, 0)
    parts = [held_out(division), *(fold.part("test") for fold in division.folds)]
    groups = [{example.group for example in part} for part in parts]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 12


def test_stated_validation_images_judge(images):
    stated = dataset(images, ["train"] * 8 + ["val"] * 4 + ["test"] * 2)
    division = divide(stated, None, 0)
    (fold,) = division.folds
    assert ids(fold.part("test")) == {"8", "9", "10", "11"}
    assert ids(fold.part("train")) | ids(fold.part("val")) == {str(i) for i in range(8)}
    assert ids(held_out(division)) == {"12", "13"}
    assert division.final.splits == {"train": 8, "val": 4, "test": 2}
    assert len(divide(stated, 3, 0).folds) == 3


def test_half_of_many_stated_validation_images_are_kept_back(images):
    division = divide(dataset(images, ["train"] * 12 + ["val"] * 12), None, 0)
    assert len(held_out(division)) == 6
    assert ids(held_out(division)) <= {str(i) for i in range(12, 24)}


def test_more_folds_than_images_and_validation_images_alone_are_refused(images):
    with pytest.raises(DatasetError, match=r"12 folds need .* are 8.*ask for fewer folds"):
        divide(dataset(images, [None] * 8), 12, 0)
    with pytest.raises(DatasetError, match=r"2 folds need .* is 1"):
        divide(dataset(images, [None]), 2, 0)
    only = divide(dataset(images, ["val"] * 4), None, 0)
    with pytest.raises(DatasetError, match="no examples of the split 'train'"):
        only.folds[0].part("train")


def test_images_without_a_split_beside_stated_ones_are_refused(images):
    with pytest.raises(DatasetError, match="belong to no split"):
        divide(dataset(images, ["train"] * 4 + ["val"] * 2 + [None]), None, 0)
