"""Images with a table that lists what is on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cellwright._errors import DatasetError
from cellwright._words import counted
from cellwright.datasets.layouts.files import image_files, some, stated_split
from cellwright.datasets.records import Example, Labels
from cellwright.images.read import stem

_IMAGES = "images"


def listed_examples(
    table: Path,
    images: Iterable[str],
    splits: Mapping[str, str],
    labels_of: Callable[[str], Labels],
) -> tuple[Example, ...]:
    """Return the images beside a table, or in a folder ``images/`` beside it, as examples.

    Parameters
    ----------
    table : Path
        The CSV file.
    images : iterable of str
        The images that it lists; others have no labels.
    splits : mapping
        The split of each image, as far as it is known, by what the table calls the image.
    labels_of : callable
        Makes the labels of an image from what the table calls it.

    Raises
    ------
    DatasetError
        If an image is not there or has two names, or a split has an unknown name.
    """
    folder = table.parent / _IMAGES
    files = image_files(folder if folder.is_dir() else table.parent)
    listed: dict[str, str] = {}
    for image in images:
        other = listed.setdefault(stem(Path(image)), image)
        if other != image:
            raise DatasetError(
                f"'{table}' calls the image '{stem(Path(image))}' both '{other}' and '{image}'. "
                "Call every image by one name."
            )
    if missing := [image for name, image in listed.items() if name not in files]:
        raise DatasetError(
            f"'{table}' lists {counted(len(missing), 'image')} not there ({some(missing)})."
        )
    return tuple(
        Example(
            name,
            (files[name],),
            labels_of(listed[name]) if name in listed else None,
            stated_split(word, name, table) if (word := splits.get(listed.get(name, ""))) else None,
        )
        for name in files
    )
