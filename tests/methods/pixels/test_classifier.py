"""Pixel classes from scribbles."""

import numpy as np
import pytest

from cellwright._errors import InputError, ModelError, UsageError
from cellwright.images.read import read
from cellwright.methods.pixels import classifier
from cellwright.methods.pixels.classifier import (
    fit_pixel_classifier,
    fit_samples,
    samples_of,
)
from cellwright.methods.pixels.features import FilterBank
from cellwright.methods.pixels.storage import from_arrays, from_bytes, to_arrays, to_bytes
from cellwright.metrics.semantic import confusion_matrix, dice

SMALL = FilterBank((1.0, 2.0))


def textures(rng, shape):
    """Return two channels, one empty, in which one half is rough and the other smooth."""
    truth = np.zeros(shape, np.int64)
    truth[..., shape[-1] // 2 :] = 1
    rough = rng.normal(size=shape) * np.where(truth, 1.0, 0.2)
    return np.stack([rough, np.zeros(shape)]).astype(np.float32), truth


def lines(truth, every):
    """Annotate every n-th row only."""
    scribbles = np.full(truth.shape, -1)
    scribbles[..., ::every, :] = truth[..., ::every, :]
    return scribbles


@pytest.mark.parametrize("shape", [(64, 80), (12, 32, 40)])
def test_tells_textures_of_the_same_brightness_apart(shape, rng):
    pixels, truth = textures(rng, shape)
    learned = fit_pixel_classifier([pixels], [lines(truth, 8)], SMALL)
    unseen, truth = textures(rng, shape)
    probabilities = learned.probabilities(unseen)
    assert probabilities.shape == (2, *shape)
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)
    assert (probabilities.argmax(0) == truth).mean() > 0.9
    assert sum(v for name, v in learned.importance.items() if "channel 1" in name) == 0


def test_the_result_does_not_depend_on_blocks(rng, monkeypatch):
    pixels, truth = textures(rng, (90, 101))
    scribbles = lines(truth, 8)
    whole = fit_pixel_classifier([pixels], [scribbles], SMALL)
    expected = whole.probabilities(pixels)
    monkeypatch.setitem(classifier._BLOCKS, 2, (40, 33))
    np.testing.assert_array_equal(whole.probabilities(pixels), expected)
    again = samples_of(pixels, scribbles, SMALL)
    assert len(again.classes) == (scribbles >= 0).sum()
    order = np.lexsort(again.values.T)
    monkeypatch.undo()
    first = samples_of(pixels, scribbles, SMALL)
    np.testing.assert_array_equal(again.values[order], first.values[np.lexsort(first.values.T)])


def test_kept_samples_and_one_more_scribble_are_as_good_as_all_at_once(rng):
    pictures = [textures(rng, (40, 50)) for _ in range(2)]
    pixels, scribbles = zip(*((p, lines(t, 10)) for p, t in pictures), strict=True)
    kept = [samples_of(*pair, SMALL) for pair in zip(pixels, scribbles, strict=True)]
    step = fit_samples(kept, SMALL, 2, 2, seed=3)
    once = fit_pixel_classifier(pixels, scribbles, SMALL, seed=3)
    np.testing.assert_array_equal(step.forest.nodes, once.forest.nodes)


def test_there_and_back_as_bytes(rng):
    pixels, truth = textures(rng, (40, 50))
    learned = fit_pixel_classifier([pixels], [lines(truth, 10)], FilterBank((1.0,), 2.5), trees=3)
    back = from_bytes(to_bytes(learned))
    assert (back.bank, back.channels, back.dimensions) == (learned.bank, 2, 2)
    np.testing.assert_array_equal(back.probabilities(pixels), learned.probabilities(pixels))
    for content in (b"", b"not a forest", to_bytes(learned)[:-9]):
        with pytest.raises(ModelError, match="damaged"):
            from_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("scales", lambda array: array[::-1]),
        ("form", lambda array: array + 1),
        ("form", lambda array: array[:1]),
        ("bins.table", lambda array: array[1:]),
        ("bins.table", lambda array: array[:, :0]),
        ("bins.low", lambda array: array.astype(np.float64)),
        ("forest.nodes", lambda array: array + np.uint64(1 << 40)),
        ("forest.roots", lambda array: array + np.uint64(10_000)),
        ("forest.shares", lambda array: array[:-1]),
        ("forest.shares", lambda array: array[:, 0]),
        ("scales", lambda array: array * 1e6),
    ],
)
def test_arrays_that_were_tampered_with_are_refused(name, damage, rng):
    pixels, truth = textures(rng, (40, 50))
    arrays = to_arrays(fit_pixel_classifier([pixels], [lines(truth, 10)], SMALL, trees=2))
    from_arrays(arrays)
    with pytest.raises(ModelError):
        from_arrays(arrays | {name: damage(arrays[name])})
    del arrays[name]
    with pytest.raises(ModelError):
        from_arrays(arrays)


def test_what_does_not_fit_is_refused(rng):
    pixels, truth = textures(rng, (40, 50))
    scribbles = lines(truth, 10)
    learned = fit_pixel_classifier([pixels], [scribbles], SMALL, trees=1)
    with pytest.raises(InputError, match="2 channels"):
        learned.probabilities(pixels[:1])
    with pytest.raises(InputError, match="annotated"):
        fit_pixel_classifier([pixels], [np.full_like(scribbles, -1)], SMALL)
    with pytest.raises(InputError, match="do not fit"):
        fit_pixel_classifier([pixels], [scribbles[:, 1:]], SMALL)
    samples = [samples_of(pixels, np.where(scribbles == 1, 7, scribbles), SMALL)]
    with pytest.raises(InputError, match="class 7, but the classes end with 1"):
        fit_samples(samples, SMALL, 2, 2, classes=2)
    with pytest.raises(UsageError, match="one each"):
        fit_pixel_classifier([pixels], [], SMALL)
    with pytest.raises(UsageError, match="trees"):
        fit_pixel_classifier([pixels], [scribbles], SMALL, trees=0)


@pytest.mark.data
def test_membranes_of_another_slice_from_one_percent_of_one(data_folder):
    def slice_of(number):
        raw, membranes = (
            read(sorted((data_folder / "em_sstem" / part).iterdir())[number]).to_numpy()
            for part in ("raw", "membranes")
        )
        return raw[None], (membranes > 0).astype(np.int64)

    pixels, truth = slice_of(0)
    scribbles = lines(truth, 100)
    learned = fit_pixel_classifier([pixels], [scribbles])
    pixels, truth = slice_of(12)
    part = np.s_[256:768, 256:768]
    found = learned.probabilities(pixels[(slice(None), *part)]).argmax(0)
    assert dice(confusion_matrix(truth[part], found, 2))[1] > 0.72
