import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright._errors import UsageError
from cellwright.inference.tiles import plan_tiles


@st.composite
def plans(draw):
    """Size, tile, halo and stride of a plane or a volume."""
    axes = draw(st.integers(2, 3))
    one = (
        st.integers(1, 300 if axes == 2 else 60),
        st.integers(16, 400),
        st.integers(0, 50),
        st.sampled_from([1, 4, 16]),
    )
    return tuple(draw(st.tuples(*[values] * axes)) for values in one)


@given(plan=plans())
def test_every_pixel_is_in_one_core_and_seen_with_its_whole_halo(plan):
    shape, tile, halo, stride = plan
    times = np.zeros(shape, int)
    for piece in plan_tiles(shape, tile, halo, stride):
        times[piece.core] += 1
        slices = (piece.core, piece.read, piece.crop)
        for core, read, crop, size, reach, step in zip(*slices, shape, halo, stride, strict=True):
            padded = -(-size // step) * step
            assert read.start <= max(0, core.start - reach)
            assert read.stop >= min(padded, core.stop + reach)
            assert read.start >= 0 and read.stop <= padded
            assert read.start % step == read.stop % step == 0
            assert (read.start + crop.start, read.start + crop.stop) == (core.start, core.stop)
    assert (times == 1).all()


@given(plan=plans())
def test_cores_are_no_larger_than_asked_and_about_equal(plan):
    shape, tile, halo, stride = plan
    for axis in range(len(shape)):
        cores = {p.core[axis].start: p.core[axis] for p in plan_tiles(shape, tile, halo, stride)}
        sizes = [core.stop - core.start for core in cores.values()]
        assert max(sizes) <= tile[axis]
        assert len(set(sizes[:-1])) <= 1


def test_a_plane_that_fits_is_one_tile():
    (only,) = plan_tiles((100, 90), (128, 128), halo=(30, 30), stride=(16, 16))
    assert only.core == (slice(0, 100), slice(0, 90))
    assert only.read == (slice(0, 112), slice(0, 96))


def test_a_tile_smaller_than_the_stride_is_refused():
    with pytest.raises(UsageError, match="8 × 64 pixels is too small"):
        plan_tiles((100, 100), (8, 64), halo=(0, 0), stride=(16, 16))
