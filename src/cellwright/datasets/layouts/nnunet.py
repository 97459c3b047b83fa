"""nnU-Net: ``imagesTr/case_0000.tif`` (one file per channel) and ``labelsTr/case.tif``.

``dataset.json`` beside them, where it is, names the classes.
"""

from __future__ import annotations

import json
from pathlib import Path

from cellwright._errors import DatasetError
from cellwright.datasets.layouts.files import check_pairs, image_files, some, subfolders
from cellwright.datasets.records import Dataset, Example


def open_nnunet(root: Path) -> Dataset | None:
    """Recognise ``imagesTr`` with ``labelsTr``, and ``imagesTs`` with ``labelsTs`` if there."""
    inside = subfolders(root)
    if "imagestr" not in inside or "labelstr" not in inside:
        return None
    examples = _cases(inside["imagestr"], inside["labelstr"], "train")
    if "imagests" in inside and "labelsts" in inside:
        examples += _cases(inside["imagests"], inside["labelsts"], "test")
    return Dataset(
        root, "nnU-Net", "pixel classes", tuple(examples), classes=_names(root / "dataset.json")
    )


def _names(path: Path) -> tuple[str, ...]:
    """Return the names of the classes 1, 2, 3 ..., or none where the file does not say them so.

    Version 2 of the format names first and then numbers, version 1 the other way round.
    """
    try:
        labels = json.loads(path.read_bytes())["labels"]
        pairs = [(a, b) if str(a).isdigit() else (b, a) for a, b in labels.items()]
        names = {int(number): str(name) for number, name in pairs if name != "ignore"}
        return tuple(names[number] for number in range(1, max(names) + 1))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()  # classes get their numbers for names


def _cases(images: Path, labels: Path, split: str) -> list[Example]:
    channels: dict[str, list[Path]] = {}
    for stem, path in image_files(images).items():
        case, _, channel = stem.rpartition("_")
        if not case or len(channel) != 4 or not channel.isdigit():
            raise DatasetError(
                f"'{path}' does not end in a channel number such as '_0000', "
                "which nnU-Net's layout needs."
            )
        channels.setdefault(case, []).append(path)
    _check_channels(channels, images)
    label_paths = image_files(labels)
    check_pairs(channels, label_paths, f"'{images}' and '{labels}'")
    return [
        Example(f"{split}/{case}", tuple(files), label_paths[case], split)
        for case, files in channels.items()
    ]


def _check_channels(channels: dict[str, list[Path]], images: Path) -> None:
    """Raise `DatasetError` unless every case has the same number of channel files."""
    most = max((len(files) for files in channels.values()), default=0)
    short = sorted(case for case, files in channels.items() if len(files) < most)
    if short:
        raise DatasetError(
            f"'{images}': {len(short)} cases have fewer than {most} channel files ({some(short)})."
        )
