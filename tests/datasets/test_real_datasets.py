"""The development data, as people have them."""

import numpy as np
import pytest

from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.datasets.leaks import check_leaks
from cellwright.datasets.loader import balanced_weights, batches
from cellwright.datasets.sampler import Patches
from cellwright.images.normalise import Normalisation

pytestmark = pytest.mark.data


@pytest.mark.parametrize(
    ("name", "layout", "count", "splits"),
    [
        ("dsb2018", "paired folders", 576, {"train": 511, "val": 65}),
        ("usiigaci_phase", "paired folders", 40, {"train": 32, "val": 8}),
        ("nuclei3d", "paired folders", 3, {"unassigned": 3}),
        ("ctc_sim_ilastik", "Cell Tracking Challenge", 10, {"unassigned": 10}),
        ("ctc_gowt1_02_sparse", "Cell Tracking Challenge", 16, {"unassigned": 16}),
        ("wbc_zheng2018", "Cellpose", 300, {"unassigned": 300}),
        ("mitocheck_cells", "image folders", 2082, {"unassigned": 2082}),
    ],
)
def test_layouts_are_recognised(data_folder, name, layout, count, splits):
    dataset = open_dataset(data_folder / name)
    assert (dataset.layout, len(dataset), dataset.splits) == (layout, count, splits)


def test_kinds_come_from_the_index(data_folder):
    kinds = open_dataset(data_folder / "dsb2018").kinds
    assert kinds["fluo_small"] == 295 and len(kinds) == 5


def test_volumes_need_their_axes(data_folder):
    for example in open_dataset(data_folder / "nuclei3d", axes="ZYX").examples:
        pixels, labels = load_example(example)
        assert pixels.ndim == 4 and pixels.shape[1:] == labels.shape and labels.max() >= 8


def test_phase_contrast_splits_do_not_leak(data_folder):
    assert check_leaks(open_dataset(data_folder / "usiigaci_phase")) == ()


def test_colour_and_grey_images_train_together(data_folder):
    examples = open_dataset(data_folder / "dsb2018").part("val")
    batch = next(
        batches(
            examples,
            Patches((128, 128), 24, augmentation("strong"), Normalisation(joint=True), channels=3),
            steps=1,
            weights=balanced_weights(examples),
        )
    )
    assert batch["pixels"].shape == (24, 3, 128, 128) and np.isfinite(batch["pixels"]).all()
    with_objects = [(labels > 0).any() for labels in batch["labels"]]
    assert np.mean(with_objects) > 0.8
