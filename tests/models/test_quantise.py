import warnings
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("torch")

import onnx

from cellwright import ModelError
from cellwright.images.normalise import Normalisation
from cellwright.models import engines
from cellwright.models.engines import INT8, NETWORK, NETWORK_INT8, open_engine, trainable
from cellwright.models.package import load_package, save_package, verify_package
from cellwright.models.quantise import Watched, quantised, with_int8


@pytest.fixture(scope="module")
def seen():
    """What a network sees: smooth normalised images."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(3)
    noise = gaussian_filter(rng.normal(size=(6, 1, 64, 64)), (0, 0, 3, 3))
    noise = (noise - noise.min()) / np.ptp(noise)
    return [one[np.newaxis].astype(np.float32) for one in noise]


@pytest.fixture(scope="module")
def in_integers(package, seen):
    return with_int8(package, seen)


def maps_of(package, pixels, **options):
    card = replace(package.card.network, **options)
    return open_engine(card, package.files, device="cpu", name="toy")(pixels)


def test_the_maps_are_nearly_those_of_the_floats(package, in_integers, seen):
    exact, near = maps_of(package, seen[0]), maps_of(in_integers, seen[0])
    assert not np.array_equal(exact, near)
    assert np.sqrt(np.mean((exact - near) ** 2)) < 0.1 * exact.std()


def test_weights_fit_into_seven_bits_for_older_processors(in_integers):
    model = onnx.load_from_string(in_integers.files[NETWORK_INT8])
    kernels = [
        onnx.numpy_helper.to_array(one)
        for one in model.graph.initializer
        if one.data_type == onnx.TensorProto.INT8 and len(one.dims) == 4
    ]
    assert kernels and all(np.abs(one.astype(int)).max() <= 64 for one in kernels)
    assert len(in_integers.files[NETWORK_INT8]) < len(in_integers.files[NETWORK])


def test_sums_of_integers_are_the_same_in_any_tile(in_integers, seen):
    network = open_engine(
        in_integers.card.network, in_integers.files, device="cpu", threads=1, name="toy"
    )
    halo, step = network.halo[0], network.stride[0]
    first = -(-halo // step) * step
    wide = np.tile(seen[0], (1, 1, 3, 3))
    whole, part = network(wide), network(np.ascontiguousarray(wide[..., step:, 2 * step :]))
    inside = slice(first, -first)
    assert np.array_equal(
        whole[..., step:, 2 * step :][..., inside, inside], part[..., inside, inside]
    )


def test_the_package_comes_back_and_can_be_trained_further(in_integers, tmp_path):
    save_package(tmp_path / "m.zip", in_integers.card, in_integers.files)
    loaded = load_package(tmp_path / "m.zip")
    assert loaded.card.network.engine == INT8 and trainable(loaded.card.network)
    assert loaded.files == in_integers.files
    assert verify_package(loaded) < 1e-4  # that of the floats


def test_integers_of_another_network_are_found_out(in_integers, seen):
    from cellwright.models.export import export_network
    from cellwright.networks.registry import network_from_dict

    config = in_integers.card.network.config
    other = export_network(network_from_dict(dict(config), seed=9), Normalisation())[NETWORK]
    mixed = replace(in_integers, files={**in_integers.files, NETWORK_INT8: quantised(other, seen)})
    with pytest.raises(ModelError, match=r"misses its stored test output by \d+ % of their"):
        verify_package(mixed)


@pytest.mark.parametrize(("gpu", "file"), [(True, NETWORK), (False, NETWORK_INT8)])
def test_graphics_cards_run_the_floats(in_integers, gpu, file, monkeypatch):
    opened = []
    monkeypatch.setattr(engines, "runs_on_gpu", lambda device: gpu)
    monkeypatch.setattr(
        engines, "_onnx", lambda content, facts, *_: opened.append(content) or facts
    )
    open_engine(in_integers.card.network, in_integers.files, name="toy")
    assert opened == [in_integers.files[file]]


def test_what_cannot_gain_is_refused(package, seen):
    forest = replace(package.card.network, engine="forest")
    with pytest.raises(ModelError, match="no network that was trained here"):
        with_int8(replace(package, card=replace(package.card, network=forest)), seen)
    volumes = replace(package.card.network, stride=(1, 2, 2))
    with pytest.raises(ModelError, match="a model of volumes"):
        with_int8(replace(package, card=replace(package.card, network=volumes)), seen)


def test_a_network_that_saw_nothing_is_refused_without_a_word_of_onnxruntime(package, capfd):
    with warnings.catch_warnings(), pytest.raises(ModelError, match="cannot run in 8-bit"):
        warnings.simplefilter("error")
        with_int8(package, [])
    assert not capfd.readouterr().err


class Counting:
    stride, halo, bytes_per_pixel = (32, 32), (0, 0), 4

    def __call__(self, pixels):
        return pixels[:, :1]


def test_what_is_watched_is_a_fair_draw_of_the_middles_of_tiles():
    watched = Watched(Counting(), seed=1)
    for number in range(2000):
        tile = np.full((1, 3, 320, 64), number, np.float32)
        tile[:, :, :32] = tile[:, :, -32:] = -1
        assert np.array_equal(watched(tile), tile[:, :1])
    numbers = np.array([one.max() for one in watched.seen])
    assert all(one.shape == (1, 3, 256, 64) and one.min() >= 0 for one in watched.seen)
    assert len(numbers) == len(set(numbers)) == 200
    assert numbers.mean() == pytest.approx(1000, abs=150)  # 3.5 standard errors
