"""What a dataset is: a frozen list of examples, each naming its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from cellwright._errors import DatasetError

Task: TypeAlias = Literal[
    "instances", "boxes", "points", "pixel classes", "classes of whole images"
]
"""What the labels are: numbered objects, boxes around objects, points that mark objects, or classes
of pixels; or each image has one category."""
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class CocoLabels:
    """The objects of one image in a COCO annotation file.

    Parameters
    ----------
    path : Path
        The JSON file.
    image_id : int
        The image's ``id`` in it.
    """

    path: Path
    image_id: int


@dataclass(frozen=True, slots=True)
class BoxLabels:
    """The boxes of one image in a table of boxes.

    Parameters
    ----------
    path : Path
        The CSV file.
    image : str
        What it calls the image.
    """

    path: Path
    image: str


@dataclass(frozen=True, slots=True)
class PointLabels:
    """The points of one image in a table of points.

    Parameters
    ----------
    path : Path
        The CSV file.
    image : str
        What it calls the image.
    """

    path: Path
    image: str


@dataclass(frozen=True, slots=True)
class CentreLabels:
    """Points in the middle of objects that are annotated with more than points.

    Parameters
    ----------
    objects : Path, CocoLabels, BoxLabels or PerClassLabels
        Where these objects are.
    """

    objects: Path | CocoLabels | BoxLabels | PerClassLabels

    @property
    def path(self) -> Path:
        """The file that the objects are in."""
        return self.objects if isinstance(self.objects, Path) else self.objects.path


@dataclass(frozen=True, slots=True)
class ClassLabels:
    """The pixel classes of one image in a file whose values may be any.

    Parameters
    ----------
    path : Path
        The label file.
    values : tuple of int
        What the classes 1, 2, 3 ... are in the file; 0 is the background.
    """

    path: Path
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PerClassLabels:
    """The numbered objects of one image, those of each class in a file of their own.

    Parameters
    ----------
    files : tuple of (str, Path)
        The classes and their label files; where objects of two overlap, the later class wins.
    """

    files: tuple[tuple[str, Path], ...]

    @property
    def path(self) -> Path:
        """The first of the files."""
        return self.files[0][1]


Labels: TypeAlias = (
    Path | CocoLabels | BoxLabels | PointLabels | CentreLabels | ClassLabels | PerClassLabels
)
"""Where the labels of an image are."""


@dataclass(frozen=True, slots=True)
class Example:
    """One image and what is known about it. Nothing is read until `load_example` is called.

    Parameters
    ----------
    id : str
        Unique name in the dataset.
    images : tuple of Path
        The image file, or one file per channel.
    labels : Path or other Labels, optional
        Where its labels are.
    split : str, optional
        ``"train"``, ``"val"`` or ``"test"``.
    group : str, optional
        What must never be divided between splits: plate, animal, day, movie.
    kind : str, optional
        What splits should hold in equal parts: modality, stain, cell type.
    category : str, optional
        Class of the whole image.
    axes : str, optional
        Axes of the image file (letters of ``TCZYX``), when the file does not say.
    classes : Path, optional
        Where the classes of its numbered objects are, if not in `labels`: a table (CSV), or an
        image with the number of a class in every pixel.
    """

    id: str
    images: tuple[Path, ...]
    labels: Labels | None = None
    split: str | None = None
    group: str | None = None
    kind: str | None = None
    category: str | None = None
    axes: str | None = None
    classes: Path | None = None

    @property
    def image(self) -> Path:
        """The image file, or that of the first channel."""
        return self.images[0]

    @property
    def label_file(self) -> Path | None:
        """The file that the labels are in."""
        if self.labels is None or isinstance(self.labels, Path):
            return self.labels
        return self.labels.path

    @property
    def annotation_files(self) -> tuple[Path, ...]:
        """All files that say what is in the image."""
        if isinstance(self.labels, PerClassLabels):
            return tuple(path for _, path in self.labels.files)
        return tuple(path for path in (self.label_file, self.classes) if path is not None)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A folder of examples.

    Parameters
    ----------
    root : Path
        The folder.
    layout : str
        How its files are arranged, such as ``"paired folders"``.
    task : str
        ``"instances"``, ``"boxes"``, ``"points"``, ``"pixel classes"`` or
        ``"classes of whole images"``.
    examples : tuple of Example
        In the order of their ids.
    notes : tuple of str
        What was seen and left out, in plain words.
    classes : tuple of str
        Names of the classes 1, 2, 3 ... of pixels, of numbered objects or of what points mark,
        where the dataset says them.
    """

    root: Path
    layout: str
    task: Task
    examples: tuple[Example, ...]
    notes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def splits(self) -> dict[str, int]:
        """Number of examples of each split; examples of none are counted as ``"unassigned"``."""
        return _counts(example.split or "unassigned" for example in self.examples)

    @property
    def kinds(self) -> dict[str, int]:
        """Number of examples of each kind."""
        return _counts(example.kind for example in self.examples if example.kind)

    @property
    def categories(self) -> dict[str, int]:
        """Number of examples of each category."""
        return _counts(example.category for example in self.examples if example.category)

    @property
    def annotation(self) -> str:
        """What is known of the images, for a sentence that begins with the folder."""
        if self.task != "classes of whole images":
            return f"is annotated with {self.task}"
        return f"holds images in {len(self.categories)} folders and no labels"

    def part(self, split: str) -> tuple[Example, ...]:
        """Return the examples of one split.

        Raises
        ------
        DatasetError
            If there is none.
        """
        chosen = tuple(example for example in self.examples if example.split == split)
        if not chosen:
            present = ", ".join(f"{name} ({count})" for name, count in self.splits.items())
            raise DatasetError(
                f"'{self.root}' has no examples of the split '{split}', only {present}. "
                "Divide it with 'cellwright data split'."
            )
        return chosen


def _counts(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))
