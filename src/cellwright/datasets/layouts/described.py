"""Our own ``dataset.yaml``: any files, anywhere, with their splits, groups and kinds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

import yaml

from cellwright._errors import DatasetError
from cellwright._files import write_text
from cellwright._words import counted
from cellwright.datasets.layouts.files import stated_split
from cellwright.datasets.records import (
    BoxLabels,
    CentreLabels,
    ClassLabels,
    CocoLabels,
    Dataset,
    Example,
    Labels,
    PerClassLabels,
    PointLabels,
    Task,
)

FILE_NAME = "dataset.yaml"
_FORMAT = "cellwright dataset 1"
_WORDS = ("split", "group", "kind", "category", "axes")


def open_described(root: Path) -> Dataset | None:
    """Recognise a folder that holds a ``dataset.yaml``."""
    path = root / FILE_NAME
    return read_description(path) if path.is_file() else None


def read_description(path: Path) -> Dataset:
    """Read a description that `write_description` wrote or a person did.

    Raises
    ------
    DatasetError
        If it is not such a description, or names files that are not there.
    """
    try:
        content = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if not isinstance(content, dict):
            raise ValueError("it must name 'format', 'task' and 'examples', one per line")
        if content["format"] != _FORMAT or content["task"] not in get_args(Task):
            raise ValueError(
                f"'format' must be '{_FORMAT}' and 'task' one of {', '.join(get_args(Task))}"
            )
        examples = tuple(_example(entry, path) for entry in content["examples"])
        names = content.get("classes", [])
        if not isinstance(names, list):
            raise ValueError(f"'classes' must be a list of names, not {names!r}")
    except (yaml.YAMLError, KeyError, TypeError, ValueError, OSError) as error:
        raise DatasetError(
            f"'{path}' is not a readable description of a dataset "
            f"({type(error).__name__}: {error})."
        ) from error
    missing = [file for example in examples for file in _files(example) if not file.exists()]
    if missing:
        raise DatasetError(
            f"'{path}' names what is not there: {counted(len(missing), 'file')}, first "
            f"'{missing[0]}'."
        )
    classes = tuple(map(str, names))
    return Dataset(path.parent, "dataset.yaml", content["task"], examples, classes=classes)


def write_description(dataset: Dataset, path: Path) -> None:
    """Write `dataset` as YAML whose paths are relative to the folder of `path`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    lines = [
        f"format: {_FORMAT}",
        f"task: {dataset.task}",
        *([f"classes: {_one_line(list(dataset.classes))}"] if dataset.classes else []),
        "# One example per line; paths start from the folder of this file.",
        "examples:",
    ]
    lines += [f"- {_one_line(_entry(example, path.parent))}" for example in dataset.examples]
    write_text(path, "\n".join(lines) + "\n")


def _entry(example: Example, folder: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": example.id,
        "images": [_relative(image, folder) for image in example.images],
    }
    if example.labels is not None:
        entry["labels"] = _labels_entry(example.labels, folder)
    if example.classes is not None:
        entry["classes"] = _relative(example.classes, folder)
    words = {name: getattr(example, name) for name in _WORDS}
    return entry | {name: word for name, word in words.items() if word is not None}


def _labels_entry(labels: Labels, folder: Path) -> Any:
    if isinstance(labels, Path):
        return _relative(labels, folder)
    if isinstance(labels, CentreLabels):
        return {"centres_of": _labels_entry(labels.objects, folder)}
    path = _relative(labels.path, folder)
    if isinstance(labels, CocoLabels):
        return {"coco": path, "image_id": labels.image_id}
    if isinstance(labels, BoxLabels):
        return {"boxes": path, "image": labels.image}
    if isinstance(labels, PointLabels):
        return {"points": path, "image": labels.image}
    if isinstance(labels, PerClassLabels):
        return {"per_class": {name: _relative(file, folder) for name, file in labels.files}}
    return {"classes": path, "values": list(labels.values)}


def _example(entry: dict[str, Any], path: Path) -> Example:
    folder = path.parent
    unknown = sorted(set(entry) - {"id", "images", "labels", "classes", *_WORDS})
    if unknown:
        raise ValueError(f"an example has unknown entries: {', '.join(unknown)}")
    source = _source(entry.get("labels"), folder)
    images = entry["images"]
    files = tuple(folder / image for image in ([images] if isinstance(images, str) else images))
    if not files:
        raise ValueError(f"the example {entry['id']} names no image")
    words = {name: str(entry[name]) for name in _WORDS if entry.get(name) is not None}
    if "split" in words:
        words["split"] = stated_split(words["split"], str(entry["id"]), path)
    classes = folder / entry["classes"] if "classes" in entry else None
    return Example(str(entry["id"]), files, source, classes=classes, **words)


def _source(labels: Any, folder: Path) -> Labels | None:
    if not isinstance(labels, dict):
        return folder / labels if labels is not None else None
    if "centres_of" in labels:
        return CentreLabels(_source(labels["centres_of"], folder))  # type: ignore[arg-type]
    if "boxes" in labels:
        return BoxLabels(folder / labels["boxes"], str(labels["image"]))
    if "points" in labels:
        return PointLabels(folder / labels["points"], str(labels["image"]))
    if "per_class" in labels:
        files = labels["per_class"].items()
        return PerClassLabels(tuple((str(name), folder / file) for name, file in files))
    if "classes" in labels:
        return ClassLabels(folder / labels["classes"], tuple(map(int, labels["values"])))
    return CocoLabels(folder / labels["coco"], int(labels["image_id"]))


def _files(example: Example) -> list[Path]:
    return [*example.images, *example.annotation_files]


def _relative(path: Path, folder: Path) -> str:
    """Return `path` as seen from `folder`, absolute where no relative path leads there."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return path.resolve().as_posix()


def _one_line(entry: dict[str, Any] | list[str]) -> str:
    text: str = yaml.safe_dump(
        entry, default_flow_style=True, sort_keys=False, width=1 << 20, allow_unicode=True
    )
    return text.strip()
