"""Random changes of intensity and colour, as other microscopes, exposures and stains make them."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.ndimage import gaussian_filter1d

from cellwright._types import DoubleArray, FloatArray
from cellwright.datasets.augmentation import Augmentation
from cellwright.datasets.warp import smooth_fields
from cellwright.images.normalise import Normalisation

# Colours of haematoxylin, eosin and DAB as optical densities of red, green and blue
# (Ruifrok & Johnston 2001, Anal. Quant. Cytol. Histol. 23:291).
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_DARKEST = 0.02  # transmitted light below which optical density is only noise
_NEW_NUCLEAR_DYE = 0.3
_COARSEST_GRAIN = 7.0  # px; noise in images that were smoothed and then enlarged
_SHOWN = (1.0, 99.8)  # percentiles of a stain's density that are shown as 0 and about 1


def change_intensity(
    pixels: FloatArray, settings: Augmentation, rng: np.random.Generator, rgb: bool = False
) -> FloatArray:
    """Return `pixels` as another exposure, focus, camera or stain would show them.

    Parameters
    ----------
    pixels : ndarray, shape (C, [Z,] Y, X), float32
        Normalised intensities, most of them between 0 and 1.
    settings : Augmentation
        How strong each change may be.
    rng : numpy.random.Generator
        Source of chance.
    rgb : bool
        Whether the three channels are red, green and blue: then `settings.stain` and
        `settings.recolour` apply.

    Returns
    -------
    ndarray, float32, the shape of `pixels`
    """
    pixels = np.ascontiguousarray(pixels, np.float32)
    if rgb and settings.stain > 0:
        pixels = jitter_stains(pixels, settings.stain, rng)
    if rgb and rng.random() < settings.recolour:
        recolour = (mix_channels, change_dyes, show_haematoxylin)[rng.integers(3)]
        pixels = recolour(pixels, rng)
    pixels = _vary_locally(pixels, settings, rng)
    pixels = _blur(pixels, settings, rng)
    pixels = _respond(pixels, settings, rng)
    pixels = _add_noise(pixels, settings, rng)
    if rng.random() < settings.inversion:
        pixels = 1 - pixels
    if pixels.shape[0] > 1 and rng.random() < settings.channel_drop:
        pixels[rng.integers(pixels.shape[0])] = 0
    return pixels


def jitter_stains(pixels: FloatArray, amount: float, rng: np.random.Generator) -> FloatArray:
    """Scale the density of each stain of a red, green, blue image.

    Parameters
    ----------
    pixels : ndarray, shape (3, [Z,] Y, X), float32
        Transmitted light, 1 where nothing absorbs.
    amount : float
        Standard deviation of the logarithm of each stain's factor.

    Returns
    -------
    ndarray, float32, the shape of `pixels`

    References
    ----------
    Tellez et al. (2018), IEEE Trans. Med. Imaging 37:2126.
    """
    return _dyed(pixels, np.exp(rng.normal(0, amount, 3))[:, None] * _STAINS)


def change_dyes(pixels: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Show a red, green, blue image as if other dyes had been used, more or less of each.

    What eosin colours gets the colour of DAB, of a dye of any hue, or stays; what haematoxylin
    colours stays in most cases.

    Parameters
    ----------
    pixels : ndarray, shape (3, [Z,] Y, X), float32
        Transmitted light, 1 where nothing absorbs.

    Returns
    -------
    ndarray, float32, the shape of `pixels`
    """
    dyes = _STAINS.copy()
    any_hue = rng.dirichlet(np.ones(3))
    any_hue /= np.linalg.norm(any_hue)
    dyes[1] = (dyes[1], dyes[2], dyes[2], any_hue)[rng.integers(4)]
    if rng.random() < _NEW_NUCLEAR_DYE:
        dyes[0] = (dyes[2], any_hue)[rng.integers(2)]
    amounts = np.exp(rng.uniform(np.log([0.7, 0.7, 0.7]), np.log([1.4, 2.5, 1.4])))
    return _dyed(pixels, amounts[:, None] * dyes)


def _dyed(pixels: FloatArray, dyes: DoubleArray) -> FloatArray:
    """Return the image with the amounts of the stains that are in it, in colours `dyes` (3, 3)."""
    changed = dyes.T.astype(np.float32) @ _amounts(pixels)
    light: FloatArray = np.exp(-np.maximum(changed, -0.2)).reshape(pixels.shape)
    return light


def _amounts(pixels: FloatArray) -> FloatArray:
    """Return how much of each stain there is, shape (3, pixels)."""
    density = -np.log(np.maximum(pixels, _DARKEST)).reshape(3, -1)
    return np.linalg.inv(_STAINS).T.astype(np.float32) @ density


def show_haematoxylin(pixels: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Show haematoxylin alone, bright on dark, as it looks once the stains are taken apart.

    Parameters
    ----------
    pixels : ndarray, shape (3, [Z,] Y, X), float32
        Transmitted light, 1 where nothing absorbs.

    Returns
    -------
    ndarray, float32, the shape of `pixels`
        The same in each channel.
    """
    stain = _amounts(pixels)[0].reshape(pixels.shape[1:])
    low, high = np.percentile(stain, _SHOWN)
    shown = (stain - np.float32(low)) / np.float32(max(high - low, 0.05) * rng.uniform(0.8, 1.2))
    return np.repeat(shown[None], 3, axis=0)


def mix_channels(pixels: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Replace each colour channel by a random mean of all, half of the time the same for each.

    What a network learns of one dye then holds for others, and for pictures without colour.

    Parameters
    ----------
    pixels : ndarray, shape (3, [Z,] Y, X), float32

    Returns
    -------
    ndarray, float32, the shape of `pixels`
    """
    shares = rng.dirichlet(np.ones(3), 3).astype(np.float32)
    if rng.random() < 0.5:
        shares[:] = shares[0]
    mixed: FloatArray = (shares @ pixels.reshape(3, -1)).reshape(pixels.shape)
    return mixed


def empty_field(
    shape: tuple[int, ...], normalisation: Normalisation, rng: np.random.Generator
) -> FloatArray:
    """Return what an image without objects looks like after normalisation.

    Parameters
    ----------
    shape : tuple of int
        Shape (C, [Z,] Y, X) of a patch.
    normalisation : Normalisation
        Stretches the noise, as it would that of a whole image.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, shape `shape`, float32
    """
    field = rng.standard_normal(shape, dtype=np.float32)
    grain = _COARSEST_GRAIN * rng.random() ** 2
    if grain > 0.3:
        for axis in (-2, -1):
            field = gaussian_filter1d(field, grain, axis=axis, mode="reflect", truncate=3)
        field /= field.std()
        # Some without any finer noise: so enlarged images are.
        field += max(rng.uniform(-0.25, 0.5), 0) * rng.standard_normal(shape, dtype=np.float32)
    slope = rng.normal(0, 2, 2) * rng.integers(2)
    rows, columns = (np.linspace(-1, 1, size, dtype=np.float32) for size in shape[-2:])
    field += np.float32(slope[0]) * rows[:, None] + np.float32(slope[1]) * columns
    return normalisation.apply(field, normalisation.limits(field))


def _vary_locally(
    pixels: FloatArray, settings: Augmentation, rng: np.random.Generator
) -> FloatArray:
    """Multiply by a factor that changes smoothly within the plane, the same for all channels."""
    if settings.local_gain == 0:
        return pixels
    spread = rng.uniform(0, settings.local_gain)
    spacing = float(np.exp(rng.uniform(*np.log(settings.local_gain_spacing))))
    height, width = pixels.shape[-2:]
    logarithm = smooth_fields(1, (height, width), spacing, spread, rng)[0]
    varied: FloatArray = pixels * np.exp(logarithm)
    return varied


def _blur(pixels: FloatArray, settings: Augmentation, rng: np.random.Generator) -> FloatArray:
    """Blur in the plane with a Gaussian of random width."""
    if rng.random() >= settings.blurred:
        return pixels
    sigma = rng.uniform(0.3, max(0.3, settings.blur))
    for axis in (-2, -1):
        pixels = gaussian_filter1d(pixels, sigma, axis=axis, mode="reflect", truncate=3)
    return pixels


def _respond(pixels: FloatArray, settings: Augmentation, rng: np.random.Generator) -> FloatArray:
    """Apply gain, offset and gamma, with a little of the gain on each channel's own."""
    channels = pixels.shape[0]
    gain = np.exp(rng.normal(0, settings.gain) + rng.normal(0, settings.channel_gain, channels))
    offset = rng.normal(0, settings.offset)
    gamma = np.exp(rng.uniform(*np.log(settings.gamma)))
    if np.all(gain == 1) and offset == 0 and gamma == 1:
        return pixels
    answer = np.empty_like(pixels)
    for source, target, factor in zip(pixels, answer, gain, strict=True):
        _respond_flat(
            source.ravel(),
            target.reshape(-1),
            np.float32(factor),
            np.float32(offset),
            np.float32(gamma),
        )
    return answer


def _add_noise(pixels: FloatArray, settings: Augmentation, rng: np.random.Generator) -> FloatArray:
    """Add camera noise and photon noise, whose variance grows with the signal."""
    camera = rng.uniform(0, settings.noise)
    photons = rng.uniform(0, settings.shot_noise)
    if camera == 0 and photons == 0:
        return pixels
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    spread = np.maximum(pixels, 0)
    spread *= np.float32(photons)
    spread += np.float32(camera**2)
    np.sqrt(spread, out=spread)
    spread *= noise
    spread += pixels
    return spread


@njit(cache=True)
def _respond_flat(
    source: FloatArray, target: FloatArray, gain: float, offset: float, gamma: float
) -> None:
    """Write ``gain * x ** gamma + offset``; what lies below 0 keeps its straight line."""
    for i in range(source.size):
        value = source[i]
        target[i] = gain * (value**gamma if value > 0 else value) + offset
