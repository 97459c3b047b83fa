"""What a training will see of a dataset, in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright._types import AnyArray
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.examples import load_pixels
from cellwright.datasets.loader import balanced_weights, batches
from cellwright.datasets.records import Dataset
from cellwright.datasets.sampler import Patches
from cellwright.images.image import Image
from cellwright.images.normalise import Normalisation
from cellwright.images.write import write
from cellwright.reports.drawing import SURE, UNSURE, as_rgb, borders
from cellwright.runs.train.marks import as_labels

_GAP = 4  # px between patches
_PLANES = 16  # most planes of a patch of a volume, of which the middle one is shown


def write_contact_sheet(
    dataset: Dataset,
    path: Path,
    *,
    patches: int,
    size: int,
    strength: str,
    seed: int = 0,
    overwrite: bool = False,
) -> None:
    """Write a picture of patches as training would see them, objects outlined or framed.

    Parameters
    ----------
    dataset : Dataset
    path : Path
        The picture.
    patches : int
        How many there are on it.
    size : int
        Side of a patch, in px.
    strength : str
        Of the augmentation.
    seed : int
        Of what is drawn at random.
    overwrite : bool
        Replace a picture that is there.

    Raises
    ------
    DatasetError
        If an example cannot be used.
    OutputError
        If the picture is there already.
    """
    depth = load_pixels(dataset.examples[0])[0].shape[1:-2]
    like = Patches(
        shape=(*(min(_PLANES, planes) for planes in depth), size, size),
        batch_size=1,
        augmentation=augmentation(strength),
        normalisation=Normalisation(joint=True),
        transform=as_labels,
        separate=dataset.task == "instances",
    )
    shown = [
        _outlined(batch["pixels"][0], batch["labels"][0])
        for batch in batches(
            dataset.examples,
            like,
            seed=seed,
            steps=patches,
            weights=balanced_weights(dataset.examples),
        )
    ]
    sheet = np.moveaxis(_in_rows(shown), -1, 0)
    colours = ("red", "green", "blue")
    write(path, Image(sheet, "CYX", channel_names=colours), overwrite=overwrite)


def _outlined(pixels: AnyArray, labels: AnyArray) -> AnyArray:
    """Return a patch (C, [Z,] Y, X) as a picture (Y, X, 3) with its objects outlined."""
    if labels.ndim == 3:
        middle = labels.shape[0] // 2
        pixels, labels = pixels[:, middle], labels[middle]
    names = ("red", "green", "blue") if len(pixels) == 3 else None
    clipped = np.clip(pixels, 0, 1.2)
    image = Image(clipped, "CYX", channel_names=names)
    picture = as_rgb(image if len(pixels) > 1 else image.region(c=0))
    picture[borders(labels)] = SURE
    picture[labels < 0] = UNSURE
    return picture


def _in_rows(pictures: list[AnyArray]) -> AnyArray:
    """Return pictures of equal size (Y, X, 3) in rows, as wide as high."""
    columns = int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    height, width, _ = pictures[0].shape
    sheet = np.full(
        (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8
    )
    for number, picture in enumerate(pictures):
        top = _GAP + number // columns * (height + _GAP)
        left = _GAP + number % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = picture
    return sheet
