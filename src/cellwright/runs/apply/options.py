"""What any result of a model depends on, besides the images and the model."""

from dataclasses import dataclass
from typing import get_args

from cellwright._arguments import (
    LEAST_TILE,
    PIXEL_SIZES,
    check_flags,
    check_numbers,
    check_one_of,
    check_sizes,
    check_whole_numbers,
    given,
)
from cellwright._errors import UsageError
from cellwright.images.image import check_said_axes
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
        Side of a tile on the network's grid, in px; 64 or more.
    threshold : float, optional
        Least confidence of an object; the model's own by default.
    exclude_border : bool
        Leave out objects that touch the border of the image.
    diameter : float, optional
        Typical diameter of the objects, in px; estimated by default.
    pixel_size : float, optional
        Distance of neighbouring pixels in µm, in place of what the file says.
    tta : bool, optional
        Average what the network says of every image and its mirror images, or of none; by default
        the model's card says of which.

    Raises
    ------
    UsageError
        If an argument is none of these.
    """

    axes: str | None = None
    z: Depth | None = None
    channel: tuple[str, ...] = ()
    tile: int | None = None
    threshold: float | None = None
    exclude_border: bool = False
    diameter: float | None = None
    pixel_size: float | None = None
    tta: bool | None = None

    def __post_init__(self) -> None:
        asked = as_channels(self.channel)
        object.__setattr__(self, "channel", tuple(map(str, asked)))  # the number 0 is a channel
        check_said_axes(self.axes)
        check_one_of(get_args(Depth), **given(z=self.z))
        check_whole_numbers(LEAST_TILE, **given(tile=self.tile))
        check_sizes(1, **given(diameter=self.diameter))
        check_numbers(**given(threshold=self.threshold, pixel_size=self.pixel_size))
        check_flags(exclude_border=self.exclude_border, **given(tta=self.tta))
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(
                f"The threshold is a confidence between 0 and 1, not {self.threshold!r}."
            )
        least, greatest = PIXEL_SIZES
        if self.pixel_size is not None and not least <= self.pixel_size <= greatest:
            raise UsageError(
                f"The pixel size is a length in µm, from {least:g} to {greatest:g}, not "
                f"{self.pixel_size!r}."
            )
