"""Lazy sources read exactly the region asked for, whatever it is."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellwright.images import tiff
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.sources import ChunkedSource, RawFile, View, split_index
from cellwright.images.write import write

SHAPE = (3, 7, 11)
PIXELS = np.arange(np.prod(SHAPE), dtype=">u2").reshape(SHAPE)


def indices(size: int) -> st.SearchStrategy[slice | int]:
    bound = st.integers(-size - 2, size + 2) | st.none()
    return st.builds(slice, bound, bound, st.integers(1, 3) | st.none()) | st.integers(0, size - 1)


keys = st.tuples(*(indices(size) for size in SHAPE))


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> RawFile:
    path = tmp_path_factory.mktemp("raw") / "pixels"
    path.write_bytes(b"head" + PIXELS.tobytes())
    return RawFile(path, SHAPE, PIXELS.dtype, offset=4)


@given(key=keys)
def test_raw_file_indexes_like_numpy(raw: RawFile, key: tuple[slice | int, ...]) -> None:
    np.testing.assert_array_equal(raw[key], PIXELS[key])


@given(key=keys)
def test_chunked_source_indexes_like_numpy(key: tuple[slice | int, ...]) -> None:
    source = ChunkedSource(lambda: PIXELS, SHAPE, PIXELS.dtype, (2, 3, 4))
    np.testing.assert_array_equal(source[key], PIXELS[key])


@given(key=keys)
def test_view_indexes_like_a_transposed_array(key: tuple[slice | int, ...]) -> None:
    source = PIXELS.transpose(2, 0, 1)[:, None]
    view = View(source, (2, 3, 0), np.dtype("u2"), Path("view"))
    np.testing.assert_array_equal(view[key], PIXELS[key])
    assert view[key].dtype == np.dtype("u2")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(starts=st.tuples(*(st.integers(0, n - 1) for n in SHAPE)), seed=st.integers(0, 99))
def test_raw_file_writes_only_the_region(
    tmp_path: Path, starts: tuple[int, ...], seed: int
) -> None:
    path = tmp_path / "pixels"
    path.write_bytes(PIXELS.tobytes())
    rng = np.random.default_rng(seed)
    key = tuple(slice(s, rng.integers(s, n + 1)) for s, n in zip(starts, SHAPE, strict=True))
    values = rng.integers(0, 9, PIXELS[key].shape, dtype="u2")
    file, expected = RawFile(path, SHAPE, PIXELS.dtype), PIXELS.copy()
    file[key] = values
    expected[key] = values
    np.testing.assert_array_equal(file[:], expected)


def test_raw_file_goes_on_where_the_system_moves_fewer_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sip(io.FileIO):
        """Moves 5 bytes at a time, as Linux does two gigabytes."""

        def readinto(self, target: memoryview) -> int | None:
            return super().readinto(target[:5])

        def write(self, source: memoryview) -> int | None:
            return super().write(source[:5])

    (tmp_path / "pixels").write_bytes(bytes(PIXELS.nbytes))
    monkeypatch.setattr(Path, "open", lambda path, mode, buffering: Sip(path, mode))
    file = RawFile(tmp_path / "pixels", SHAPE, PIXELS.dtype)
    file[:] = PIXELS
    np.testing.assert_array_equal(file[:], PIXELS)


def test_chunks_are_decoded_once_for_neighbouring_regions() -> None:
    class Counting:
        reads = 0

        def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
            self.reads += 1
            return PIXELS[key]

    array = Counting()
    source = ChunkedSource(lambda: array, SHAPE, PIXELS.dtype, (1, 7, 11))
    for x in range(0, 11, 2):
        source[0, :, x : x + 2]
    assert array.reads == 1


def test_index_outside_is_an_error() -> None:
    with pytest.raises(IndexError, match="outside an axis of size 7"):
        split_index((0, 7), SHAPE)


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_lazy_image_survives_being_sent_to_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    path = tmp_path / "image.tif"
    write(path, Image(PIXELS.astype("u2"), "ZYX"), compression=compression)
    monkeypatch.setattr(tiff, "EAGER_BYTES", 0)
    image = read(path)
    assert isinstance(image.data, View)
    image.region(z=1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)).to_numpy(), PIXELS)
