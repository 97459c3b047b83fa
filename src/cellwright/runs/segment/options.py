"""What a segmentation depends on, besides the images and the model."""

from dataclasses import dataclass
from typing import Literal

from cellwright._arguments import check_flags, check_one_of, check_sizes
from cellwright.runs.apply.options import ApplyOptions
from cellwright.runs.results.batch import Task

SUFFIXES = {"tif": ".tif", "ome-zarr": ".ome.zarr"}


@dataclass(frozen=True, slots=True)
class SegmentOptions(ApplyOptions):
    """What the objects depend on, besides the images and the model.

    Parameters
    ----------
    format : {"tif", "ome-zarr"}
        How labels are written.
    min_size : float
        Least area of an object, in px of the image.
    overlaps : bool
        Measure and write objects as they are below others, too.
    axes, z, channel, tile, threshold, exclude_border, diameter, pixel_size, tta
        As in `cellwright.runs.apply.options.ApplyOptions`.

    Raises
    ------
    UsageError
        If an argument is none of these.
    """

    format: Literal["tif", "ome-zarr"] = "tif"
    min_size: float = 0.0
    overlaps: bool = False

    def __post_init__(self) -> None:
        ApplyOptions.__post_init__(self)
        check_one_of(tuple(SUFFIXES), format=self.format)
        check_sizes(0, min_size=self.min_size)
        check_flags(overlaps=self.overlaps)

    def label_file(self, task: Task) -> str:
        """Return where the labels of an image go, from the result folder on."""
        return f"labels/{task.output}{SUFFIXES[self.format]}"

    def overlap_file(self, task: Task) -> str:
        """Return where the layers of objects that overlap go, from the result folder on."""
        return f"overlaps/{task.output}{SUFFIXES[self.format]}"

    def files(self, task: Task) -> tuple[str, ...]:
        """Return all files that are written for an image."""
        return (self.label_file(task), *([self.overlap_file(task)] if self.overlaps else []))
