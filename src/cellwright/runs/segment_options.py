"""What a segmentation depends on, besides the images and the model."""

from dataclasses import dataclass
from typing import Literal

from cellwright.runs.batch import Task
from cellwright.runs.planes import Depth

SUFFIXES = {"tif": ".tif", "ome-zarr": ".ome.zarr"}


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """What the objects depend on, besides the images and the model.

    Parameters
    ----------
    format : {"tif", "ome-zarr"}
        How labels are written.
    axes : str, optional
        Axes of the images where the files do not say.
    z : {"max", "mean", "each"}, optional
        What becomes of Z planes.
    channel : tuple of str
        Names or numbers (from 0) of the channels that the model is given.
    tile : int, optional
        Side of a tile on the network's grid, in px.
    threshold : float, optional
        Least confidence of an object; the model's own by default.
    min_size : float
        Least area of an object, in px of the image.
    exclude_border : bool
        Leave out objects that touch the border of the image.
    diameter : float, optional
        Typical diameter of the objects, in px; estimated by default.
    pixel_size : float, optional
        Distance of neighbouring pixels in µm, in place of what the file says.
    """

    format: Literal["tif", "ome-zarr"] = "tif"
    axes: str | None = None
    z: Depth | None = None
    channel: tuple[str, ...] = ()
    tile: int | None = None
    threshold: float | None = None
    min_size: float = 0.0
    exclude_border: bool = False
    diameter: float | None = None
    pixel_size: float | None = None

    def label_file(self, task: Task) -> str:
        """Return where the labels of an image go, from the result folder on."""
        return f"labels/{task.output}{SUFFIXES[self.format]}"
