from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright._errors import InputError, ModelError, UsageError
from cellwright.inference.apply import MEMORY, find_classes, find_instances
from cellwright.inference.budget import tile_sides
from cellwright.inference.tiles import plan_tiles
from cellwright.inference.view import View
from inference.toys import RowsOnce, ToyNetwork, ToyReadout, identity, spots


def segment(image, network=None, readout=None, scales=None, **options):
    sink = RowsOnce(image.shape[1:])
    table = find_instances(
        View.at_scales(image, scales, identity, np.array([[0.0, 1.0]])),
        network or ToyNetwork(),
        readout or ToyReadout(),
        sink=sink,
        **options,
    )
    assert sink.written == image.shape[1]
    return sink.labels, table


def directly(image):
    """What one run over the whole plane gives, without any of the machinery."""
    rows, columns = image.shape[1:]
    padded = np.pad(image, ((0, 0), (0, -rows % 4), (0, -columns % 4)), mode="reflect")
    maps = ToyNetwork()(padded[None])[0, :, :rows, :columns]
    return ToyReadout().decode(maps)


def test_a_tiled_run_equals_one_run_over_the_whole_plane():
    image = spots((97, 61), seed=1)
    expected = directly(image)
    labels, table = segment(image, tile=16)
    assert expected.labels.max() > 20
    np.testing.assert_array_equal(labels, expected.labels)
    np.testing.assert_array_equal(table["row"], expected.anchors[:, 0])
    np.testing.assert_array_equal(table["column"], expected.anchors[:, 1])
    np.testing.assert_array_equal(table["peak"], expected.evidence[:, 0])


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    tile=st.integers(4, 100),
    memory=st.sampled_from([1, 1_000_000, 1_000_000_000]),
    scale=st.sampled_from([1.0, 0.37, 0.5, 1.0, 1.6]),
    seed=st.integers(0, 9),
)
def test_the_result_does_not_depend_on_tiles_or_memory(shape, tile, memory, scale, seed):
    image = spots(shape, seed)
    whole, whole_table = segment(image, scales=(scale, scale), tile=400)
    labels, table = segment(image, scales=(scale, scale), tile=tile, memory=memory)
    np.testing.assert_array_equal(labels, whole)
    assert table.keys() == whole_table.keys()
    for name in table:
        np.testing.assert_array_equal(table[name], whole_table[name])


@pytest.mark.parametrize(
    "broken",
    [
        {"network": ToyNetwork(halo=(4, 4))},
        {"readout": replace(ToyReadout(), margin=6)},
        {"readout": replace(ToyReadout(), margin=8, reach=6)},
    ],
)
def test_a_halo_or_margin_that_is_too_small_shows(broken):
    """The tests above can fail: tiling is visible as soon as a stated bound is wrong."""
    image = spots((200, 120), seed=3)
    whole, _ = segment(image)
    labels, _ = segment(image, tile=16, memory=1, **broken)
    assert not np.array_equal(labels, whole)


def test_labels_are_consecutive_in_raster_order_and_the_table_describes_them():
    image = spots((80, 70), seed=5)
    labels, table = segment(image, tile=24)
    count = len(table["label"])
    np.testing.assert_array_equal(np.unique(labels), np.arange(count + 1))
    order = np.lexsort((table["column"], table["row"]))
    np.testing.assert_array_equal(order, np.arange(count))
    np.testing.assert_array_equal(table["area"], np.bincount(labels.ravel())[1:])
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    np.testing.assert_array_equal(table["at_border"], np.isin(table["label"], edge))


def test_an_empty_plane_has_no_objects_but_all_columns():
    labels, table = segment(np.zeros((1, 30, 20), np.uint16))
    assert labels.max() == 0
    assert list(table) == ["label", "row", "column", "area", "at_border", "peak"]
    assert all(len(column) == 0 for column in table.values())


def test_only_regions_of_a_lazy_source_are_read():
    class Lazy:
        shape, dtype = (1, 400, 300), np.dtype(np.float32)
        pixels = spots((400, 300), seed=2)
        largest = 0

        def __getitem__(self, key):
            region = self.pixels[key]
            self.largest = max(self.largest, region.size)
            return region

    source = Lazy()
    labels, _ = segment(source, tile=64)
    whole, _ = segment(source.pixels)
    np.testing.assert_array_equal(labels, whole)
    assert source.largest <= (64 + 2 * 8) ** 2


def test_a_scaled_run_finds_the_same_objects_in_the_image_grid():
    image = np.zeros((1, 64, 64), np.float32)
    image[0, 12:16, 20:24] = image[0, 40:44, 50:54] = 8
    _, table = segment(image, scales=(0.5, 0.5))
    np.testing.assert_allclose(table["row"], [13.5, 41.5], atol=1.01)
    np.testing.assert_allclose(table["column"], [21.5, 51.5], atol=1.01)


def test_maps_that_do_not_fit_the_readout_are_refused():
    class TwoMaps(ToyNetwork):
        def __call__(self, pixels):
            return np.repeat(super().__call__(pixels), 2, axis=1)

    with pytest.raises(ModelError, match="inconsistent"):
        segment(spots((20, 20), seed=0), network=TwoMaps())


def test_an_image_without_pixels_is_refused():
    with pytest.raises(InputError, match=r"\(1, 0, 5\)"):
        segment(np.zeros((1, 0, 5), np.float32))


def test_a_tile_smaller_than_the_stride_is_refused():
    with pytest.raises(UsageError, match="at least 4"):
        segment(spots((20, 20), seed=0), tile=2)


@given(
    rows=st.integers(1, 100_000),
    columns=st.integers(1, 100_000),
    memory=st.integers(1, 4_000_000_000),
)
def test_default_tiles_are_never_too_small_for_the_network(rows, columns, memory):
    network = ToyNetwork(stride=(16, 16), halo=(100, 100))
    sides = tile_sides((rows, columns), network, 1, 15, memory)
    assert min(sides) >= 100


def test_default_tiles_waste_little_on_halos_and_an_image_that_fits_is_one_tile():
    network = ToyNetwork(stride=(16, 16), halo=(91, 91))
    wasted = {}
    for side in (1500, 4096, 20_000):
        sides = tile_sides((side, side), network, 1, 15, MEMORY)
        tiles = plan_tiles((side, side), sides, network.halo, network.stride)
        read = sum(
            (tile.read[0].stop - tile.read[0].start) * (tile.read[1].stop - tile.read[1].start)
            for tile in tiles
        )
        wasted[side] = read / side**2 - 1
    assert wasted[1500] < 0.01
    assert wasted[4096] < 0.17
    assert wasted[20_000] < 0.3


@pytest.mark.parametrize("scale", [1.0, 0.7])
def test_a_repeated_channel_gives_what_as_many_equal_ones_give(scale):
    one = spots((50, 61), seed=3)
    repeated = np.broadcast_to(one, (3, 50, 61))
    seen = []

    class Watched(ToyNetwork):
        def __call__(self, pixels):
            seen.append(pixels.copy())
            return super().__call__(pixels[:, :1])

    def doubled(pixels, limits):
        return pixels * limits[:, 1].reshape(-1, 1, 1)

    for image in (repeated, repeated.copy()):
        view = View.at_scales(image, (scale, scale), doubled, np.array([[0.0, 2.0]] * 3))
        find_instances(view, Watched(), ToyReadout(), sink=RowsOnce((50, 61)))
    assert seen[0].shape[1] == 3
    np.testing.assert_array_equal(seen[0], seen[1])


@settings(max_examples=12, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 24), st.integers(1, 30), st.integers(1, 30)),
    tile=st.integers(4, 40),
    memory=st.sampled_from([1, 1_000_000_000]),
    depth=st.sampled_from([1.0, 0.6, 1.5]),
    seed=st.integers(0, 9),
)
def test_objects_of_a_volume_do_not_depend_on_tiles_or_memory(shape, tile, memory, depth, seed):
    image = spots(shape, seed, density=0.004)
    options = {
        "network": ToyNetwork(stride=(4, 4, 4), halo=(5, 5, 5)),
        "readout": ToyReadout(threshold=2.0),
        "scales": (depth, 1.0, 1.0),
    }
    whole, whole_table = segment(image, tile=400, **options)
    labels, table = segment(image, tile=tile, memory=memory, **options)
    np.testing.assert_array_equal(labels, whole)
    assert list(table)[:4] == ["label", "plane", "row", "column"]
    for name in table:
        np.testing.assert_array_equal(table[name], whole_table[name])


def test_objects_of_a_volume_lie_where_they_are():
    image = np.zeros((1, 24, 40, 36), np.float32)
    image[0, 6:9, 10:14, 20:24] = image[0, 15:18, 25:29, 12:16] = 30
    network = ToyNetwork(stride=(4, 4, 4), halo=(5, 5, 5))
    _, table = segment(image, network=network, scales=(1.5, 0.75, 0.75), tile=16)
    np.testing.assert_allclose(table["plane"], [7, 16], atol=1.01)
    np.testing.assert_allclose(table["row"], [11.5, 26.5], atol=1.01)
    np.testing.assert_allclose(table["column"], [21.5, 13.5], atol=1.01)
    assert not table["at_border"].any()


def classify(image, thresholds=(9.0, 30.0), scales=None, **options):
    sink = RowsOnce(image.shape[1:], np.uint8)
    find_classes(
        View.at_scales(image, scales, identity, np.array([[0.0, 1.0]])),
        ToyNetwork(*((size,) * (image.ndim - 1) for size in (4, 5))),
        lambda maps: sum((maps[0] > one).astype(np.uint8) for one in thresholds),
        maps=1,
        sink=sink,
        **options,
    )
    assert sink.written == image.shape[1]
    return sink.labels


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 40), min_size=2, max_size=3),
    tile=st.integers(4, 50),
    memory=st.sampled_from([1, 1_000_000_000]),
    scale=st.sampled_from([1.0, 0.37, 0.5, 1.6]),
    seed=st.integers(0, 9),
)
def test_classes_do_not_depend_on_tiles_or_memory(shape, tile, memory, scale, seed):
    image = spots(tuple(shape), seed)
    scales = (scale,) * len(shape)
    whole = classify(image, scales=scales, tile=400)
    np.testing.assert_array_equal(classify(image, scales=scales, tile=tile, memory=memory), whole)


def test_classes_at_scale_one_are_what_the_maps_say():
    image = spots((40, 52), seed=2)
    maps = ToyNetwork()(image[None])[0, 0]
    expected = (maps > 9.0).astype(int) + (maps > 30.0)
    assert len(np.unique(expected)) == 3
    np.testing.assert_array_equal(classify(image, tile=12), expected)


def test_classes_of_an_image_seen_smaller_keep_their_place():
    image = np.zeros((1, 60, 60), np.float32)
    image[0, 10:30, 20:50] = 30
    found = classify(image, (9.0, 210.0), scales=(0.5, 0.5)) == 2
    assert found[13:27, 23:47].all()
    assert not found[:7].any() and not found[33:].any() and not found[:, :17].any()
