"""What any result of a model depends on, besides the images and the model."""

import math
from dataclasses import dataclass
from typing import get_args

from cellwright._arguments import check_numbers
from cellwright._errors import UsageError
from cellwright.models.channels import as_channels
from cellwright.runs.apply.planes import Depth


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What any result of a model depends on, besides the images and the model.

    Parameters
    ----------
    axes : str, optional
        Axes of the images where the files do not say.
    z : {"max", "mean", "each"}, optional
        What becomes of Z planes.
    channel : tuple of str
        Names or numbers (from 0) of the channels that the model is given; one may stand alone.
    tile : int, optional
        Side of a tile on the network's grid, in px.
    threshold : float, optional
        Least confidence of an object; the model's own by default.
    exclude_border : bool
        Leave out objects that touch the border of the image.
    diameter : float, optional
        Typical diameter of the objects, in px; estimated by default.
    pixel_size : float, optional
        Distance of neighbouring pixels in µm, in place of what the file says.
    tta : bool
        Average what the network says of every image and its mirror images.

    Raises
    ------
    UsageError
        If `z`, `threshold`, `diameter` or `pixel_size` is none of these.
    """

    axes: str | None = None
    z: Depth | None = None
    channel: tuple[str, ...] = ()
    tile: int | None = None
    threshold: float | None = None
    exclude_border: bool = False
    diameter: float | None = None
    pixel_size: float | None = None
    tta: bool = False

    def __post_init__(self) -> None:
        asked = as_channels(self.channel)
        object.__setattr__(self, "channel", tuple(map(str, asked)))  # the number 0 is a channel
        check_numbers(
            tile=self.tile,
            threshold=self.threshold,
            diameter=self.diameter,
            pixel_size=self.pixel_size,
        )
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(
                f"The threshold is a confidence between 0 and 1, not {self.threshold!r}."
            )
        if self.diameter is not None and not 1 <= self.diameter < math.inf:
            raise UsageError(f"The diameter must be 1 px or more, not {self.diameter!r}.")
        if self.z not in (None, *get_args(Depth)):
            raise UsageError(f"z is one of {', '.join(get_args(Depth))}, not {self.z!r}.")
        if self.pixel_size is not None and not 0 < self.pixel_size < math.inf:
            raise UsageError(f"The pixel size is a length in µm, not {self.pixel_size!r}.")
