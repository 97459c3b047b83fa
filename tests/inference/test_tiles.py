import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright._errors import UsageError
from cellwright.inference.tiles import plan_tiles

planes = {
    "shape": st.tuples(st.integers(1, 300), st.integers(1, 300)),
    "tile": st.tuples(st.integers(16, 400), st.integers(16, 400)),
    "halo": st.integers(0, 50),
    "stride": st.sampled_from([1, 4, 16]),
}


@given(**planes)
def test_every_pixel_is_in_one_core_and_seen_with_its_whole_halo(shape, tile, halo, stride):
    times = np.zeros(shape, int)
    for piece in plan_tiles(shape, tile, halo, stride):
        times[piece.core] += 1
        for core, read, crop, size in zip(piece.core, piece.read, piece.crop, shape, strict=True):
            padded = -(-size // stride) * stride
            assert read.start <= max(0, core.start - halo)
            assert read.stop >= min(padded, core.stop + halo)
            assert read.start >= 0 and read.stop <= padded
            assert read.start % stride == read.stop % stride == 0
            assert (read.start + crop.start, read.start + crop.stop) == (core.start, core.stop)
    assert (times == 1).all()


@given(**planes)
def test_cores_are_no_larger_than_asked_and_about_equal(shape, tile, halo, stride):
    for axis in (0, 1):
        cores = {p.core[axis].start: p.core[axis] for p in plan_tiles(shape, tile, halo, stride)}
        sizes = [core.stop - core.start for core in cores.values()]
        assert max(sizes) <= tile[axis]
        assert len(set(sizes[:-1])) <= 1


def test_a_plane_that_fits_is_one_tile():
    (only,) = plan_tiles((100, 90), (128, 128), halo=30, stride=16)
    assert only.core == (slice(0, 100), slice(0, 90))
    assert only.read == (slice(0, 112), slice(0, 96))


def test_a_tile_smaller_than_the_stride_is_refused():
    with pytest.raises(UsageError, match="8 × 64 pixels is too small"):
        plan_tiles((100, 100), (8, 64), halo=0, stride=16)
