"""What labels take over from the image that they belong to."""

from dataclasses import replace

import numpy as np

from cellwright._errors import UsageError
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
    size = image.pixel_size
    if size is not None:
        pairs = zip(image.spatial_axes, size, strict=True)
        size = tuple(step for axis, step in pairs if axis in axes)
    pixels = np.broadcast_to(np.int32(0), [image.sizes[axis] for axis in axes])
    return replace(image, data=pixels, axes=axes, pixel_size=size, channel_names=None)


def with_pixel_size(image: Image, lateral: float | None) -> Image:
    """Return an image with the lateral pixel size that the user gave, if any, in µm.

    Raises
    ------
    UsageError
        If the image is a volume whose file does not say how far apart its planes are.
    """
    if lateral is None:
        return image
    if "Z" not in image.axes:
        return replace(image, pixel_size=(lateral, lateral))
    if image.pixel_size is None:
        raise UsageError(
            f"'{image.name}' does not say how far apart its planes are, so --pixel-size, which is "
            "the distance within a plane, is not enough to measure it. Save it as OME-TIFF with "
            "all three sizes."
        )
    return replace(image, pixel_size=(image.pixel_size[0], lateral, lateral))
