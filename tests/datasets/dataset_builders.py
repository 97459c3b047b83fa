"""Small datasets on disk, and pictures with known objects."""

from pathlib import Path

import numpy as np
import tifffile

from cellwright._types import AnyArray, LabelArray


def discs(shape: tuple[int, int] = (96, 96), radius: int = 9, step: int = 24) -> LabelArray:
    """Discs on a grid, numbered from 1."""
    labels = np.zeros(shape, np.int32)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    number = 0
    for y in range(step // 2, shape[0], step):
        for x in range(step // 2, shape[1], step):
            number += 1
            labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = number
    return labels


def save(path: Path, pixels: AnyArray, axes: str | None = None) -> Path:
    """Write a TIFF and the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = axes or "ZYX"[-pixels.ndim :]
    tifffile.imwrite(path, pixels, metadata={"axes": axes}, photometric="minisblack")
    return path


def save_pair(image: Path, labels: Path, seed: int = 0) -> None:
    """Write a noisy picture of discs and its labels."""
    truth = discs()
    noise = np.random.default_rng(seed).integers(0, 60, truth.shape)
    save(image, ((truth > 0) * 150 + noise).astype(np.uint8))
    save(labels, truth.astype(np.uint16))


def paired_folder(root: Path, count: int = 4) -> Path:
    """Write ``images/`` and ``labels/`` with `count` pairs."""
    for i in range(count):
        save_pair(root / "images" / f"a{i}.tif", root / "labels" / f"a{i}.tif", seed=i)
    return root
