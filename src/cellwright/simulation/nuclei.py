"""Images of fluorescent nuclei, in two and three dimensions, with exact truth.

For tests, demonstrations and benchmarks: everything is drawn from one seed, and the same seed
gives the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, DoubleArray, FloatArray, LabelArray
from cellwright.simulation.optics import Optics, record
from cellwright.simulation.shapes import Footprint, Nucleus, footprint, random_nucleus

_TRIES_PER_NUCLEUS = 20
_SMALLEST_VISIBLE = 0.1  # of a nucleus; a thinner sliver at the border is drawn anew


@dataclass(frozen=True, slots=True)
class NucleiSimulation:
    """What a simulated sample looks like.

    Parameters
    ----------
    size : tuple of int
        ``(Y, X)`` or ``(Z, Y, X)``, in px.
    diameter : float
        Mean diameter of a nucleus, in px.
    size_variation : float
        Standard deviation of the logarithm of the diameter.
    elongation : float
        0 for circles; 0.3 for half axes that differ by up to a factor of 1.8.
    roughness : float
        Standard deviation of the outline around its ellipse, relative to the radius.
    density : float
        Share of the field that nuclei shall cover, 0 to 0.7. Very dense fields may stay below it.
    clustering : float
        Share of the nuclei that are put beside another one instead of anywhere.
    overlap : float
        Greatest share of a nucleus on which others may press.
    texture : float
        Standard deviation of the chromatin's light within a nucleus.
    brightness_variation : float
        Standard deviation of the logarithm of the light of whole nuclei.
    condensed : float
        Share of small and bright nuclei, as in mitosis.
    plane_spacing : float
        Distance between planes of a volume, in lateral px.
    optics : Optics
        The microscope and its camera.

    Raises
    ------
    UsageError
        If a number lies outside its range.
    """

    size: tuple[int, ...] = (512, 512)
    diameter: float = 28.0
    size_variation: float = 0.18
    elongation: float = 0.25
    roughness: float = 0.05
    density: float = 0.2
    clustering: float = 0.4
    overlap: float = 0.15
    texture: float = 0.15
    brightness_variation: float = 0.3
    condensed: float = 0.04
    plane_spacing: float = 3.0
    optics: Optics = field(default_factory=Optics)

    def __post_init__(self) -> None:
        if len(self.size) not in (2, 3) or min(self.size) < 1:
            raise UsageError(f"size must be (Y, X) or (Z, Y, X) in pixels, not {self.size}.")
        if not 0 <= self.density <= 0.7:
            raise UsageError(f"density must lie between 0 and 0.7, not {self.density}.")
        if self.diameter <= 0 or self.plane_spacing <= 0:
            raise UsageError("diameter and plane_spacing must be positive.")

    @property
    def spacing(self) -> DoubleArray:
        """Distance between pixels along each axis, in lateral px."""
        planes = (self.plane_spacing,) * (len(self.size) - 2)
        return np.array((*planes, 1.0, 1.0))


def simulate_field(settings: NucleiSimulation, seed: int) -> tuple[AnyArray, LabelArray]:
    """Simulate one fluorescence image of nuclei in a plane.

    Parameters
    ----------
    settings : NucleiSimulation
        With a `size` of ``(Y, X)``.
    seed : int

    Returns
    -------
    image : ndarray, shape (Y, X), uint8 or uint16
    labels : ndarray, shape (Y, X), int32
        Every nucleus is one connected object, 1..N.

    Raises
    ------
    UsageError
        If `size` has three axes.

    Examples
    --------
    >>> image, labels = simulate_field(NucleiSimulation(size=(128, 128)), seed=1)
    >>> image.shape, image.dtype.name, int(labels.max()) > 3
    ((128, 128), 'uint16', True)
    """
    _require_axes(settings, 2, "simulate_field", "(Y, X)")
    return _simulate(settings, seed)


def simulate_volume(settings: NucleiSimulation, seed: int) -> tuple[AnyArray, LabelArray]:
    """Simulate one stack of planes through nuclei in space.

    Parameters
    ----------
    settings : NucleiSimulation
        With a `size` of ``(Z, Y, X)``.
    seed : int

    Returns
    -------
    image : ndarray, shape (Z, Y, X), uint8 or uint16
    labels : ndarray, shape (Z, Y, X), int32

    Raises
    ------
    UsageError
        If `size` has two axes.
    """
    _require_axes(settings, 3, "simulate_volume", "(Z, Y, X)")
    return _simulate(settings, seed)


def populate(settings: NucleiSimulation, rng: np.random.Generator) -> list[Nucleus]:
    """Place nuclei until the field is as dense as wanted, or no further one fits.

    Parameters
    ----------
    settings : NucleiSimulation
    rng : Generator

    Returns
    -------
    list of Nucleus
    """
    occupied = np.zeros(settings.size, np.bool_)
    wanted = settings.density * occupied.size
    expected = wanted / _pixels_of(settings.diameter / 2, settings)
    nuclei: list[Nucleus] = []
    covered = 0
    for _ in range(int(np.ceil(expected * _TRIES_PER_NUCLEUS))):
        if covered >= wanted:
            break
        nucleus = _draw(settings, nuclei, rng)
        mark = footprint(nucleus, settings.size, settings.spacing)
        if mark is None or not _fits(mark, nucleus, occupied, settings):
            continue
        fresh = (mark.depth < 1) & ~occupied[mark.window]
        covered += int(np.count_nonzero(fresh))
        occupied[mark.window] |= fresh
        nuclei.append(nucleus)
    return nuclei


def render(nuclei: list[Nucleus], settings: NucleiSimulation) -> tuple[LabelArray, FloatArray]:
    """Paint nuclei: which pixel belongs to which, and how much light it sends.

    Where nuclei press on each other, a pixel belongs to the one in whose depth it lies farther.

    Parameters
    ----------
    nuclei : list of Nucleus
    settings : NucleiSimulation

    Returns
    -------
    labels : ndarray, shape ([Z,] Y, X), int32
        i + 1 for nucleus i; its largest connected part.
    light : ndarray, shape ([Z,] Y, X), float32
        Relative to a typical nucleus.
    """
    labels = np.zeros(settings.size, np.int32)
    light = np.zeros(settings.size, np.float32)
    nearest = np.ones(settings.size, np.float32)
    for label, nucleus in enumerate(nuclei, start=1):
        mark = footprint(nucleus, settings.size, settings.spacing)
        if mark is None:
            continue
        mine = mark.depth < nearest[mark.window]
        nearest[mark.window][mine] = mark.depth[mine]
        labels[mark.window][mine] = label
        # A nucleus is thickest in its middle: a widefield image shows it as a flat dome.
        dome = 0.6 + 0.4 * np.sqrt(1 - mark.depth[mine] ** 2)
        chromatin = 1 + settings.texture * nucleus.chromatin.at(mark.body[mine])
        light[mark.window][mine] = nucleus.brightness * dome * np.maximum(chromatin, 0.05)
    _keep_largest_parts(labels, light)
    return labels, light


def _simulate(settings: NucleiSimulation, seed: int) -> tuple[AnyArray, LabelArray]:
    from skimage.segmentation import relabel_sequential

    rng = np.random.default_rng(seed)
    labels, light = render(populate(settings, rng), settings)
    image = record(light, settings.optics, settings.plane_spacing, rng)
    return image, relabel_sequential(labels)[0].astype(np.int32)


def _draw(settings: NucleiSimulation, others: list[Nucleus], rng: np.random.Generator) -> Nucleus:
    radius = settings.diameter / 2 * np.exp(rng.normal(0, settings.size_variation))
    brightness = np.exp(rng.normal(0, settings.brightness_variation))
    roughness = settings.roughness
    if rng.random() < settings.condensed:
        radius, brightness, roughness = 0.6 * radius, 2.2 * brightness, 2.5 * roughness
    extent = np.array(settings.size) * settings.spacing
    if others and rng.random() < settings.clustering:
        neighbour = others[rng.integers(len(others))]
        direction = rng.normal(size=len(extent))
        direction /= np.linalg.norm(direction)
        centre = neighbour.centre + direction * (neighbour.radius + radius) * rng.uniform(0.85, 1.1)
    else:
        centre = rng.uniform(-radius, extent + radius)
    return random_nucleus(centre, radius, settings.elongation, roughness, brightness, rng)


def _fits(
    mark: Footprint, nucleus: Nucleus, occupied: AnyArray, settings: NucleiSimulation
) -> bool:
    """Return whether enough of a nucleus is in the field and little of it on others."""
    inside = mark.depth < 1
    visible = np.count_nonzero(inside)
    if visible < max(_SMALLEST_VISIBLE * _pixels_of(nucleus.radius, settings), 4):
        return False
    pressed = np.count_nonzero(inside & occupied[mark.window])
    return bool(pressed <= settings.overlap * visible)


def _pixels_of(radius: float, settings: NucleiSimulation) -> float:
    """Return how many pixels a circle or sphere of this radius covers."""
    if len(settings.size) == 2:
        return float(np.pi * radius**2)
    return float(4 / 3 * np.pi * radius**3 / settings.plane_spacing)


def _keep_largest_parts(labels: LabelArray, light: FloatArray) -> None:
    """Clear, in place, what is not connected to the largest part of its object."""
    from scipy.ndimage import find_objects, label

    for index, window in enumerate(find_objects(labels), start=1):
        if window is None:
            continue
        mask = labels[window] == index
        parts, count = label(mask)
        if count > 1:
            largest = np.argmax(np.bincount(parts[mask]))
            stray = mask & (parts != largest)
            labels[window][stray] = 0
            light[window][stray] = 0


def _require_axes(settings: NucleiSimulation, count: int, function: str, form: str) -> None:
    if len(settings.size) != count:
        raise UsageError(f"{function} needs a size of {form}, not {settings.size}.")
