"""What a training finds by now in the image that is being looked at.

The server writes the pixels into the folder of the round; the training, after each validation,
writes what it finds. Neither waits for the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright._files import atomic_path
from cellwright._types import AnyArray, FloatArray, LabelArray
from cellwright.runs.train.learning import Learning

if TYPE_CHECKING:
    from cellwright.networks.network import Network

LARGEST = 768
"""Side of what is watched, in px: small beside the work between two validations."""
_SHOWN, _FOUND = "watched.npz", "found.npz"


@dataclass(frozen=True, slots=True)
class Found:
    """What a training found.

    Parameters
    ----------
    where : mapping
        As it was given with the pixels.
    step : int
        How many times it has found something.
    labels : ndarray, shape (Y, X), int32
    """

    where: Mapping[str, Any]
    step: int
    labels: LabelArray


def show(folder: Path, pixels: AnyArray, limits: AnyArray, where: Mapping[str, Any]) -> None:
    """Tell a training what to look at.

    Parameters
    ----------
    folder : Path
        That of the round.
    pixels : ndarray, shape (C, Y, X)
        As the lesson has them.
    limits : ndarray, shape (C, 2)
        Of the whole plane, see `Normalisation`.
    where : mapping
        What the pixels are, as JSON.
    """
    _write(folder / _SHOWN, pixels=pixels, limits=limits, where=np.array(json.dumps(where)))


def found(folder: Path) -> Found | None:
    """Return what a training found last, if anything."""
    content = _read(folder / _FOUND)
    if content is None:
        return None
    return Found(json.loads(str(content["where"])), int(content["step"]), content["labels"])


@dataclass(slots=True)
class Watch:
    """Looks at what is shown with the network as it is.

    Parameters
    ----------
    folder : Path
        That of the round.
    """

    folder: Path
    _step: int = 0

    def look(self, network: Network, learning: Learning) -> None:
        """Write what a network finds that learns."""
        shown = _read(self.folder / _SHOWN)
        if shown is None:
            return
        pixels = learning.patches.normalisation.apply(shown["pixels"], shown["limits"])
        readout: Any = learning.recipe.readout
        labels = readout.decode(_maps(network, pixels)).labels
        self._step += 1
        _write(
            self.folder / _FOUND,
            labels=labels.astype(np.int32),
            step=np.array(self._step),
            where=shown["where"],
        )


def _maps(network: Network, pixels: FloatArray) -> FloatArray:
    """Return the maps of a whole image of any size, shape (K, Y, X)."""
    import torch

    height, width = pixels.shape[1:]
    missing = (-size % step for size, step in zip((height, width), network.stride, strict=True))
    padding = [(0, 0), *((0, count) for count in missing)]
    batch = torch.from_numpy(np.pad(pixels, padding, mode="symmetric")[None])
    device = next(network.parameters()).device
    with torch.no_grad():
        maps = network(batch.to(device))[0, :, :height, :width]
    whole: FloatArray = maps.float().cpu().numpy()
    return whole


def _write(path: Path, **arrays: AnyArray) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _read(path: Path) -> dict[str, AnyArray] | None:
    try:
        with np.load(path, allow_pickle=False) as content:
            return dict(content)
    except FileNotFoundError:
        return None
