"""Movies of particles that wander, run and do both by turns, with where they truly are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray, Table
from cellwright.simulation.optics import Optics, record
from cellwright.simulation.spots import place_light, whole_light


@dataclass(frozen=True, slots=True)
class ParticleMotion:
    """How particles move between frames.

    Particles either wander (Brownian motion) or run (a velocity that changes slowly), and may
    change from one to the other.

    Parameters
    ----------
    wander : float
        Standard deviation of the steps of those that wander, in px along each axis.
    speed : float
        Of those that run, in px per frame.
    turn : float
        Standard deviation of the change of their velocity, in px per frame along each axis.
    start, stop : float
        Probability that one that wanders begins to run, and that one that runs stops, per frame.
        With ``start=0`` all wander, with ``stop=0`` all run.
    life : float
        Mean time until a particle disappears, in frames; another one appears elsewhere.
    blink : float
        Probability that a particle is dark in a frame.

    Raises
    ------
    UsageError
        If a number lies outside its range.
    """

    wander: float = 2.0
    speed: float = 0.0
    turn: float = 0.5
    start: float = 0.0
    stop: float = 1.0
    life: float = math.inf
    blink: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.start, self.stop, self.blink)
        lengths = (self.wander, self.speed, self.turn)
        if min(shares) < 0 or max(shares) > 1 or min(lengths) < 0 or self.life <= 0:
            raise UsageError(
                "start, stop and blink are probabilities, wander, speed and turn must not be "
                f"negative, and life is above 0; got {self}."
            )
        if self.start == self.stop == 0:
            raise UsageError("start and stop are both 0: say what particles do, wander or run.")


@dataclass(frozen=True, slots=True)
class ParticleSimulation:
    """What a movie of particles looks like.

    Parameters
    ----------
    size : tuple of int
        (Y, X) or (Z, Y, X) in pixels.
    frames : int
    count : int
        Particles in every frame.
    snr : float
        Height of a particle over the standard deviation of the noise at its centre.
    motion : ParticleMotion
        In 3D the steps between planes are as long as those across them, in px.
    plane_spacing : float
        Distance between planes in lateral px, for the blur.
    optics : Optics
        Its `photons` follow from `snr`.

    Raises
    ------
    UsageError
        If a number lies outside its range.
    """

    size: tuple[int, ...] = (256, 256)
    frames: int = 50
    count: int = 100
    snr: float = 4.0
    motion: ParticleMotion = field(default_factory=ParticleMotion)
    plane_spacing: float = 3.0
    optics: Optics = field(
        default_factory=lambda: Optics(blur=1.4, haze=0.0, shading=0.0, background=10.0)
    )

    def __post_init__(self) -> None:
        if len(self.size) not in (2, 3) or min(self.size) < 1:
            raise UsageError(f"size must be (Y, X) or (Z, Y, X) in pixels, not {self.size}.")
        if self.frames < 1 or self.count < 0 or self.snr <= 0:
            raise UsageError(
                "A movie of particles needs frames ≥ 1, count ≥ 0 and snr > 0; got "
                f"frames={self.frames}, count={self.count}, snr={self.snr}."
            )


def simulate_particles(settings: ParticleSimulation, seed: int) -> tuple[AnyArray, Table]:
    """Simulate a movie of particles.

    Parameters
    ----------
    settings : ParticleSimulation
    seed : int

    Returns
    -------
    frames : ndarray, shape (T, [Z,] Y, X), uint8 or uint16
    truth : dict of ndarray
        As of `simulate_courses`.

    Examples
    --------
    >>> frames, truth = simulate_particles(ParticleSimulation((32, 32), 3, 5), seed=1)
    >>> frames.shape, len(truth["particle"])
    ((3, 32, 32), 15)
    """
    truth = simulate_courses(settings, seed)
    rng = np.random.default_rng([seed, 1])
    optics = replace(settings.optics, photons=_photons(settings.snr, settings.optics))
    dimensions = len(settings.size)
    whole = whole_light(optics, dimensions, settings.plane_spacing)
    places = np.stack([truth[axis] for axis in "zyx"[-dimensions:]], axis=1)
    movie = []
    for frame in range(settings.frames):
        shown = places[(truth["frame"] == frame) & truth["visible"]]
        light = place_light(shown, np.full(len(shown), whole), settings.size)
        movie.append(record(light, optics, settings.plane_spacing, rng))
    return np.stack(movie), truth


def simulate_courses(settings: ParticleSimulation, seed: int) -> Table:
    """Simulate where particles are, without the images.

    Particles that leave the field do not come back; as many others appear, as for those that
    disappear.

    Returns
    -------
    dict of ndarray
        One row per particle and frame, by particle, then frame: ``particle`` (from 1), ``frame``,
        the position ``z`` (in volumes), ``y``, ``x`` in px, ``visible``, false where it is dark,
        and ``running``.
    """
    rng = np.random.default_rng([seed, 0])
    motion, dimensions = settings.motion, len(settings.size)
    high = np.array(settings.size) - 1.0
    name = np.arange(1, settings.count + 1)
    place = rng.uniform(0, high, (settings.count, dimensions))
    running = rng.random(settings.count) < motion.start / (motion.start + motion.stop)
    velocity = _directions(settings.count, dimensions, rng) * motion.speed
    rows: list[tuple[IntArray, IntArray, DoubleArray, BoolArray]] = []
    last = settings.count
    for frame in range(settings.frames):
        rows.append((name.copy(), np.full(len(name), frame), place.copy(), running.copy()))
        place, velocity, running = _moved(place, velocity, running, motion, rng)
        gone = ((place < 0) | (place > high)).any(axis=1)
        gone |= rng.random(len(name)) < 1 / motion.life
        fresh = int(np.count_nonzero(gone))
        name[gone] = last + 1 + np.arange(fresh)
        place[gone] = rng.uniform(0, high, (fresh, dimensions))
        last += fresh
    names, frames, places, runs = (np.concatenate(part) for part in zip(*rows, strict=True))
    order = np.lexsort((frames, names))
    return {
        "particle": names[order],
        "frame": frames[order],
        **dict(zip("zyx"[-dimensions:], places[order].T, strict=True)),
        "visible": rng.random(len(names)) >= motion.blink,
        "running": runs[order],
    }


def _moved(
    place: DoubleArray,
    velocity: DoubleArray,
    running: BoolArray,
    motion: ParticleMotion,
    rng: np.random.Generator,
) -> tuple[DoubleArray, DoubleArray, BoolArray]:
    """Return place, velocity and who runs one frame later."""
    count, dimensions = place.shape
    chance = rng.random(count)
    begins = ~running & (chance < motion.start)
    now = (running & (chance >= motion.stop)) | begins
    turned = velocity + rng.normal(0, motion.turn, place.shape)
    # The speed stays what it is: only the direction wanders.
    turned *= motion.speed / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
    turned[begins] = _directions(int(begins.sum()), dimensions, rng) * motion.speed
    steps = rng.normal(0, motion.wander, place.shape)
    return place + np.where(now[:, None], turned, steps), turned, now


def _directions(count: int, dimensions: int, rng: np.random.Generator) -> DoubleArray:
    """Return unit vectors that point anywhere, shape (count, dimensions)."""
    free = rng.normal(0, 1, (count, dimensions))
    return np.asarray(free / np.linalg.norm(free, axis=1, keepdims=True))


def _photons(snr: float, optics: Optics) -> float:
    """Return the photons at the centre of a spot that rises `snr` deviations above the ground."""
    other = optics.background + optics.read_noise**2
    return (snr**2 + snr * math.sqrt(snr**2 + 4 * other)) / 2
