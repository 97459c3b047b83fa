import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from cellwright._errors import DatasetError, FormatError, InputError
from cellwright.datasets.cache import RecentlyUsed
from cellwright.datasets.coco import draw_layers
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import (
    binary_labels_warning,
    fit_channels,
    load_example,
    load_pixels,
    object_facts,
)
from cellwright.datasets.records import CocoLabels, Example
from cellwright.datasets.summary import summarise
from cellwright.images.image import Image
from cellwright.models.card import RGB
from cellwright.models.channels import channels_for
from datasets.dataset_builders import discs, paired_folder, save


def test_pixels_have_a_channel_axis_and_keep_their_type(tmp_path):
    image = save(tmp_path / "i.tif", np.arange(80, dtype=np.uint16).reshape(8, 10))
    labels = save(tmp_path / "l.tif", np.eye(8, 10, dtype=np.uint8))
    pixels, truth = load_example(Example("i", (image,), labels))
    assert pixels.shape == (1, 8, 10) and pixels.dtype == np.uint16
    assert truth.shape == (8, 10) and truth.dtype == np.int32


def test_files_become_channels(tmp_path):
    files = tuple(save(tmp_path / f"{c}.tif", np.full((6, 7), c, np.uint8)) for c in range(3))
    labels = save(tmp_path / "l.tif", np.zeros((6, 7), np.uint8))
    pixels, _ = load_example(Example("i", files, labels))
    assert pixels[:, 0, 0].tolist() == [0, 1, 2]


def test_a_dye_in_false_colour_is_learned_in_grey_as_models_are_given_it(tmp_path):
    blue = np.zeros((8, 10, 3), np.uint8)
    blue[2:5, 3:6, 2] = 200
    Picture.fromarray(blue).save(tmp_path / "i.png")
    pixels, rgb = load_pixels(Example("i", (tmp_path / "i.png",), None))
    assert rgb and pixels.shape == (3, 8, 10)
    assert all(np.array_equal(channel, blue[..., 2]) for channel in pixels)
    image = Image(np.moveaxis(blue, 2, 0), "CYX", channel_names=RGB)
    assert np.array_equal(channels_for(image, RGB, None)[(slice(None),) * 3], pixels)


def test_volume_with_stated_axes(tmp_path):
    image = save(tmp_path / "i.tif", np.zeros((4, 8, 10), np.uint8), axes="QYX")
    labels = save(tmp_path / "l.tif", np.zeros((4, 8, 10), np.uint8), axes="QYX")
    with pytest.raises(InputError, match="the argument axes"):
        load_example(Example("i", (image,), labels))
    pixels, _ = load_example(Example("i", (image,), labels, axes="ZYX"))
    assert pixels.shape == (1, 4, 8, 10)


def test_sizes_that_differ_name_both_files(tmp_path):
    image = save(tmp_path / "i.tif", np.zeros((8, 10), np.uint8))
    labels = save(tmp_path / "l.tif", np.zeros((8, 9), np.uint8))
    with pytest.raises(DatasetError, match=r"i\.tif' has 8 × 10 .*l\.tif' have 8 × 9"):
        load_example(Example("i", (image,), labels))
    with pytest.raises(DatasetError, match=r"differ in size: 'i\.tif' 8 × 10, 'l\.tif' 8 × 9"):
        load_example(Example("i", (image, labels), labels))


@pytest.mark.parametrize(
    ("pixels", "error"), [(np.zeros((3, 8, 10), np.uint8), DatasetError), (None, InputError)]
)
def test_images_that_cannot_be_used_are_named(tmp_path, pixels, error):
    image = tmp_path / "i.tif"
    if pixels is None:
        image.write_bytes(b"")
    else:
        save(image, pixels, axes="TYX")
    with pytest.raises(error, match=r"i\.tif"):
        load_example(Example("i", (image,), image))


def test_nan_pixels_are_refused(tmp_path):
    image = save(tmp_path / "i.tif", np.full((4, 4), np.nan, np.float32))
    with pytest.raises(InputError, match="no finite pixel"):
        load_example(Example("i", (image,), image))


def test_channels_are_repeated_or_averaged():
    grey = np.arange(4.0).reshape(1, 2, 2)
    assert np.array_equal(fit_channels(grey, 3, "i"), np.repeat(grey, 3, 0))
    assert np.array_equal(fit_channels(np.concatenate([grey, grey + 2]), 1, "i"), grey + 1)
    with pytest.raises(DatasetError, match="'i' has 2 channels, but 3"):
        fit_channels(np.zeros((2, 4, 4)), 3, "i")


def test_object_facts():
    facts = object_facts(discs(radius=9))
    assert len(facts.points) == 16 and facts.points[0].tolist() == [0, 12, 12]
    assert facts.diameter == pytest.approx(18, abs=1)
    ball = np.zeros((20, 20, 20), np.int32)
    ball[((np.indices(ball.shape) - 10) ** 2).sum(0) <= 36] = 5
    assert object_facts(ball).diameter == pytest.approx(12, abs=0.6)
    assert object_facts(np.full((5, 5), -1)).diameter is None


def test_masks_are_told_from_numbered_objects(tmp_path):
    example = Example("i", (tmp_path / "i.tif",), tmp_path / "m.png")
    mask = (discs() > 0).astype(np.int32) * 255
    assert "m.png' marks all objects with the value 255" in binary_labels_warning(example, mask)
    assert binary_labels_warning(example, discs()) is None
    assert binary_labels_warning(example, (discs() == 3).astype(np.int32)) is None


def test_summary_counts_and_lists_problems(tmp_path):
    paired_folder(tmp_path, 3)
    (tmp_path / "images" / "a1.tif").write_bytes(b"")
    save(tmp_path / "labels" / "a2.tif", (discs() > 0).astype(np.uint8))
    summary = summarise(open_dataset(tmp_path))
    assert summary.shapes == {"96 × 96": 2} and summary.dtypes == {"uint8": 2}
    assert summary.objects == [16, 1] and summary.channels == {"1": 2}
    assert len(summary.problems) == 2
    assert "a1.tif" in summary.problems[0] and "a mask" in summary.problems[1]


def write_coco(path, segmentations, size=(6, 5)):
    height, width = size
    content = {
        "images": [{"id": 1, "file_name": "i.tif", "height": height, "width": width}],
        "annotations": [{"image_id": 1, "segmentation": s} for s in segmentations],
    }
    path.write_text(json.dumps(content))
    return CocoLabels(path, 1)


def compress(runs):
    """Write runs as COCO's compressed text, the straightforward way."""
    text = ""
    for i, run in enumerate(runs):
        value = run - (runs[i - 2] if i > 2 else 0)
        while True:
            group, value = value & 31, value >> 5
            last = (value == 0 and not group & 16) or (value == -1 and group & 16)
            text += chr(48 + group + (0 if last else 32))
            if last:
                break
    return text


@given(st.binary(min_size=30, max_size=30))
def test_runs_of_both_kinds_are_unpacked(tmp_path_factory, content):
    mask = np.frombuffer(content, np.uint8).reshape(6, 5) > 127
    flat = np.concatenate([[False], mask.ravel(order="F"), [not mask.ravel(order="F")[-1]]])
    starts = np.flatnonzero(np.diff(flat.astype(int)))
    runs = [int(n) for n in np.diff(np.concatenate([[0], starts]))]
    folder = tmp_path_factory.mktemp("coco")
    for name, counts in (("plain", runs), ("packed", compress(runs))):
        labels = write_coco(folder / f"{name}.json", [{"counts": counts, "size": [6, 5]}])
        assert np.array_equal(draw_layers(labels)[0], mask)


def test_known_compressed_runs(tmp_path):
    """Runs 4 2 24 of a mask of 6 × 5, and numbers of more than five bits."""
    assert (
        draw_layers(write_coco(tmp_path / "a.json", [{"counts": "42h0", "size": [6, 5]}]))[0]
        .ravel(order="F")
        .tolist()
        == [0] * 4 + [1] * 2 + [0] * 24
    )


@pytest.mark.parametrize(
    "segmentation", [[[1, 2, 3]], {"counts": [3], "size": [6, 5]}, {"counts": "42"}, [["a"]], 7]
)
def test_broken_segmentations_are_named(tmp_path, segmentation):
    with pytest.raises(DatasetError, match=r"a\.json': the annotation 1 on 'i.tif'"):
        draw_layers(write_coco(tmp_path / "a.json", [segmentation]))


def test_broken_annotation_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"images": [')
    with pytest.raises(FormatError, match=r"a\.json"):
        draw_layers(CocoLabels(path, 1))


def test_cache_forgets_the_least_recently_used():
    made = []

    def value(key):
        return cache.get(key, lambda: made.append(key) or key * 10)

    cache = RecentlyUsed(limit=25, size=len)
    for key in ("a", "b", "a", "c", "a", "b"):
        assert value(key) == key * 10
        assert cache.used <= 25
    assert made == ["a", "b", "c", "b"]
    cache.get("large", lambda: "x" * 99)
    assert cache.used == 20
