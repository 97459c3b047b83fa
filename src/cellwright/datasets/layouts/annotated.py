"""Images with a COCO file of instances, or of boxes."""

from __future__ import annotations

from pathlib import Path

from cellwright._errors import DatasetError
from cellwright.datasets.coco import read_coco
from cellwright.datasets.layouts.files import some, split_name
from cellwright.datasets.records import BoxLabels, CocoLabels, Dataset, Example

_HEAD = 4096  # characters in which a COCO file shows one of its keys
_RESULT = "run.json"  # beside what a run found
_KEYS = ('"images"', '"annotations"', '"categories"', '"info"', '"licenses"')


def open_coco(root: Path) -> Dataset | None:
    """Recognise COCO JSON files in `root`, in ``annotations/`` or in folders named as splits.

    Images are looked for beside the JSON file, in `root`, in its ``images/`` and in a folder
    named like the JSON file or its split. Files in result folders are no annotations.
    """
    files = [path for pattern in ("*.json", "*/*.json") for path in sorted(root.glob(pattern))]
    files = [path for path in files if _looks_like_coco(path) and not _is_result(path)]
    if not files:
        return None
    examples = [example for path in files for example in _examples(root, path)]
    boxed = [path.name for path in files if not read_coco(path).has_outlines]
    if boxed and len(boxed) < len(files):
        raise DatasetError(
            f"'{root}' has COCO files with outlines and others with boxes only ({some(boxed)}); "
            "keep those of one kind."
        )
    return Dataset(root, "COCO", "boxes" if boxed else "instances", tuple(examples))


def _looks_like_coco(path: Path) -> bool:
    head = _head(path)
    return head.lstrip().startswith("{") and any(key in head for key in _KEYS)


def _is_result(path: Path) -> bool:
    return '"command"' in _head(path.with_name(_RESULT))


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as stream:
            return stream.read(_HEAD)
    except (OSError, UnicodeDecodeError):
        return ""


def _examples(root: Path, path: Path) -> list[Example]:
    content = read_coco(path)
    words = path.stem.replace("-", "_").split("_")
    split = next((name for word in [*words, path.parent.name] if (name := split_name(word))), None)
    places = [path.parent, path.parent / "images", root, root / "images", root / path.stem]
    places += [
        folder for name in (split,) if name for folder in (root / name, root / "images" / name)
    ]
    examples, missing = [], []
    for image in content.images:
        found = next((p for place in places if (p := place / image.file_name).is_file()), None)
        if found is None:
            missing.append(image.file_name)
            continue
        stem = Path(image.file_name).stem
        name = f"{split}/{stem}" if split else stem
        labels = (
            CocoLabels(path, image.id) if content.has_outlines else BoxLabels(path, image.file_name)
        )
        examples.append(Example(name, (found,), labels, split))
    if missing:
        raise DatasetError(
            f"'{path}' lists {len(missing)} images that are not there ({some(missing)}); looked "
            f"in {', '.join(sorted({str(place) for place in places if place.is_dir()}))}."
        )
    return examples
