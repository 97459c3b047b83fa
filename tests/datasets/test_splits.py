from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright._errors import DatasetError, UsageError
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.leaks import check_leaks
from cellwright.datasets.records import Dataset, Example
from cellwright.datasets.splits import count_units, fold_dataset, split_dataset
from datasets.dataset_builders import discs, paired_folder, save


def dataset_of(*examples: Example) -> Dataset:
    return Dataset(Path("x"), "test", "instances", examples)


def example(name: str, **facts: str | None) -> Example:
    return Example(name, (Path(f"{name}.tif"),), **facts)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=3, max_size=30),
    st.integers(0, 99),
    st.floats(0.1, 0.9),
)
def test_groups_are_never_divided_and_no_split_is_empty(sizes, seed, fraction):
    examples = [
        example(f"{group}-{i}", group=str(group))
        for group, size in enumerate(sizes)
        for i in range(size)
    ]
    fractions = {"train": fraction, "val": 1 - fraction}
    divided = split_dataset(dataset_of(*examples), fractions, seed)
    for group in range(len(sizes)):
        assert len({e.split for e in divided.examples if e.group == str(group)}) == 1
    assert set(divided.splits) == {"train", "val"}
    assert abs(divided.splits["train"] - fraction * len(examples)) <= max(sizes) + 1
    assert [e.id for e in divided.examples] == [e.id for e in examples]


def test_every_kind_is_divided_alike():
    examples = [example(f"{kind}{i}", kind=kind) for kind in "abc" for i in range(20)]
    divided = split_dataset(dataset_of(*examples), {"train": 0.7, "val": 0.2, "test": 0.1})
    for kind in "abc":
        splits = [e.split for e in divided.examples if e.kind == kind]
        assert [splits.count(name) for name in ("train", "val", "test")] == [14, 4, 2]


def test_the_seed_decides():
    examples = [example(str(i)) for i in range(40)]
    first, again, other = (split_dataset(dataset_of(*examples), seed=s) for s in (1, 1, 2))
    assert first == again != other


def test_what_is_settled_stays_and_draws_its_group_along():
    examples = [example(str(i)) for i in range(8)]
    kept = example("kept", split="test", group="g")
    divided = split_dataset(dataset_of(kept, example("friend", group="g"), *examples))
    assert [e.split for e in divided.examples[:2]] == ["test", "test"]
    assert divided.splits == {"test": 2, "train": 6, "val": 2}


def test_what_cannot_be_divided():
    movie = [example(str(i), group="01") for i in range(9)]
    with pytest.raises(DatasetError, match="need as many groups of images, but there is 1:"):
        split_dataset(dataset_of(*movie))
    torn = [example("a", group="g", split="train"), example("b", group="g", split="val")]
    with pytest.raises(DatasetError, match="'g' is in the splits 'train' and 'val'"):
        split_dataset(dataset_of(*torn))
    with pytest.raises(UsageError, match="train, val, test"):
        split_dataset(dataset_of(*movie), {"holdout": 1.0})


def test_missing_split_names_the_ones_there():
    with pytest.raises(DatasetError, match=r"split 'val', only train \(1\)"):
        dataset_of(example("a", split="train")).part("val")


@pytest.fixture
def folder(tmp_path, rng):
    """Four pairs of clearly different pictures."""
    for i in range(4):
        save(tmp_path / "images" / f"a{i}.tif", rng.integers(0, 200, (96, 96)).astype(np.uint8))
        save(tmp_path / "labels" / f"a{i}.tif", discs().astype(np.uint16))
    return tmp_path


def write_index(folder, column=""):
    rows = ["a0,train,p1", "a1,train,p2", "a2,val,p3", "a3,val,p1"]
    (folder / "index.csv").write_text(f"id,split,{column}\n" + "\n".join(rows) + "\n")


def test_independent_pictures_do_not_leak(folder):
    write_index(folder)
    assert check_leaks(open_dataset(folder)) == ()


def test_a_group_in_two_splits_leaks(folder):
    write_index(folder, "plate")
    (leak,) = check_leaks(open_dataset(folder), look=False)
    assert "same group 'p1'" in str(leak) and "a0.tif" in str(leak) and "a3.tif" in str(leak)


def test_a_copied_file_leaks(folder):
    write_index(folder)
    content = (folder / "images" / "a1.tif").read_bytes()
    (folder / "images" / "a2.tif").write_bytes(content)
    (leak,) = check_leaks(open_dataset(folder))
    assert (leak.reason, leak.first.id, leak.second.id) == ("same file", "a1", "a2")


def test_a_turned_and_brightened_picture_leaks(folder):
    write_index(folder)
    from tifffile import imread

    pixels = imread(folder / "images" / "a0.tif")
    save(folder / "images" / "a2.tif", np.rot90(pixels).T * np.uint16(7) + np.uint16(100))
    assert check_leaks(open_dataset(folder), look=False) == ()
    (leak,) = check_leaks(open_dataset(folder))
    assert (leak.reason, leak.first.id, leak.second.id) == ("same picture", "a0", "a2")


def test_empty_pictures_are_not_alike(tmp_path):
    paired_folder(tmp_path, 2)
    for name in ("a0", "a1"):
        save(tmp_path / "images" / f"{name}.tif", np.full((96, 96), 7 + len(name), np.uint8))
    with (tmp_path / "images" / "a1.tif").open("ab") as stream:
        stream.write(b"\0")
    (tmp_path / "index.csv").write_text("id,split\na0,train\na1,val\n")
    assert check_leaks(open_dataset(tmp_path)) == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=6, max_size=20), st.integers(2, 4), st.integers(0, 99))
def test_every_example_is_tested_once_and_no_group_is_divided(sizes, count, seed):
    examples = [
        example(f"{group}-{i}", group=str(group), split="train")
        for group, size in enumerate(sizes)
        for i in range(size)
    ]
    folds = fold_dataset(dataset_of(*examples), count, seed)
    tested = [e.id for fold in folds for e in fold.part("test")]
    assert sorted(tested) == sorted(e.id for e in examples)
    for fold in folds:
        assert set(fold.splits) == {"train", "val", "test"}
        for group in range(len(sizes)):
            assert len({e.split for e in fold.examples if e.group == str(group)}) == 1


def test_folds_depend_on_the_seed_and_need_enough_groups():
    data = dataset_of(*(example(str(i), group=str(i // 2)) for i in range(8)))
    assert fold_dataset(data, 2, 0) == fold_dataset(data, 2, 0) != fold_dataset(data, 2, 1)
    assert count_units(data.examples) == 4
    with pytest.raises(DatasetError, match="but there are 4:"):
        fold_dataset(data, 5)
    with pytest.raises(UsageError, match="at least 2"):
        fold_dataset(data, 1)
