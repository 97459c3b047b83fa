"""The filter bank."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cellwright._errors import InputError, UsageError
from cellwright.images.filters import gaussian, gaussian_radius
from cellwright.methods.pixels.features import FilterBank

SHAPES = {2: (60, 71), 3: (14, 30, 31)}


def by_name(bank, pixels):
    dimensions = pixels.ndim - 1
    return dict(zip(bank.names(len(pixels), dimensions), bank.apply(pixels), strict=True))


def reference(channel, finer, scale):
    """Everything from padded copies and a general eigenvalue solver."""
    radius = gaussian_radius(scale)
    smooth = gaussian_filter(channel.astype(float), scale, mode="reflect", radius=radius)
    padded = np.pad(smooth, 1, mode="edge")

    def shifted(offset):
        return padded[
            tuple(slice(1 + o, 1 + o + n) for o, n in zip(offset, smooth.shape, strict=True))
        ]

    axes = np.eye(smooth.ndim, dtype=int)
    slopes = np.stack([(shifted(a) - shifted(-a)) / 2 for a in axes])
    hessian = np.empty((*smooth.shape, smooth.ndim, smooth.ndim))
    for i, a in enumerate(axes):
        for j, b in enumerate(axes):
            if i == j:
                hessian[..., i, i] = shifted(a) - 2 * smooth + shifted(-a)
            else:
                corners = shifted(a + b) + shifted(-a - b) - shifted(a - b) - shifted(b - a)
                hessian[..., i, j] = corners / 4
    window = scale / 2
    tensor = np.empty_like(hessian)
    for i in range(smooth.ndim):
        for j in range(smooth.ndim):
            tensor[..., i, j] = gaussian_filter(
                slopes[i] * slopes[j], window, mode="reflect", radius=gaussian_radius(window)
            )
    yield "smooth", smooth
    yield "difference", finer - smooth
    yield "gradient", np.sqrt((slopes**2).sum(0))
    yield "laplacian", np.trace(hessian, axis1=-2, axis2=-1)
    for name, matrix in (("hessian", hessian), ("structure", tensor)):
        for i in range(smooth.ndim):
            yield f"{name} {i + 1}", np.linalg.eigvalsh(matrix)[..., -1 - i]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_equals_the_slow_reference(dimensions, rng):
    pixels = rng.random((2, *SHAPES[dimensions]), np.float32)
    found = by_name(FilterBank((1.0, 2.5)), pixels)
    for channel in (0, 1):
        finer = pixels[channel]
        for scale in (1.0, 2.5):
            for kind, expected in reference(pixels[channel], finer, scale):
                name = f"channel {channel}, {scale:g} px, {kind}"
                np.testing.assert_allclose(found.pop(name), expected, atol=3e-6, err_msg=name)
            finer = gaussian(pixels[channel], scale)
    assert not found


def test_the_structure_tensor_can_be_left_out(rng):
    pixels = rng.random((2, 20, 21), np.float32)
    whole, less = (by_name(FilterBank((1.0, 2.0), structure=s), pixels) for s in (True, False))
    assert list(less) == [name for name in whole if "structure" not in name]
    for name, values in less.items():
        np.testing.assert_array_equal(values, whole[name])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_part_with_its_surroundings_gives_the_same_bits(dimensions, rng):
    bank = FilterBank((0.7, 1.5), anisotropy=2.0)
    radius = bank.radius(dimensions)
    pixels = rng.random((1, *(3 * r + 12 for r in radius)), np.float32)
    core = tuple(slice(r + 3, r + 8) for r in radius)
    part = tuple(slice(side.start - r, side.stop + r) for side, r in zip(core, radius, strict=True))
    inner = tuple(slice(r, -r) for r in radius)
    np.testing.assert_array_equal(
        bank.apply(pixels[(slice(None), *part)])[(slice(None), *inner)],
        bank.apply(pixels)[(slice(None), *core)],
    )


def test_turning_the_image_turns_the_features(rng):
    pixels = rng.random((1, 40, 50), np.float32)
    bank = FilterBank((1.0, 3.0))
    turned = bank.apply(np.rot90(pixels, axes=(1, 2)))
    np.testing.assert_allclose(turned, np.rot90(bank.apply(pixels), axes=(1, 2)), atol=1e-5)


def test_a_bright_line_is_a_ridge_and_an_edge_on_each_side():
    pixels = np.zeros((1, 31, 31), np.float32)
    pixels[0, :, 15] = 1
    found = by_name(FilterBank((1.5,)), pixels)
    across, along = (found[f"channel 0, 1.5 px, hessian {i}"][15, 15] for i in (2, 1))
    assert across < -0.05 and abs(along) < 1e-6
    edges = found["channel 0, 1.5 px, gradient"][15]
    assert edges[15] == 0 and edges.argmax() in (13, 14)


def test_coarse_planes_look_like_the_fine_ones_they_were_taken_from():
    z, y, x = np.indices((61, 40, 40))
    blob = np.exp(-((z - 30) ** 2 + (y - 20) ** 2 + (x - 20) ** 2) / 72).astype(np.float32)
    fine = FilterBank((4.0,)).apply(blob[None])[:, 30, 20, 20]
    coarse = FilterBank((4.0,), anisotropy=3.0).apply(blob[None, ::3])[:, 10, 20, 20]
    np.testing.assert_allclose(coarse, fine, rtol=0.05, atol=2e-3)


def test_eigenvalues_of_equal_and_tiny_values_are_finite():
    for value in (0, 1e-30, 1e30):
        assert np.isfinite(FilterBank((1.0,)).apply(np.full((1, 3, 4, 5), value, "f4"))).all()


@pytest.mark.parametrize("scales", [(), (2, 1), (0, 1), (1, np.inf)])
def test_scales_must_rise(scales):
    with pytest.raises(UsageError, match="not rising"):
        FilterBank(scales)


def test_what_is_no_image_is_refused():
    with pytest.raises(InputError, match="channels"):
        FilterBank().apply(np.zeros((5, 5)))
    with pytest.raises(InputError, match="NaN"):
        FilterBank().apply(np.full((1, 5, 5), np.nan))
