"""Spots of a known size in images, tile by tile: what needs no network and no training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._arguments import check_above_zero, check_flags, check_numbers
from cellwright._errors import UsageError
from cellwright._types import AnyArray, BoolArray, DoubleArray, FloatArray, Table
from cellwright._words import by_place
from cellwright.images.checks import check_pixels
from cellwright.images.image import Image, PixelSource
from cellwright.inference.tiles import plan_tiles
from cellwright.methods.points import subpixel
from cellwright.methods.points.spots import (
    THRESHOLD,
    Noise,
    find_spots,
    measure_noise,
    spot_reach,
    spot_widths,
)
from cellwright.models.channels import Channel, channel_warnings, channels_for
from cellwright.models.detections import numbered
from cellwright.models.model import anisotropy
from cellwright.models.sampling import Region, sample_windows

SPOT = "spot"
"""What spots are called."""
SMALLEST, LARGEST = 1.0, 128.0
"""Diameters that a spot can have, in px: less is no pixel, more is an object with an outline."""
_EXPLAINED = 0.5  # share of the noise; in images of sparse spots it is more
_TILES = {2: 2048, 3: 192}  # px; side of a tile when nothing is said, by dimensions


@dataclass(frozen=True, slots=True)
class SpotSettings:
    """Which spots are looked for.

    Parameters
    ----------
    diameter : float
        In px within a plane: about 2.8 standard deviations of a blurred point.
    dark : bool
        Dark spots on brighter ground.
    noise_factor : float
        Least response, in standard deviations of the noise.

    Raises
    ------
    UsageError
        If the diameter is none that a spot can have, or the noise factor is not positive.
    """

    diameter: float
    dark: bool = False
    noise_factor: float = THRESHOLD

    def __post_init__(self) -> None:
        check_numbers(diameter=self.diameter)
        check_flags(dark=self.dark)
        if not SMALLEST <= self.diameter <= LARGEST:
            raise UsageError(
                f"Spots are {SMALLEST:g} to {LARGEST:g} px across, not {self.diameter:g}: give "
                "their diameter in pixels. Outlines of larger objects are for 'cellwright segment'."
            )
        check_above_zero(noise_factor=self.noise_factor)


@dataclass(frozen=True, slots=True)
class FoundSpots:
    """The spots of an image.

    Parameters
    ----------
    table : Table
        One row per spot, in raster order: ``label``; ``class``; ``score``, the response in standard
        deviations of the noise; ``snr``; ``intensity`` above (below) the ground in grey values;
        ``sigma``, the standard deviation of the Gaussian that fits best, in px; ``centroid-0`` …,
        the position in px.
    noise : Noise
        What the threshold was measured from, in grey values.
    warnings : tuple of str
        What the user should know.
    """

    table: Table
    noise: Noise
    warnings: tuple[str, ...] = ()


def detect_spots_in(
    image: Image,
    settings: SpotSettings,
    *,
    channel: Channel | Sequence[Channel] | None = None,
    tile: int | None = None,
) -> FoundSpots:
    """Find the spots of a plane or a volume.

    Parameters
    ----------
    image : Image
        Axes ``"[C]YX"`` or ``"[C]ZYX"``; a lazy one is read region by region. In volumes whose
        pixel size is known, spots are taken for as high as wide in µm.
    settings : SpotSettings
    channel : int or str, optional
        Which channel to use, by index from 0 or by name.
    tile : int, optional
        Side of a tile in px; the result does not depend on it.

    Returns
    -------
    FoundSpots

    Raises
    ------
    AxesError
        If the image is neither a plane nor a volume.
    InputError
        If a pixel is NaN or infinite.
    UsageError
        If a channel must be chosen.
    """
    check_pixels(image)
    dimensions = 3 if "Z" in image.axes else 2
    source = channels_for(image, ("grey",), channel, dimensions)
    size = source.shape[1:]
    widths = spot_widths(_diameters(image, settings.diameter, dimensions), dimensions)
    sign = np.float32(-1 if settings.dark else 1)

    def read(region: tuple[slice, ...]) -> FloatArray:
        pixels = np.asarray(source[(slice(0, 1), *region)])[0]
        return np.ascontiguousarray(sign * pixels.astype(np.float32))

    noise = measure_noise(map(read, sample_windows(size)), widths)
    positions, columns = [], []
    for core, seen in _pieces(size, widths, tile):
        origin = np.array([part.start for part in seen])
        spots = find_spots(read(seen), widths, noise, settings.noise_factor)
        own = _within(spots.peaks + origin, core)
        positions.append(spots.positions[own].astype(np.float64) + origin)
        columns.append(np.stack([spots.scores, spots.heights, spots.sigmas], 1)[own])
    places, facts = np.concatenate(positions), np.concatenate(columns)
    order = np.lexsort(places.T[::-1])
    scores, heights, sigmas = facts[order].T
    table: Table = {
        "label": np.arange(1, len(order) + 1, dtype=np.int32),
        "class": np.full(len(order), SPOT),
        "score": scores,
        "snr": heights / np.float32(noise.pixel or 1),
        "intensity": heights,
        "sigma": sigmas,
        **numbered("centroid", places[order].T),
    }
    warnings = (*channel_warnings(source), *_crowding_warnings(noise, settings))
    return FoundSpots(table, noise, warnings)


def shapes_at(source: PixelSource, positions: DoubleArray, widths: Sequence[float]) -> Table:
    """Fit a Gaussian to the pixels around each of some positions.

    Parameters
    ----------
    source : array or lazy source, shape (C, [Z,] Y, X)
        Read region by region; the mean of the channels is looked at.
    positions : ndarray, shape (N, D), float64
        In px.
    widths : sequence of float
        Expected standard deviation along each axis in px.

    Returns
    -------
    Table
        ``intensity``, the height above the ground in grey values, negative where it is a depth
        below, and ``sigma``, the standard deviation within a plane in px.
    """
    size = source.shape[1:]
    lacking = 3 - len(size)
    wide = np.ones(3, np.float32)
    wide[lacking:] = widths
    nearest = np.clip(np.rint(positions), 0, np.array(size) - 1)
    heights, sigmas = np.zeros(len(positions)), np.zeros(len(positions))
    for core, seen in _pieces(size, widths, None):
        own = np.flatnonzero(_within(nearest, core))
        if not len(own):
            continue
        pixels = np.asarray(source[(slice(None), *seen)]).mean(0, dtype=np.float32)
        places = np.zeros((len(own), 3), np.float32)
        places[:, lacking:] = positions[own] - [part.start for part in seen]
        volume = np.ascontiguousarray(pixels).reshape((1,) * lacking + pixels.shape)
        heights[own], factors = subpixel.shapes(volume, places, wide)
        sigmas[own] = factors * widths[-1]
    return {"intensity": heights, "sigma": sigmas}


def _crowding_warnings(noise: Noise, settings: SpotSettings) -> tuple[str, ...]:
    """Say so when what is measured as noise is mostly something else."""
    if noise.pixel == 0 or noise.share > _EXPLAINED:
        return ()
    factor = f"{max(THRESHOLD * noise.share, 0.1):.1f}"
    if settings.noise_factor <= float(factor):
        return ()  # that is what was done
    lower = by_place(f"--noise-factor {factor}", f"SpotSettings(noise_factor={factor})")
    return (
        f"Crowded: at the size of spots, the image varies {1 / noise.share:.1f} times as much as "
        "the noise of its pixels explains, which hides faint spots. If spots crowd, find those "
        f"above the noise of the pixels with {lower}.",
    )


def _diameters(image: Image, diameter: float, dimensions: int) -> tuple[float, ...]:
    """Return the diameter of a spot along each axis in px."""
    if dimensions == 2:
        return (diameter, diameter)
    return (diameter / (anisotropy(image) or 1.0), diameter, diameter)


def _pieces(
    size: tuple[int, ...], widths: Sequence[float], tile: int | None
) -> Iterator[tuple[Region, Region]]:
    """Yield cores that cover an image, and what decides about the spots in each."""
    sides = (tile or _TILES[len(size)],) * len(size)
    for part in plan_tiles(size, sides, spot_reach(widths), (1,) * len(size)):
        yield part.core, part.read


def _within(pixels: AnyArray, core: Region) -> BoolArray:
    """Return which pixels (N, D) lie in a core."""
    low, high = (np.array([getattr(part, end) for part in core]) for end in ("start", "stop"))
    inside: BoolArray = np.all((pixels >= low) & (pixels < high), axis=1)
    return inside
