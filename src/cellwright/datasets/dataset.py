"""Opening a dataset: recognising how a folder arranges its images and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cellwright._errors import DatasetError
from cellwright._words import counted, missing
from cellwright.datasets.class_files import with_classes
from cellwright.datasets.index import apply_index
from cellwright.datasets.layouts.annotated import open_coco
from cellwright.datasets.layouts.boxes import open_boxes
from cellwright.datasets.layouts.classes import open_classes
from cellwright.datasets.layouts.ctc import open_ctc
from cellwright.datasets.layouts.described import open_described, read_description
from cellwright.datasets.layouts.files import has_images, some
from cellwright.datasets.layouts.nnunet import open_nnunet
from cellwright.datasets.layouts.paired import open_paired
from cellwright.datasets.layouts.points import open_points
from cellwright.datasets.layouts.suffixed import open_suffixed
from cellwright.datasets.records import Dataset, Example

__all__ = ["LAYOUTS", "Dataset", "Example", "open_dataset"]

LAYOUTS: dict[str, Callable[[Path], Dataset | None]] = {
    "dataset.yaml": open_described,
    "COCO: a JSON file of instances beside the images": open_coco,
    "boxes: boxes.csv (image, class, min_row, min_col, max_row, max_col) beside the images": (
        open_boxes
    ),
    "points: points.csv (image, y, x[, z][, class]) beside the images": open_points,
    "Cell Tracking Challenge: 01/, 01_GT/SEG/": open_ctc,
    "nnU-Net: imagesTr/NAME_0000.tif, labelsTr/NAME.tif": open_nnunet,
    "paired folders: images/ and labels/ (or masks/, source/ and target/, ...), "
    "also inside of train/, val/, test/, or labels/CLASS/ for each class of objects": open_paired,
    "Cellpose: NAME.tif and NAME_masks.tif in one folder": open_suffixed,
    "classes: one folder of images per class, also inside of train/, val/, test/": open_classes,
}
"""Known layouts in the order in which they are tried.

What a person stated (a description, annotations) goes before what folder names suggest, and names
that few folders bear by accident go before common ones: every folder of folders of images looks
like classes, so that comes last.
"""


def open_dataset(path: Path, axes: str | None = None) -> Dataset:
    """Recognise the layout of a folder and list its examples. No pixels are read.

    Parameters
    ----------
    path : Path
        A folder in one of `LAYOUTS`, or a ``dataset.yaml``. An ``index.csv`` in the folder may
        add splits, groups and kinds; ``classes.csv``, or images in ``classes/``, what numbered
        objects are (see `cellwright.datasets.class_files`).
    axes : str, optional
        Axes of the image files (letters of ``TCZYX``), where they do not say themselves.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        If no layout is recognised, or files do not pair; the message names them.
    """
    path = Path(path)
    if path.is_file():
        dataset = read_description(path)
    elif path.is_dir():
        dataset = with_classes(apply_index(_recognise(path)))
    else:
        raise DatasetError(missing(path))
    _check_ids(dataset)
    if axes is None:
        return dataset
    return replace(
        dataset, examples=tuple(replace(example, axes=axes) for example in dataset.examples)
    )


def _recognise(root: Path) -> Dataset:
    for layout in LAYOUTS.values():
        dataset = layout(root)
        if dataset is not None and dataset.examples:
            return dataset
    missing = "labels of its images" if has_images(root) else "known layout of images and labels"
    raise DatasetError(
        f"'{root}' has no {missing}. It holds {_contents(root)}. "
        "Known layouts:\n" + "\n".join(f"  - {name}" for name in LAYOUTS)
    )


def _contents(root: Path) -> str:
    """Say in short what a folder holds."""
    entries = sorted(entry for entry in root.iterdir() if not entry.name.startswith("."))
    folders = [entry.name + "/" for entry in entries if entry.is_dir()]
    endings = Counter(entry.suffix or "no ending" for entry in entries if entry.is_file())
    said = [f"the folders {some(folders)}"] if folders else []
    said += [f"{counted(count, 'file')} with {ending}" for ending, count in sorted(endings.items())]
    return ", ".join(said) or "nothing"


def _check_ids(dataset: Dataset) -> None:
    counts = Counter(example.id for example in dataset.examples)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise DatasetError(f"'{dataset.root}' has several examples of the same id: {some(twice)}.")
