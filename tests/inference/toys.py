"""A network and a readout small enough to reason about, exact to the last bit."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from cellwright.methods.readout import Instances


@dataclass(frozen=True)
class ToyNetwork:
    """Blurs with zero padding, adds the maximum of blocks of 4 px: it sees border and phase."""

    stride: tuple[int, ...] = (4, 4)
    halo: tuple[int, ...] = (5, 5)
    bytes_per_pixel: int = 200

    def __call__(self, pixels):
        assert all(size % 4 == 0 for size in pixels.shape[2:])
        maps = pixels
        blocks = pixels
        for axis in range(2, pixels.ndim):
            maps = _smooth(maps, axis)
            shape = (*blocks.shape[:axis], -1, 4, *blocks.shape[axis + 1 :])
            blocks = blocks.reshape(shape).max(axis + 1).repeat(4, axis)
        return maps + np.float32(0.1) * blocks


def _smooth(pixels, axis):
    padding = [(0, 0)] * pixels.ndim
    padding[axis] = (5, 5)
    padded = np.pad(pixels, padding)
    size = pixels.shape[axis]
    total = np.zeros_like(pixels)
    for shift in range(11):
        weight = np.float32(np.exp(-((shift - 5) ** 2) / 4.5))
        total += weight * np.take(padded, range(shift, shift + size), axis=axis)
    return total


@dataclass(frozen=True)
class ToyReadout:
    """Seeds are maxima of a window; pixels above a threshold join the nearest seed in reach."""

    threshold: float = 8.0
    window: int = 3
    reach: int = 6
    margin: int = 15  # pixel to seed, seed to rival pixel's seed, seed to its window
    outputs: tuple[str, ...] = ("blob",)
    evidence_names: tuple[str, ...] = ("peak",)

    def decode(self, maps):
        (blob,) = maps
        seeds = self._seeds(blob)
        nearest = np.full(blob.shape, np.inf)
        labels = np.zeros(blob.shape, np.int32)
        for i, seed in enumerate(seeds, 1):
            box = tuple(slice(max(0, at - self.reach), at + self.reach + 1) for at in seed)
            grid = np.ogrid[tuple(map(slice, blob.shape))]
            squares = sum((one - at) ** 2 for one, at in zip(grid, seed, strict=True))
            wins = (squares[box] < nearest[box]) & (blob[box] > self.threshold)
            labels[box][wins] = i
            nearest[box][wins] = squares[box][wins]
        evidence = blob[tuple(seeds.T)][:, None].astype(np.float32)
        return Instances(labels, seeds, evidence)

    def _seeds(self, blob):
        radius = self.window
        padded = np.pad(blob, radius, constant_values=-np.inf)
        best = blob > self.threshold
        here = (0,) * blob.ndim
        for step in product(range(-radius, radius + 1), repeat=blob.ndim):
            window = tuple(
                slice(radius + one, radius + one + size)
                for one, size in zip(step, blob.shape, strict=True)
            )
            other = padded[window]
            best &= blob > other if step < here else blob >= other
        return np.argwhere(best)


def identity(pixels, limits):
    return pixels.astype(np.float32)


def spots(shape, seed, density=0.02):
    """Random bright pixels on noise, shape (1, [Z,] Y, X)."""
    random = np.random.default_rng(seed)
    image = random.random((1, *shape), dtype=np.float32)
    image[0][random.random(shape) < density] += 30
    return image


class RowsOnce:
    """A label sink that insists on full-width rows, once each, from top to bottom."""

    def __init__(self, shape, dtype=np.int32):
        self.labels = np.full(shape, 77, dtype)
        self.written = 0

    def __setitem__(self, key, value):
        rows, *others = key
        assert [(part.start, part.stop) for part in others] == [
            (0, size) for size in self.labels.shape[1:]
        ]
        assert rows.start == self.written
        self.labels[key] = value
        self.written = rows.stop
