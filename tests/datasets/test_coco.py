"""COCO files of objects that overlap, and files that are broken in one place."""

import json

import numpy as np
import pytest
from skimage.draw import polygon2mask

from cellwright._errors import CellwrightError, DatasetError
from cellwright.datasets.coco import draw_layers
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import count_layers, load_labels, load_layers
from cellwright.datasets.records import CocoLabels
from datasets.dataset_builders import save

SIZE = (24, 30)


def box(y, x, height, width):
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


def entry(number, segmentation, **more):
    return {"id": number, "image_id": 1, "category_id": 1, "segmentation": segmentation} | more


def write(path, annotations, **changes):
    content = {
        "images": [{"id": 1, "file_name": "a.tif", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cell"}],
    }
    path.write_text(json.dumps(content | changes))
    return CocoLabels(path, 1)


def pack(mask):
    """Write a mask as compressed runs, by its definition."""
    flat = [0, *mask.ravel(order="F").astype(int).tolist()]
    edges = [i for i in range(1, len(flat)) if flat[i] != flat[i - 1]]
    runs = np.diff([0, *(e - 1 for e in edges), mask.size]).tolist()
    text = ""
    for i, run in enumerate(runs):
        value, last = run - (runs[i - 2] if i > 2 else 0), False
        while not last:
            group, value = value & 31, value >> 5
            last = value == (-1 if group & 16 else 0)
            text += chr(48 + group + 32 * (not last))
    return {"counts": text, "size": list(mask.shape)}


def test_objects_that_overlap_stay_whole(tmp_path):
    """A square, one over it as runs, and one far away that fits into the first layer."""
    over = np.zeros(SIZE, bool)
    over[6:14, 6:14] = True
    segmentations = [box(2, 2, 8, 8), pack(over), box(16, 18, 4, 6)]
    layers = draw_layers(
        write(tmp_path / "a.json", [entry(i, s) for i, s in enumerate(segmentations, 1)])
    )
    assert layers.shape == (2, *SIZE)
    assert [np.count_nonzero(layers == n) for n in (1, 2, 3)] == [64, 64, 24]
    np.testing.assert_array_equal(layers[1] == 2, over)
    assert (layers[0, 2:10, 2:10] == 1).all() and (layers[0] != 2).all()


def test_parts_and_holes(tmp_path):
    """Several polygons are one object; runs may leave a hole."""
    ring = np.zeros(SIZE, bool)
    ring[12:20, 12:20] = True
    ring[14:18, 14:18] = False
    segmentations = [[*box(1, 1, 4, 4), *box(3, 3, 4, 4)], pack(ring)]
    layers = draw_layers(
        write(tmp_path / "a.json", [entry(i, s) for i, s in enumerate(segmentations, 1)])
    )
    assert len(layers) == 1 and np.count_nonzero(layers == 1) == 28
    np.testing.assert_array_equal(layers[0] == 2, ring)


def test_runs_as_the_tools_of_coco_write_them(tmp_path):
    """The text is what pycocotools 2.0 makes of this mask."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    mask = ((y - 11) ** 2 + (x - 13) ** 2 < 60) & ~((y - 11) ** 2 + (x - 14) ** 2 < 9)
    mask[20:, :2] = mask[0, 29] = True
    text = "d04d00d23XM2N2N2N2O00FL040L040L040L040L0582N2N2Ni5J^J"
    labels = write(tmp_path / "a.json", [entry(1, {"counts": text, "size": list(SIZE)})])
    np.testing.assert_array_equal(draw_layers(labels)[0] == 1, mask)


def test_outlines_of_any_shape_are_drawn_pixel_by_pixel(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(5):
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        radii = rng.uniform(4, 10, 12)
        corners = np.stack([15 + radii * np.cos(angles), 12 + radii * np.sin(angles)], 1)
        labels = write(tmp_path / f"{number}.json", [entry(1, [corners.ravel().tolist()])])
        expected = polygon2mask(SIZE, corners[:, ::-1] - 0.5)
        np.testing.assert_array_equal(draw_layers(labels)[0] == 1, expected)


def test_polygons_that_cross_themselves_and_the_border(tmp_path):
    """What an odd number of edges surrounds is inside."""
    rng = np.random.default_rng(1)
    for number in range(30):
        corners = rng.uniform(-8, 38, (rng.integers(3, 9), 2))
        corners[0] = 9, 9
        labels = write(tmp_path / f"{number}.json", [entry(1, [corners.ravel().tolist()])])
        expected = polygon2mask(SIZE, corners[:, ::-1] - 0.5)
        np.testing.assert_array_equal(draw_layers(labels)[0] == 1, expected)


def test_pixels_on_the_outline_belong_to_it(tmp_path):
    """Middles of pixels lie half a pixel from the corners that COCO counts from."""
    diamond = [9.5, 5.5, 13.5, 9.5, 9.5, 13.5, 5.5, 9.5]
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    labels = write(tmp_path / "a.json", [entry(1, [diamond])])
    found = draw_layers(labels)[0] == 1
    np.testing.assert_array_equal(found, abs(y - 9) + abs(x - 9) <= 4)


def test_the_last_one_has_the_pixel_where_one_layer_must_do(tmp_path):
    save(tmp_path / "a.tif", np.zeros(SIZE, np.uint8))
    write(tmp_path / "a.json", [entry(1, box(2, 2, 8, 8)), entry(2, box(6, 6, 8, 8))])
    (example,) = open_dataset(tmp_path).examples
    assert count_layers(example) == len(load_layers(example, SIZE)) == 2
    flat = load_labels(example, SIZE)
    assert flat[7, 7] == 2 and np.count_nonzero(flat == 1) == 64 - 16


def test_outlines_along_each_other_take_one_layer(tmp_path):
    """They share a column of pixels, which is no overlap."""
    save(tmp_path / "a.tif", np.zeros(SIZE, np.uint8))
    write(tmp_path / "a.json", [entry(1, box(2, 2, 8, 8)), entry(2, box(2, 9, 8, 8))])
    (example,) = open_dataset(tmp_path).examples
    assert count_layers(example) == 1 and len(load_layers(example, SIZE)) == 2


def test_of_crowds_and_of_boxes_alone_nothing_is_known(tmp_path):
    annotations = [
        entry(1, box(2, 2, 8, 8), iscrowd=1),
        entry(2, box(6, 6, 8, 8)),
        entry(3, [], bbox=[20, 2, 5, 4]),
    ]
    layers = draw_layers(write(tmp_path / "a.json", annotations))
    assert np.count_nonzero(layers == 1) == 64
    assert np.count_nonzero(layers == -1) == 64 - 16 + 20
    assert layers[0, 7, 7] == 1 and layers[0, 2, 2] == -1


TOO_FEW = {"counts": [3, 4], "size": SIZE}
BROKEN = {
    "a polygon has 2 points": entry(7, [[1, 1, 5, 5]]),
    "no list of x, y": entry(7, [[1, 1, 5, 5, 9]]),
    "outside of the image": entry(7, box(50, 50, 4, 4)),
    "7 px long": entry(7, TOO_FEW),
    "721 px long": entry(7, {"counts": [720, 1], "size": SIZE}),
    "no whole numbers": entry(7, {"counts": [-3, 723], "size": SIZE}),
    "another size": entry(7, {"counts": [600], "size": [20, 30]}),
    "'size' is missing": entry(7, {"counts": "42"}),
    "means nothing": entry(7, {"counts": "4 2", "size": SIZE}),
    "ends within a number": entry(7, {"counts": "4P", "size": SIZE}),
    "does not end": entry(7, {"counts": "P" * 40, "size": SIZE}),
    "longer than the image": entry(7, {"counts": "PPPP1", "size": SIZE}),
    "about the image 9": entry(7, box(1, 1, 4, 4), image_id=9),
    "has the category 5": entry(7, box(1, 1, 4, 4), category_id=5),
    "a box of 3 numbers": entry(7, [], bbox=[1, 2, 3]),
    "neither a segmentation nor a box": entry(7, []),
}


@pytest.mark.parametrize("problem", BROKEN)
def test_what_is_broken_is_named_with_file_and_annotation(tmp_path, problem):
    labels = write(tmp_path / "a.json", [entry(1, box(1, 1, 4, 4)), BROKEN[problem]])
    with pytest.raises(DatasetError, match=problem) as caught:
        draw_layers(labels)
    assert "a.json" in str(caught.value) and "annotation 7" in str(caught.value)


def test_a_category_that_is_not_said(tmp_path):
    said = entry(7, box(1, 1, 4, 4))
    del said["category_id"]
    with pytest.raises(DatasetError, match="annotation 7 has no category"):
        draw_layers(write(tmp_path / "a.json", [said]))


def test_ids_that_are_there_twice(tmp_path):
    square = box(1, 1, 4, 4)
    with pytest.raises(DatasetError, match=r"a\.json' has the annotation id 3 twice"):
        draw_layers(write(tmp_path / "a.json", [entry(3, square), entry(3, square)]))
    image = {"id": 1, "file_name": "a.tif", "height": 24, "width": 30}
    with pytest.raises(DatasetError, match=r"b\.json' has the image id 1 twice"):
        draw_layers(write(tmp_path / "b.json", [], images=[image, image]))


def test_the_same_object_a_hundred_times(tmp_path):
    many = [entry(number, box(1, 1, 4, 4)) for number in range(100)]
    with pytest.raises(DatasetError, match="lie over each other"):
        draw_layers(write(tmp_path / "a.json", many))


def test_any_broken_text_is_refused_in_words(tmp_path):
    rng = np.random.default_rng(1)
    right = pack(rng.random(SIZE) < 0.5)
    for number in range(60):
        text = list(right["counts"])
        text[rng.integers(len(text))] = chr(rng.integers(32, 127))
        labels = write(tmp_path / f"{number}.json", [entry(1, right | {"counts": "".join(text)})])
        try:
            assert draw_layers(labels).shape == (1, *SIZE)
        except CellwrightError as error:
            assert "annotation 1" in str(error)
