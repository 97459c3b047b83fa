import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi
from skimage.measure import regionprops, regionprops_table

from cellwright._errors import InputError, UsageError
from cellwright.measure.objects import PLANE_PROPERTIES, SHAPE_PROPERTIES, measure_objects

OURS_ALONE = {"touches_border", "circularity"}
noise_images = hnp.arrays(
    np.uint8, st.tuples(*[st.integers(1, 12)] * 2), elements=st.integers(0, 3)
)
noise_volumes = hnp.arrays(
    np.int64, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(0, 2)
)


def blobs(shape, seed, smooth=2.0):
    """Return ragged objects, some with holes, some tiny."""
    field = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=shape), smooth)
    return ndi.label(field > 0.3 * field.std())[0]


def assert_equals_scikit_image(table, reference):
    for name, expected in reference.items():
        found = table[name].astype(np.float64)
        if name == "orientation":  # An angle of ±π/2 is the same direction.
            turns = (found - expected) / np.pi
            np.testing.assert_allclose(turns, np.round(turns), atol=1e-6, err_msg=name)
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7, err_msg=name)


def scikit_image_table(labels, image=None, **options):
    properties = set(SHAPE_PROPERTIES) | (set(PLANE_PROPERTIES) if labels.ndim == 2 else set())
    properties -= OURS_ALONE
    if image is not None:
        properties |= {f"intensity_{name}" for name in ("mean", "std", "min", "max")}
    return regionprops_table(labels, image, properties=["label", *sorted(properties)], **options)


@given(noise_images)
def test_plane_equals_scikit_image_on_any_labels(labels):
    assert_equals_scikit_image(measure_objects(labels), scikit_image_table(labels))


@pytest.mark.parametrize("seed", range(5))
def test_plane_equals_scikit_image_on_blobs(seed):
    labels = blobs((120, 140), seed, smooth=1 + seed)
    image = np.random.default_rng(seed).normal(1000, 5, (2, 120, 140))
    reference = scikit_image_table(labels, np.moveaxis(image, 0, -1))
    assert_equals_scikit_image(measure_objects(labels, image), reference)


@given(noise_volumes)
def test_volume_equals_scikit_image_on_any_labels(labels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-image has no convex hull for flat objects.
        reference = scikit_image_table(labels)
    flat = reference["area_convex"] == 0
    table = measure_objects(labels)
    for name in ("area_convex", "solidity"):
        assert (table[name][flat] > 0).all()
        reference[name] = np.where(flat, table[name], reference[name])
    assert_equals_scikit_image(table, reference)


def test_volume_equals_scikit_image_on_blobs():
    labels = blobs((14, 40, 44), 0)
    labels *= np.bincount(labels.ravel())[labels] > 30
    image = np.random.default_rng(1).integers(0, 4096, labels.shape).astype(np.uint16)
    assert_equals_scikit_image(measure_objects(labels, image), scikit_image_table(labels, image))


@pytest.mark.data
def test_real_nuclei_equal_scikit_image(data_folder):
    from skimage.io import imread

    path = sorted((data_folder / "dsb2018" / "labels").glob("*.tif"))[3]
    labels = imread(path)
    assert_equals_scikit_image(measure_objects(labels), scikit_image_table(labels))


def test_lengths_in_micrometres_follow_the_true_shape():
    spacing = (0.5, 0.25)
    labels = blobs((60, 80), 3)
    table = measure_objects(labels, pixel_size=spacing)
    regions = regionprops(labels, spacing=spacing)
    expected = {
        "area_um2": [r.area for r in regions],
        "centroid_um-1": [r.centroid[1] for r in regions],
        "equivalent_diameter_area_um": [r.equivalent_diameter_area for r in regions],
        "axis_major_length_um": [r.axis_major_length for r in regions],
        "axis_minor_length_um": [r.axis_minor_length for r in regions],
        "eccentricity": [r.eccentricity for r in regions],
        "orientation": [r.orientation for r in regions],
    }
    assert_equals_scikit_image(table, {k: np.array(v) for k, v in expected.items()})


def test_volumes_in_micrometres_follow_the_true_shape():
    spacing = (2.0, 0.5, 0.5)
    labels = blobs((10, 30, 30), 4)
    table = measure_objects(labels, pixel_size=spacing, properties=["area", "axis_major_length"])
    regions = regionprops(labels, spacing=spacing)
    np.testing.assert_allclose(table["volume_um3"], [r.area for r in regions])
    np.testing.assert_allclose(
        table["axis_major_length_um"], [r.axis_major_length for r in regions], rtol=1e-6
    )


@pytest.mark.parametrize("stretch", [1, 2, 3])
def test_a_disk_is_a_disk_however_it_was_sampled(stretch):
    y, x = np.mgrid[-300:301, -300 : 301 : 1 / stretch]
    disk = (y**2 + x**2 < 250**2).astype(np.int32)
    table = measure_objects(disk, pixel_size=(0.1, 0.1 / stretch))
    assert table["area_um2"][0] == pytest.approx(np.pi * 25**2, rel=1e-3)
    assert table["perimeter_crofton_um"][0] == pytest.approx(2 * np.pi * 25, rel=0.03)
    assert table["circularity"][0] == pytest.approx(1, rel=0.06)
    assert table["axis_major_length_um"][0] == pytest.approx(50, rel=1e-3)
    assert table["eccentricity"][0] < 0.05


def test_a_ring_by_hand():
    ring = np.zeros((5, 6), np.int32)
    ring[1:4, 1:4] = 9
    ring[2, 2] = 0
    table = measure_objects(ring, np.arange(30).reshape(5, 6))
    expected = {
        "label": 9, "area": 8, "bbox-0": 1, "bbox-3": 4, "centroid-0": 2, "euler_number": 0,
        "area_convex": 9, "solidity": 8 / 9, "extent": 8 / 9, "touches_border": False,
        "eccentricity": 0, "intensity_mean": 14, "intensity_sum": 112, "intensity_max": 21,
    }  # fmt: skip
    assert {name: table[name][0] for name in expected} == expected


def test_the_border_of_a_single_plane_cuts_nothing():
    labels = np.zeros((1, 5, 5), np.int32)
    labels[0, 2, 2], labels[0, 4, 1] = 1, 2
    assert measure_objects(labels)["touches_border"].tolist() == [False, True]
    thick = np.repeat(labels, 3, axis=0)
    assert measure_objects(thick)["touches_border"].tolist() == [True, True]


@given(noise_images, st.lists(st.integers(1, 2**62), min_size=3, max_size=3, unique=True))
def test_label_values_change_nothing_but_the_label(labels, names):
    renamed = np.array([0, *sorted(names)])[labels]
    table, other = measure_objects(labels), measure_objects(renamed)
    np.testing.assert_array_equal(other.pop("label"), np.array([0, *sorted(names)])[table["label"]])
    for name, column in other.items():
        np.testing.assert_array_equal(column, table[name])


@given(noise_images)
def test_transposing_the_image_swaps_the_axes(labels):
    table, other = measure_objects(labels), measure_objects(labels.T)
    np.testing.assert_allclose(table["centroid-0"], other["centroid-1"])
    for name in ("area", "perimeter_crofton", "euler_number", "area_convex", "axis_minor_length"):
        np.testing.assert_allclose(table[name], other[name], atol=1e-6)


@pytest.mark.parametrize("below", [-1, 1 - 2**32])  # the latter is 1 in 32 bits
def test_negative_labels_are_background(below):
    labels = np.array([[below, below, 4], [0, 4, 4]])
    assert measure_objects(labels)["label"].tolist() == [4]


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (0, 5)])
def test_no_objects_give_all_columns_and_no_rows(shape):
    spacing, image = (0.5,) * len(shape), np.zeros((2, *shape), np.float32)
    empty = measure_objects(np.zeros(shape, np.int32), image, pixel_size=spacing)
    if 0 not in shape:
        full = measure_objects(np.ones(shape, np.int32), image, pixel_size=spacing)
        assert {k: v.dtype for k, v in empty.items()} == {k: v.dtype for k, v in full.items()}
    assert all(column.shape == (0,) for column in empty.values())


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float32, np.float64, np.bool_])
def test_intensities_of_any_number_type(dtype):
    labels = blobs((30, 40), 1)
    image = (np.random.default_rng(0).random(labels.shape) * 2.5).astype(dtype)
    table = measure_objects(labels, image, properties=["intensity_mean", "intensity_sum"])
    wide = image.astype(np.float64)
    np.testing.assert_allclose(
        table["intensity_mean"], ndi.mean(wide, labels, table["label"]), rtol=1e-6
    )
    np.testing.assert_allclose(
        table["intensity_sum"], ndi.sum(wide, labels, table["label"]), rtol=1e-6
    )


def test_a_large_offset_costs_no_precision():
    labels = np.ones((100, 100), np.int32)
    image = 1e9 + np.random.default_rng(0).normal(0, 1e-3, labels.shape)
    assert measure_objects(labels, image)["intensity_std"][0] == pytest.approx(
        image.std(), rel=1e-3
    )


def test_a_broken_pixel_spoils_its_object_only():
    image = np.array([[1.0, np.nan, 3.0, np.inf, 5.0]])
    table = measure_objects(np.array([[1, 1, 2, 3, 4]]), image)
    for name in ("mean", "std", "min", "max", "sum"):
        assert np.isnan(table[f"intensity_{name}"]).tolist() == [True, False, True, False]


def test_channels_are_named():
    labels = np.ones((2, 3), np.int32)
    image = np.stack([labels, 2 * labels])
    numbered = measure_objects(labels, image, properties=["intensity_mean"])
    named = measure_objects(labels, image, channel_names=("DAPI", "actin"))
    assert list(numbered) == ["label", "intensity_mean-0", "intensity_mean-1"]
    assert named["intensity_max-actin"][0] == 2


def test_chosen_properties_bring_their_columns_alone():
    table = measure_objects(np.ones((2, 3), int), pixel_size=(1, 1), properties=["area", "bbox"])
    boxes = [f"bbox-{number}" for number in range(4)]
    assert set(table) == {"label", "area", "area_um2", *boxes}


@pytest.mark.parametrize(
    ("labels", "image", "options", "error", "message"),
    [
        (np.zeros((2, 2)), None, {}, InputError, "float64, not integers"),
        (np.zeros(4, int), None, {}, InputError, r"shape \(4,\)"),
        (np.full((2, 2), 2**63, np.uint64), None, {}, InputError, r"below 2\*\*63"),
        (np.ones((2, 3), int), np.ones((3, 2)), {}, InputError, r"\(3, 2\).*\(2, 3\)"),
        (np.ones((2, 3), int), np.ones((1, 1, 2, 3)), {}, InputError, "more axis of channels"),
        (np.ones((2, 3), int), np.ones((2, 3), complex), {}, InputError, "complex128"),
        (np.ones((2, 3), int), None, {"pixel_size": (1, 1, 1)}, InputError, "2 positive"),
        (np.ones((2, 3), int), None, {"pixel_size": (1, 0)}, InputError, "2 positive"),
        (
            np.ones((2, 3), int),
            np.ones((2, 2, 3)),
            {"channel_names": ("a", "a")},
            InputError,
            "different name",
        ),
        (np.ones((2, 3), int), None, {"properties": ["volume"]}, UsageError, "measure volume"),
        (
            np.ones((2, 3), int),
            None,
            {"properties": ["intensity_mean"]},
            UsageError,
            "without an image",
        ),
        (
            np.ones((1, 2, 3), int),
            None,
            {"properties": ["orientation"]},
            UsageError,
            "3D labels",
        ),
    ],
)
def test_unusable_input_is_refused(labels, image, options, error, message):
    with pytest.raises(error, match=message):
        measure_objects(labels, image, **options)
