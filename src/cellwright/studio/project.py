"""Which images are annotated, and where their labels and the journal are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cellwright._errors import CellwrightError, InputError
from cellwright._words import missing
from cellwright.images.find import Found, find_images
from cellwright.images.read import known_suffixes, list_scenes
from cellwright.runs.results.room import RUN_FILE

LABELS = "labels"
IMAGES = "images"
STATE = ".cellwright"
PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a project.

    Parameters
    ----------
    name : str
        Its path below the folder, without suffix: how the journal calls it.
    path : Path
        The file, or the folder of an OME-Zarr.
    scene : str, optional
        Which image of the file, where it holds several.
    labels : Path
        The TIFF file that its labels are in, or will be in.
    axes : str, optional
        What the axes of the file are, where it does not say.
    """

    name: str
    path: Path
    scene: str | None
    labels: Path
    axes: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A folder of images that is annotated.

    Parameters
    ----------
    folder : Path
        Where the images are.
    output : Path
        Where ``labels/`` and ``.cellwright/`` are; usually the same folder.
    items : tuple of Item
        In natural order.
    """

    folder: Path
    output: Path
    items: tuple[Item, ...]

    @property
    def journal(self) -> Path:
        """The database of all edits."""
        return self.output / STATE / "journal.sqlite"

    @property
    def people(self) -> Path:
        """The database of who annotates."""
        return self.output / STATE / "people.sqlite"

    @property
    def work(self) -> Path:
        """The database of who annotates what."""
        return self.output / STATE / "work.sqlite"

    @property
    def decisions(self) -> Path:
        """The database of what was decided where annotators differ."""
        return self.output / STATE / "decisions.sqlite"

    @property
    def tasks(self) -> Path:
        """The database of small tasks, and of what was answered."""
        return self.output / STATE / "tasks.sqlite"

    def own(self, item: Item, person: str) -> Item:
        """Return an image with the labels of one person, which nobody else edits."""
        path = self.output / STATE / PEOPLE / person / f"{item.name}.tif"
        # Nothing hidden is an image, so that no image can be called like this.
        return replace(item, name=f".{PEOPLE}/{person}/{item.name}", labels=path)

    @property
    def rounds(self) -> Path:
        """Where the rounds of training are."""
        return self.output / STATE / "rounds"

    @property
    def originals(self) -> Path:
        """Where copies of labels from elsewhere are kept before they are replaced."""
        return self.output / STATE / "originals"


def find_project(folder: Path, output: Path | None = None, *, axes: str | None = None) -> Project:
    """Find the images of a folder; its sub-folder ``labels`` is where their labels are.

    Parameters
    ----------
    folder : Path
        With images, at any depth. Where they are all in ``images/``, labels are named without it,
        so that the folder is a dataset to train on.
    output : Path, optional
        Where labels and the journal go, in place of `folder`.
    axes : str, optional
        What the axes of the images are, where their files do not say.

    Raises
    ------
    InputError
        If there is no such folder, no image in it, or it is a result folder.
    """
    if not folder.is_dir():
        raise InputError(missing(folder, "folder"))
    if (folder / RUN_FILE).is_file():
        raise InputError(f"'{folder}' holds results. Look through them: cellwright review {folder}")
    output = folder if output is None else output
    ours = (folder.resolve() / LABELS, output.resolve() / LABELS)
    found = [
        image
        for image in find_images([folder])
        if not any(image.path.resolve().is_relative_to(place) for place in ours)
    ]
    if not found:
        raise InputError(
            f"The folder '{folder}' holds labels but no images to annotate. "
            "Put the images beside the folder 'labels'."
        )
    items = [item for image in found for item in _items(image, output / LABELS)]
    return Project(folder, output, tuple(replace(item, axes=axes) for item in items))


def existing_labels(item: Item) -> Path | None:
    """Return the file with the labels of an image, of whatever format, or None."""
    if item.labels.is_file():
        return item.labels
    endings = [f"{ome}{suffix}" for suffix in known_suffixes() for ome in ("", ".ome")]
    others = (item.labels.with_suffix(ending) for ending in endings)
    return next((path for path in others if path.exists()), None)


def _items(image: Found, labels: Path) -> list[Item]:
    relative = image.relative
    if len(relative.parts) > 1 and relative.parts[0] == IMAGES:
        relative = relative.relative_to(IMAGES)
    scenes = _scenes(image.path)
    if len(scenes) == 1:
        name = relative.as_posix()
        return [Item(name, image.path, scenes[0], labels / f"{name}.tif")]
    names = {scene: f"{relative.as_posix()}_{scene}" for scene in scenes}
    return [Item(n, image.path, scene, labels / f"{n}.tif") for scene, n in names.items()]


def _scenes(path: Path) -> tuple[str | None, ...]:
    try:
        scenes = list_scenes(path)
    except CellwrightError:
        return (None,)  # opening it says what is wrong; the other images can be annotated
    return scenes if len(scenes) > 1 else (None,)
