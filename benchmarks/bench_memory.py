"""Peak memory and CPU time of segmenting a plane far larger than memory.

    python benchmarks/bench_memory.py [--side 20000] [--model nuclei] [--tile PIXELS]

The plane is made up region by region, so that nothing but the program itself takes memory. The
model's network runs on every tile for its cost; the maps that are decoded come from the made-up
nuclei themselves, so that the objects are as many and as large whatever the model. The last line
says whether the peak stayed below 2 GB. Linux and macOS only: Windows does not tell the peak.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time

import numpy as np

from cellwright._types import AnyArray, DoubleArray, FloatArray
from cellwright.images.sink import open_label_sink
from cellwright.inference.apply import find_instances
from cellwright.inference.runtime import MapNetwork
from cellwright.inference.view import View
from cellwright.methods.offsets.readout import OffsetsReadout
from cellwright.models.engines import open_engine
from cellwright.models.find import find_model
from cellwright.models.package import load_package

LIMIT = 2e9
SIGMA = 9.0  # px; nuclei are about 26 px across
SPACING = 40  # px between nuclei, on average
PATTERN = 1000  # px after which the plane repeats
FULL = 60_000  # intensity at the centre of a nucleus


class Plane:
    """A lazy source of shape (C, side, side), uint16: Gaussian nuclei that repeat."""

    def __init__(self, side: int, channels: int) -> None:
        self.shape = (channels, side, side)
        self.dtype = np.dtype(np.uint16)
        random = np.random.default_rng(0)
        grid = np.stack(np.mgrid[0:PATTERN:SPACING, 0:PATTERN:SPACING], -1).reshape(-1, 2)
        squared = np.full((PATTERN, PATTERN), np.inf)
        reach = np.arange(-SPACING, SPACING + 1)
        for y, x in grid + random.integers(0, SPACING // 4, grid.shape):
            around = np.ix_((y + reach) % PATTERN, (x + reach) % PATTERN)
            squared[around] = np.minimum(squared[around], reach[:, None] ** 2 + reach**2)
        self._pattern = (FULL * np.exp(-squared / (2 * SIGMA**2))).astype(np.uint16)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> AnyArray:
        _, rows, columns = key
        y, x = (np.arange(part.start, part.stop) % PATTERN for part in (rows, columns))
        return np.broadcast_to(self._pattern[np.ix_(y, x)], (self.shape[0], len(y), len(x)))


class CostOfNetwork:
    """Runs a network for its cost and returns the maps of the made-up nuclei."""

    def __init__(self, network: MapNetwork, unit: float) -> None:
        self.stride, self.halo = network.stride, network.halo
        self.bytes_per_pixel = network.bytes_per_pixel
        self.seconds = 0.0
        self._network = network
        self._unit = unit

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return maps (1, 3, Y, X) of pixels (1, C, Y, X)."""
        start = time.process_time()
        maps = self._network(pixels)
        self.seconds += time.process_time() - start
        bright = np.maximum(pixels[0, 0], 1 / FULL)
        maps[0, 0] = 10 * (bright - 0.35)
        # The logarithm of a Gaussian falls off so that its slope points to the centre.
        maps[0, 1:3] = np.gradient(np.log(bright))
        maps[0, 1:3] *= SIGMA**2 / self._unit
        return maps


def to_unit(pixels: AnyArray, limits: DoubleArray) -> FloatArray:
    scaled = pixels.astype(np.float32)
    scaled /= np.float32(limits[0, 1])
    return scaled


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--tile", type=int)
    options = parser.parse_args()

    package = load_package(find_model(options.model))
    readout = OffsetsReadout()
    engine = open_engine(package.card.network, package.files, device="cpu", name=package.card.name)
    network = CostOfNetwork(engine, readout.unit)
    plane = Plane(options.side, len(package.card.input.channels))
    with (
        tempfile.TemporaryDirectory() as folder,
        open_label_sink(plane.shape[1:], folder) as sink,
    ):
        start, wall = time.process_time(), time.perf_counter()
        table = find_instances(
            View.at_scales(plane, None, to_unit, np.array([[0.0, FULL]])),
            network,
            readout,
            sink=sink,
            tile=options.tile,
        )
        used, wall = time.process_time() - start, time.perf_counter() - wall
    megapixels = options.side**2 / 1e6
    print(f"plane            {options.side} × {options.side} px, {len(table['label'])} objects")
    print(f"CPU              {used / megapixels:.3f} s/Mpx, {wall:.0f} s in all")
    print(f"  of it network  {network.seconds / megapixels:.3f} s/Mpx, halo included")
    print(f"peak memory      {peak_bytes() / 1e9:.2f} GB, limit {LIMIT / 1e9:.0f} GB")
    return 0 if peak_bytes() < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
