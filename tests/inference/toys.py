"""A network and a readout small enough to reason about, exact to the last bit."""

from dataclasses import dataclass

import numpy as np

from cellwright.methods.readout import Instances


@dataclass(frozen=True)
class ToyNetwork:
    """Blurs with zero padding, adds the maximum of 4 × 4 blocks: it sees border and phase."""

    stride: int = 4
    halo: int = 5
    bytes_per_pixel: int = 200

    def __call__(self, pixels):
        assert pixels.shape[2] % 4 == pixels.shape[3] % 4 == 0
        blurred = _smooth(_smooth(pixels, 2), 3)
        blocks = pixels.reshape(*pixels.shape[:2], pixels.shape[2] // 4, 4, -1, 4).max((3, 5))
        return blurred + np.float32(0.1) * blocks.repeat(4, 2).repeat(4, 3)


def _smooth(pixels, axis):
    padding = [(0, 0)] * 4
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
        rows, columns = blob.shape
        nearest = np.full(blob.shape, np.inf)
        labels = np.zeros(blob.shape, np.int32)
        for i, (y, x) in enumerate(seeds, 1):
            box = (
                slice(max(0, y - self.reach), y + self.reach + 1),
                slice(max(0, x - self.reach), x + self.reach + 1),
            )
            grid = np.ogrid[:rows, :columns]
            distance = ((grid[0] - y) ** 2 + (grid[1] - x) ** 2)[box]
            wins = (distance < nearest[box]) & (blob[box] > self.threshold)
            labels[box][wins] = i
            nearest[box][wins] = distance[wins]
        evidence = blob[seeds[:, 0], seeds[:, 1]][:, None].astype(np.float32)
        return Instances(labels, seeds, evidence)

    def _seeds(self, blob):
        radius = self.window
        padded = np.pad(blob, radius, constant_values=-np.inf)
        best = blob > self.threshold
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                other = padded[radius + dy :, radius + dx :][: blob.shape[0], : blob.shape[1]]
                if (dy, dx) < (0, 0):
                    best &= blob > other
                else:
                    best &= blob >= other
        return np.argwhere(best)


def identity(pixels, limits):
    return pixels.astype(np.float32)


def spots(shape, seed, density=0.02):
    """Random bright pixels on noise, shape (1, Y, X)."""
    random = np.random.default_rng(seed)
    image = random.random((1, *shape), dtype=np.float32)
    image[0][random.random(shape) < density] += 30
    return image


class RowsOnce:
    """A label sink that insists on full-width rows, once each, from top to bottom."""

    def __init__(self, shape):
        self.labels = np.full(shape, -1, np.int32)
        self.written = 0

    def __setitem__(self, key, value):
        rows, columns = key
        assert (columns.start, columns.stop) == (0, self.labels.shape[1])
        assert rows.start == self.written
        self.labels[key] = value
        self.written = rows.stop
