"""What any result of a model depends on, besides the images and the model."""

from dataclasses import dataclass

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
        Names or numbers (from 0) of the channels that the model is given.
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
    """

    axes: str | None = None
    z: Depth | None = None
    channel: tuple[str, ...] = ()
    tile: int | None = None
    threshold: float | None = None
    exclude_border: bool = False
    diameter: float | None = None
    pixel_size: float | None = None
