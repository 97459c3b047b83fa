"""What the benchmarks share: fields of nuclei, calls in turn, and what machine it was."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._types import AnyArray, LabelArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))  # how the shipped model is trained is said there
MEGAPIXEL = 1024 * 1024

SIZES = {"any": (0.0, math.inf), "small": (0.0, 13.0), "medium": (16.0, 30.0)}
"""Fields by the size of their nuclei: bounds on the median diameter in px."""

_TILE = 256  # px; most of the small fluorescence images of DSB 2018 are so large
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)

Parts = dict[str, float]


@dataclass(frozen=True)
class Field:
    """A square fluorescence image of nuclei and its truth.

    Parameters
    ----------
    image : ndarray, shape (Y, X), uint8
    labels : ndarray, shape (Y, X), int32
    origin : str
        Where it comes from.
    """

    image: AnyArray
    labels: LabelArray
    origin: str

    @property
    def megapixels(self) -> float:
        """Size in units of 1024 × 1024 px."""
        return self.image.size / MEGAPIXEL

    def __str__(self) -> str:
        side, covered = self.image.shape[0], np.count_nonzero(self.labels) / self.labels.size
        areas = np.bincount(self.labels.ravel())[1:]
        across = 2 * math.sqrt(float(np.median(areas[areas > 0])) / math.pi)
        return (
            f"{side} x {side} px, {int(self.labels.max())} objects {across:.0f} px across on "
            f"{covered:.0%} of it, {self.origin}"
        )

    def save(self, path: Path) -> Path:
        """Write it where a worker can load it, and return the path."""
        np.savez(path, image=self.image, labels=self.labels)
        return path


def fluorescence_field(side: int, diameters: tuple[float, float] = (0.0, math.inf)) -> Field:
    """Return a mosaic of real images where the development data are, else of simulated ones.

    Parameters
    ----------
    side : int
        In px.
    diameters : tuple of float
        Bounds on the median diameter of the nuclei in each image, in px.
    """
    tiles = _real_tiles((side // _TILE) ** 2, diameters)
    if tiles:
        return _mosaic(tiles, side, "mosaic of DSB 2018 fluorescence images")
    return simulated_field(side, density=0.2)


def simulated_field(side: int, density: float) -> Field:
    """Return a field of simulated nuclei that cover a share `density` of it."""
    from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

    settings = NucleiSimulation(size=(_TILE, _TILE), diameter=20.0, density=density)
    drawn = [simulate_field(settings, seed) for seed in range(16)]
    return _mosaic(drawn, side, "mosaic of simulated images")


def medians(runs: Sequence[Mapping[str, float]]) -> Parts:
    """Return the median of each named number."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def in_turn(cases: Mapping[str, Callable[[], Parts]], rounds: int) -> tuple[dict[str, Parts], ...]:
    """Call the cases one after the other, again and again: what disturbs one disturbs all.

    Returns
    -------
    first : dict
        Parts of the first call of each case, which compiles and fills caches.
    usual : dict
        Their medians over `rounds` more calls.
    """
    first = {name: case() for name, case in cases.items()}
    runs: dict[str, list[Parts]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            runs[name].append(case())
    return first, {name: medians(parts) for name, parts in runs.items()}


def one_thread_environment() -> dict[str, str]:
    """Return the environment of a process in which every library uses a single thread."""
    return os.environ | dict.fromkeys(_ONE_THREAD, "1") | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def describe_machine(packages: Sequence[str] = ("numpy", "numba", "onnxruntime")) -> str:
    """Return processor, Python and the versions of packages as one line."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} CPUs, {python}, {versions}"


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or sys.platform


def _real_tiles(count: int, diameters: tuple[float, float]) -> list[tuple[AnyArray, LabelArray]]:
    """Return images and labels of DSB 2018, as many as are needed; none where the set is not."""
    from cellwright.datasets.dataset import open_dataset
    from cellwright.datasets.examples import load_example, object_facts

    folder = data_folder() / "dsb2018"
    if not folder.is_dir():
        return []
    tiles = []
    for example in open_dataset(folder).part("train"):
        if example.kind == "fluo_small" and len(tiles) < count:
            pixels, labels = load_example(example)
            diameter = object_facts(labels).diameter or 0.0
            if labels.shape == (_TILE, _TILE) and diameters[0] <= diameter <= diameters[1]:
                tiles.append((_stretched(pixels[0]), labels))
    return tiles


def data_folder() -> Path:
    """Return the folder of development data, whether it is there or not."""
    return Path(os.environ.get("CELLWRIGHT_DATA", ROOT.parent / "shared" / "data"))


def _stretched(image: AnyArray) -> AnyArray:
    """Return an image with the contrast of its neighbours, as if one camera had taken all."""
    low, high = np.percentile(image, [0.1, 99.9])
    scaled = (image - low) * (250 / max(high - low, 1))
    return scaled.clip(0, 255).astype(np.uint8)


def _mosaic(tiles: Sequence[tuple[AnyArray, LabelArray]], side: int, origin: str) -> Field:
    """Lay tiles out as a square, again from the first when they run out."""
    image = np.zeros((side, side), np.uint8)
    labels = np.zeros((side, side), np.int32)
    highest, per_row = 0, -(-side // _TILE)
    for place in range(per_row**2):
        row, column = (_TILE * step for step in divmod(place, per_row))
        part = np.s_[row : row + _TILE, column : column + _TILE]
        tile, truth = tiles[place % len(tiles)]
        rows, columns = image[part].shape
        image[part] = _stretched(tile)[:rows, :columns]
        labels[part] = np.where(truth > 0, truth + highest, 0)[:rows, :columns]
        highest = int(labels.max())
    return Field(image, labels, origin)
