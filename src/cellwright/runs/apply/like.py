"""What labels take over from the image that they belong to."""

from dataclasses import replace

import numpy as np

from cellwright._errors import UsageError
from cellwright._words import option
from cellwright.images.image import Image
from cellwright.runs.apply.options import ApplyOptions
from cellwright.runs.apply.planes import check_depth, stack_axes


def stack_like(image: Image, options: ApplyOptions, dimensions: int) -> Image:
    """Return what the labels of an image are like that is gone through part by part.

    Parameters
    ----------
    image : Image
    options : ApplyOptions
    dimensions : int
        Of what a model sees at once: 2 for planes, 3 for volumes.

    Returns
    -------
    Image
        Axes as `stack_axes` says, then those of a part.

    Raises
    ------
    AxesError, UsageError
        If the image and what is wished about its Z axis do not fit the model.
    """
    check_depth(image, options.z, dimensions)
    if dimensions == 3:
        check_plane_distance(image, options.pixel_size)
    axes = stack_axes(image, options.z, dimensions) + "ZYX"[-dimensions:]
    return labels_like(image, axes, options.pixel_size)


def labels_like(image: Image, axes: str, lateral: float | None) -> Image:
    """Return an image with the axes of its labels, for their shape and metadata.

    Parameters
    ----------
    image : Image
    axes : str
        Of the labels, such as ``"TYX"``.
    lateral : float, optional
        Distance of neighbouring pixels in µm, in place of what the file says.
    """
    image = with_pixel_size(image, lateral)
    empty = replace(image, data=np.broadcast_to(np.int32(0), image.shape), channel_names=None)
    return empty.region(**dict.fromkeys(set(image.axes) - set(axes), 0))


def with_pixel_size(image: Image, lateral: float | None) -> Image:
    """Return an image with the lateral pixel size that the user gave, if any, in µm."""
    if lateral is None:
        return image
    within = (lateral, lateral)
    if "Z" not in image.axes:
        return replace(image, pixel_size=within)
    if image.pixel_size is None:
        return replace(image, lateral_size=within)
    return replace(image, pixel_size=(image.pixel_size[0], *within))


def check_plane_distance(image: Image, lateral: float | None) -> None:
    """Refuse a lateral pixel size for a volume of which nobody says how far apart its planes are.

    Raises
    ------
    UsageError
        If that is so: its objects could not be measured in µm all the same.
    """
    if lateral is not None and "Z" in image.axes and image.pixel_size is None:
        raise UsageError(
            f"'{image.name}' does not say how far apart its planes are, so "
            f"{option('pixel_size')}, which is the distance within a plane, is not enough to "
            "measure it. Save it as OME-TIFF with all three sizes."
        )
