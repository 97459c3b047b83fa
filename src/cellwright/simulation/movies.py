"""Time-lapse images of nuclei that move, grow and divide, with their exact lineage."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, DoubleArray, LabelArray, Table
from cellwright.simulation.nuclei import NucleiSimulation, populate, render
from cellwright.simulation.optics import record
from cellwright.simulation.shapes import Nucleus, random_nucleus

_CYCLE_VARIATION = 0.15
_TURN = 0.08  # standard deviation of the rotation between frames, in radians
_MITOTIC_GLOW = 1.8  # light of condensed chromatin in the frame before a division


@dataclass(frozen=True, slots=True)
class Motion:
    """How nuclei live between frames.

    Parameters
    ----------
    frames : int
        Length of the movie.
    speed : float
        Root-mean-square step between frames, in px.
    persistence : float
        Correlation of one step with the next, 0 to below 1.
    cycle : float
        Mean time from birth to division, in frames; ``inf`` for nuclei that never divide.

    Raises
    ------
    UsageError
        If a number lies outside its range.
    """

    frames: int = 20
    speed: float = 2.0
    persistence: float = 0.6
    cycle: float = 20.0

    def __post_init__(self) -> None:
        if self.frames < 1 or self.speed < 0 or self.cycle <= 1 or not 0 <= self.persistence < 1:
            raise UsageError(
                "A movie needs frames ≥ 1, speed ≥ 0, cycle > 1 and 0 ≤ persistence < 1; "
                f"got {self}."
            )


@dataclass(frozen=True, slots=True)
class _Living:
    """A nucleus with its place in the lineage; `newborn` is its form right after birth."""

    label: int
    parent: int
    newborn: Nucleus
    centre: DoubleArray
    velocity: DoubleArray
    age: int
    lifetime: float

    def nucleus(self) -> Nucleus:
        """Return its present form: volume doubles over the cycle."""
        dimensions = len(self.centre)
        progress = min(self.age / self.lifetime, 1.0)
        grown = self.newborn.scaled((1 + progress) ** (1 / dimensions))
        glow = _MITOTIC_GLOW if self.age + 1 >= self.lifetime else 1.0
        return replace(grown, centre=self.centre, brightness=grown.brightness * glow)


def simulate_movie(
    settings: NucleiSimulation, motion: Motion, seed: int
) -> tuple[AnyArray, LabelArray, Table]:
    """Simulate a movie of nuclei.

    Others live around the field, and some of them enter it. A nucleus keeps its label until it
    divides or leaves the field; one that has left does not come back.

    Parameters
    ----------
    settings : NucleiSimulation
        In two or three dimensions; `density` is that in and around the field of the first frame.
    motion : Motion
    seed : int

    Returns
    -------
    frames : ndarray, shape (T, [Z,] Y, X), uint8 or uint16
    labels : ndarray, shape (T, [Z,] Y, X), int32
    tracks : dict of ndarray
        Columns ``label``, ``begin``, ``end`` (first and last frame) and ``parent`` (0 for none),
        as in the Cell Tracking Challenge.
    """
    rng = np.random.default_rng(seed)
    around = _in_and_around(settings, motion, rng)
    living = [_settle(n, i, motion, rng) for i, n in enumerate(around, start=1)]
    next_label = len(living) + 1
    parents: dict[int, int] = {}
    frames, truth = [], []
    for _ in range(motion.frames):
        painted, light = render([one.nucleus() for one in living], settings)
        names = np.array([0] + [one.label for one in living], np.int32)
        labels = names[painted]
        visible = set(np.unique(labels).tolist())
        frames.append(record(light, settings.optics, settings.plane_spacing, rng))
        truth.append(labels)
        parents.update({one.label: one.parent for one in living if one.label in visible})
        survivors = [one for one in living if one.label in visible or one.label not in parents]
        living, next_label = _next_frame(survivors, next_label, settings, motion, rng)
    return np.stack(frames), np.stack(truth), _tracks(np.stack(truth), parents)


def merge_touching(
    labels: LabelArray, share: float, longest: int, seed: int
) -> tuple[LabelArray, Table]:
    """Let nuclei that touch be seen as one object for some frames, as segmentations do.

    Only two that were apart in the frame before become one, and only while they touch.

    Parameters
    ----------
    labels : array of int32, shape (T, [Z,] Y, X)
        As `simulate_movie` returns them.
    share : float
        Probability, per frame, that a pair that touches begins to be seen as one.
    longest : int
        Frames that this lasts: 1 up to so many, each equally probable.
    seed : int

    Returns
    -------
    labels : ndarray, shape (T, [Z,] Y, X), int32
        Both nuclei of such a pair have the lower one of their labels.
    hidden : dict of ndarray
        Columns ``frame``, ``label`` (of the object) and ``cell``: the label that it hides.
    """
    rng = np.random.default_rng(seed)
    merged = labels.copy()
    rows: list[tuple[int, int, int]] = []
    lasting: dict[tuple[int, int], int] = {}
    before: set[int] = set()
    for number, plane in enumerate(labels):
        touching = touching_pairs(plane)
        lasting = {pair: left - 1 for pair, left in lasting.items() if left > 1}
        lasting = {pair: left for pair, left in lasting.items() if pair in touching}
        one_of_two = {label for pair in lasting for label in pair}
        apart = before - {cell for frame, _, cell in rows if frame == number - 1}
        apart -= {label for frame, label, _ in rows if frame == number - 1}
        for pair in sorted(touching):
            if rng.random() < share and apart.issuperset(pair) and one_of_two.isdisjoint(pair):
                lasting[pair] = int(rng.integers(1, longest + 1))
                one_of_two.update(pair)
        for low, high in sorted(lasting):
            merged[number][plane == high] = low
            rows.append((number, low, high))
        before = set(np.unique(plane[plane > 0]).tolist())
    frame, label, cell = np.array(rows, np.int64).reshape(-1, 3).T
    return merged, {"frame": frame, "label": label, "cell": cell}


def touching_pairs(plane: LabelArray) -> set[tuple[int, int]]:
    """Return the pairs of labels with neighbouring pixels, the lower label first."""
    pairs = []
    for axis in range(plane.ndim):
        one, other = np.moveaxis(plane, axis, 0)[:-1], np.moveaxis(plane, axis, 0)[1:]
        meet = (one != other) & (one > 0) & (other > 0)
        pairs.append(np.stack([one[meet], other[meet]], axis=1))
    unique = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    return {(low, high) for low, high in unique.tolist()}


def _in_and_around(
    settings: NucleiSimulation, motion: Motion, rng: np.random.Generator
) -> list[Nucleus]:
    """Place nuclei in the field, and around it as far as they come from while the movie lasts."""
    frames = motion.frames * (1 + motion.persistence) / (1 - motion.persistence)
    margin = settings.diameter + motion.speed * np.sqrt(frames / len(settings.size))
    planes = np.ceil(margin / settings.spacing).astype(int)
    wider = tuple(int(n) for n in settings.size + 2 * planes)
    nuclei = populate(replace(settings, size=wider), rng)
    return [replace(one, centre=one.centre - planes * settings.spacing) for one in nuclei]


def _settle(nucleus: Nucleus, label: int, motion: Motion, rng: np.random.Generator) -> _Living:
    """Turn a nucleus of the first frame into one at a random age."""
    lifetime = _lifetime(motion, rng)
    age = int(rng.uniform(0, lifetime - 1)) if np.isfinite(lifetime) else 0
    growth = 1 + (age / lifetime)
    newborn = nucleus.scaled(growth ** (-1 / len(nucleus.centre)))
    step = _random_step(motion, len(nucleus.centre), rng)
    return _Living(label, 0, newborn, nucleus.centre, step, age, lifetime)


def _next_frame(
    living: list[_Living],
    next_label: int,
    settings: NucleiSimulation,
    motion: Motion,
    rng: np.random.Generator,
) -> tuple[list[_Living], int]:
    """Age, divide and move all nuclei by one frame."""
    population: list[_Living] = []
    for one in living:
        if one.age + 1 < one.lifetime:
            population.append(_moved(one, motion, rng))
            continue
        population.extend(_daughters(one, next_label, settings, motion, rng))
        next_label += 2
    return _pushed_apart(population), next_label


def _moved(one: _Living, motion: Motion, rng: np.random.Generator) -> _Living:
    noise = _random_step(motion, len(one.centre), rng)
    fresh = np.sqrt(1 - motion.persistence**2)
    velocity = motion.persistence * one.velocity + fresh * noise
    turned = replace(one.newborn, rotation=one.newborn.rotation @ _small_rotation(one, rng))
    return replace(
        one, newborn=turned, centre=one.centre + velocity, velocity=velocity, age=one.age + 1
    )


def _daughters(
    mother: _Living,
    label: int,
    settings: NucleiSimulation,
    motion: Motion,
    rng: np.random.Generator,
) -> list[_Living]:
    """Return two newborn nuclei side by side along the mother's long axis."""
    form = mother.nucleus()
    axis = form.rotation[int(np.argmax(form.radii))]
    radius = mother.newborn.radius
    pair = []
    for offset, side in enumerate((-1.0, 1.0)):
        centre = mother.centre + side * radius * axis
        newborn = random_nucleus(
            centre,
            radius,
            settings.elongation,
            settings.roughness,
            mother.newborn.brightness,
            rng,
        )
        step = _random_step(motion, len(centre), rng) + side * 0.3 * radius * axis
        pair.append(
            _Living(label + offset, mother.label, newborn, centre, step, 0, _lifetime(motion, rng))
        )
    return pair


def _pushed_apart(living: list[_Living]) -> list[_Living]:
    """Move nuclei that overlap apart along the line between their centres."""
    from scipy.spatial import cKDTree

    if len(living) < 2:
        return living
    centres = np.stack([one.centre for one in living])
    radii = np.array([one.nucleus().radius for one in living])
    for i, j in sorted(cKDTree(centres).query_pairs(2 * radii.max())):
        between = centres[j] - centres[i]
        distance = float(np.linalg.norm(between))
        missing = 0.95 * (radii[i] + radii[j]) - distance
        if missing > 0 and distance > 0:
            push = between / distance * missing / 2
            centres[i] -= push
            centres[j] += push
    return [replace(one, centre=centre) for one, centre in zip(living, centres, strict=True)]


def _tracks(labels: LabelArray, parents: dict[int, int]) -> Table:
    """Return first and last frame of every label, and its parent where that was ever seen."""
    seen: dict[int, list[int]] = {}
    for frame, plane in enumerate(labels):
        for label in np.unique(plane[plane > 0]).tolist():
            seen.setdefault(label, []).append(frame)
    order = sorted(seen)
    return {
        "label": np.array(order, np.int64),
        "begin": np.array([seen[label][0] for label in order], np.int64),
        "end": np.array([seen[label][-1] for label in order], np.int64),
        "parent": np.array(
            [parents[label] if parents[label] in seen else 0 for label in order], np.int64
        ),
    }


def _lifetime(motion: Motion, rng: np.random.Generator) -> float:
    if not np.isfinite(motion.cycle):
        return float("inf")
    return float(max(2.0, motion.cycle * np.exp(rng.normal(0, _CYCLE_VARIATION))))


def _random_step(motion: Motion, dimensions: int, rng: np.random.Generator) -> DoubleArray:
    step: DoubleArray = rng.normal(0, motion.speed / np.sqrt(dimensions), dimensions)
    return step


def _small_rotation(one: _Living, rng: np.random.Generator) -> DoubleArray:
    """Return a rotation by a small random angle in a random plane."""
    dimensions = len(one.centre)
    skew = np.triu(rng.normal(0, _TURN, (dimensions, dimensions)), 1)
    rotation, triangle = np.linalg.qr(np.eye(dimensions) + skew - skew.T)
    turn: DoubleArray = rotation * np.sign(np.diag(triangle))
    return turn
