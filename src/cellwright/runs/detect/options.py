"""What a detection depends on, besides the images and the model."""

from dataclasses import dataclass

from cellwright.runs.apply.options import ApplyOptions


@dataclass(frozen=True, slots=True)
class DetectOptions(ApplyOptions):
    """What the objects depend on, besides the images and the model.

    Parameters
    ----------
    axes, z, channel, tile, threshold, exclude_border, diameter, pixel_size, tta
        As in `cellwright.runs.apply.options.ApplyOptions`.

    Raises
    ------
    UsageError
        If an argument is none of these.
    """
