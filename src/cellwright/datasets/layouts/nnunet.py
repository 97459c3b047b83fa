"""nnU-Net: ``imagesTr/case_0000.tif`` (one file per channel) and ``labelsTr/case.tif``."""

from __future__ import annotations

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
    return Dataset(root, "nnU-Net", "pixel classes", tuple(examples))


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
