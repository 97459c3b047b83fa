"""One row of numbers for each object of a label image."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, DoubleArray, Table
from cellwright.images.image import Image
from cellwright.measure.hull import convex_areas_2d, convex_areas_3d
from cellwright.measure.intensity import STATISTICS, intensities
from cellwright.measure.outline import crofton_perimeter, euler_numbers_3d, outlines_2d
from cellwright.measure.regions import Regions, find_regions
from cellwright.measure.tables import concatenate

SHAPE_PROPERTIES = (
    "area",
    "bbox",
    "centroid",
    "equivalent_diameter_area",
    "axis_major_length",
    "axis_minor_length",
    "extent",
    "euler_number",
    "touches_border",
    "area_convex",
    "solidity",
)
PLANE_PROPERTIES = ("orientation", "eccentricity", "perimeter_crofton", "circularity")
INTENSITY_PROPERTIES = tuple(f"intensity_{statistic}" for statistic in STATISTICS)
PROPERTIES = SHAPE_PROPERTIES + PLANE_PROPERTIES + INTENSITY_PROPERTIES


def measure_objects(
    labels: AnyArray,
    image: AnyArray | None = None,
    *,
    pixel_size: Sequence[float] | None = None,
    channel_names: Sequence[str] | None = None,
    properties: Collection[str] | None = None,
) -> Table:
    r"""Measure the shape and the intensities of every object.

    Names and values are those of `skimage.measure.regionprops_table` where it has them.

    Parameters
    ----------
    labels : array of int, shape ([Z,] Y, X)
        Objects; values below 1 are background. Labels may have gaps.
    image : array of numbers, shape ([Z,] Y, X) or (C, [Z,] Y, X), optional
        Intensities.
    pixel_size : sequence of float, optional
        Distance of neighbouring pixels in µm along each axis of `labels`.
    channel_names : sequence of str, optional
        Names of the channels, for the columns; by default their numbers.
    properties : collection of str, optional
        Which of `PROPERTIES` to measure; by default all that the arrays allow.

    Returns
    -------
    Table
        Columns by name, one row an object, sorted by ``label``:

        ``area``
            Pixels (voxels in a volume).
        ``bbox-0`` …
            First pixel along each axis, then one past the last.
        ``centroid-0`` …
            Mean position along each axis, in px.
        ``equivalent_diameter_area``
            Diameter of the disk (ball) of the same area (volume), in px.
        ``axis_major_length``, ``axis_minor_length``
            Longest and shortest axis of the ellipse (ellipsoid) with the same second moments,
            in px.
        ``extent``
            Area divided by that of the bounding box.
        ``euler_number``
            Objects minus holes; in a volume objects plus cavities minus tunnels. Pixels that meet
            at a corner are connected.
        ``touches_border``
            Whether the object has a pixel at the border of the image, and may be cut off. Axes of
            a single pixel do not count.
        ``area_convex``, ``solidity``
            Pixels in the convex hull, and ``area`` divided by them.
        ``orientation`` (2D)
            Angle between the rows' axis and the major axis, in rad from -π/2 to π/2, counted
            counter-clockwise. Means nothing for an object without a longest direction.
        ``eccentricity`` (2D)
            Focal distance of the ellipse divided by its major axis: 0 for a circle.
        ``perimeter_crofton`` (2D)
            Perimeter by Crofton's formula in four directions, in px.
        ``circularity`` (2D)
            :math:`4 \pi A / P^2` with the Crofton perimeter: 1 for a disk, less for any other
            shape. Above 1 for objects of a few pixels, whose perimeter is not resolved.
        ``intensity_mean``, ``_std``, ``_min``, ``_max``, ``_sum``
            Of the object's pixels; for an image with channels followed by ``-`` and the channel.
            NaN for an object with a pixel that is not finite.

        With a pixel size, lengths and areas come in µm besides: ``area_um2`` (``volume_um3``),
        ``centroid_um-0`` …, ``equivalent_diameter_area_um``, ``axis_major_length_um``,
        ``axis_minor_length_um``, ``perimeter_crofton_um``; and orientation, eccentricity and
        circularity are those of the true shape where pixels are not square.

    Raises
    ------
    InputError
        If the labels are not integers, the shapes do not fit, or names or sizes are missing.
    UsageError
        If a property is unknown or cannot be measured on these arrays.

    Examples
    --------
    >>> import numpy as np
    >>> table = measure_objects(np.array([[0, 7, 7], [0, 7, 7]]), pixel_size=(0.5, 0.5))
    >>> table["label"], table["area"], table["area_um2"]
    (array([7]), array([4]), array([1.]))
    """
    labels = np.asarray(labels)
    regions = find_regions(labels)
    channels = {} if image is None else _channels(np.asarray(image), labels, channel_names)
    wanted = _wanted(properties, labels.ndim, bool(channels))
    spacing = None if pixel_size is None else _spacing(pixel_size, labels.ndim)
    table: Table = {"label": regions.labels}
    table |= _sizes(regions, labels.ndim, spacing)
    table |= _places(regions, labels.shape, spacing)
    if wanted & {"area_convex", "solidity"}:
        table |= _hulls(regions, labels.ndim)
    if wanted & {"euler_number", "perimeter_crofton", "circularity"}:
        table |= _outlines(regions, labels.ndim, spacing)
    if wanted & set(INTENSITY_PROPERTIES):
        for suffix, channel in channels.items():
            for statistic, values in intensities(regions, channel).items():
                table[f"intensity_{statistic}{suffix}"] = values
    return {name: column for name, column in table.items() if _property_of(name) in wanted}


def measure_in_image(labels: AnyArray, image: Image | None) -> Table:
    """Measure every object with what an image tells: intensities, the pixel size, channel names.

    Parameters
    ----------
    labels : array of int, shape ([Z,] Y, X)
        As for `measure_objects`.
    image : Image, optional
        Axes ``"[C][Z]YX"``, of the size of the labels; without it shapes alone are measured.

    Raises
    ------
    InputError
        As `measure_objects`.
    """
    if image is None:
        return measure_objects(labels)
    return measure_objects(
        labels,
        image.to_numpy(),
        pixel_size=image.pixel_size,
        channel_names=image.channel_names,
    )


def measure_movie(labels: AnyArray, image: Image | None) -> Table:
    """Measure the objects of every frame on its own; see `measure_in_image`.

    Parameters
    ----------
    labels : array of int, shape (T, [Z,] Y, X)
    image : Image, optional
        Axes ``"T[C][Z]YX"``, of the size of the labels.

    Returns
    -------
    Table
        The columns of `measure_in_image` and, after ``label``, ``frame``, counted from 0.

    Raises
    ------
    InputError
        As `measure_objects`, and if labels and image have not the same number of frames.
    """
    count = len(labels) if image is None else image.sizes["T"]
    if np.ndim(labels) < 3 or len(labels) != count:
        raise InputError(
            f"The labels of shape {np.shape(labels)} do not fit a movie of {count} frames; they "
            "must have the shape (T, [Z,] Y, X)."
        )
    tables = []
    for frame, plane in enumerate(labels):
        table = measure_in_image(plane, None if image is None else image.region(T=frame))
        column = np.full(len(table["label"]), frame)
        tables.append({"label": table.pop("label"), "frame": column, **table})
    return concatenate(tables)


def _property_of(column: str) -> str:
    """Return the property that a column belongs to."""
    name = column.split("-")[0]
    return "area" if name == "volume_um3" else name.removesuffix("_um2").removesuffix("_um")


def _wanted(properties: Collection[str] | None, ndim: int, has_image: bool) -> set[str]:
    possible = {"label", *SHAPE_PROPERTIES}
    if ndim == 2:
        possible.update(PLANE_PROPERTIES)
    if has_image:
        possible.update(INTENSITY_PROPERTIES)
    if properties is None:
        return possible
    impossible = sorted(set(properties) - possible)
    if impossible:
        raise UsageError(
            f"Cannot measure {', '.join(impossible)} here ({ndim}D labels, "
            f"{'with' if has_image else 'without'} an image); choose from "
            f"{', '.join(sorted(possible))}."
        )
    return {"label", *properties}


def _channels(
    image: AnyArray, labels: AnyArray, names: Sequence[str] | None
) -> dict[str, AnyArray]:
    """Return the channels by the suffix of their columns."""
    if image.dtype.kind not in "buif":
        raise InputError(f"The image has type {image.dtype}, which is no number.")
    if image.shape[image.ndim - labels.ndim :] != labels.shape or image.ndim > labels.ndim + 1:
        raise InputError(
            f"The image of shape {image.shape} does not fit the labels of shape {labels.shape}; "
            "it must have the same shape, or one more axis of channels in front."
        )
    if image.ndim == labels.ndim:
        if names is None:
            return {"": image}
        image = image[None]
    names = [str(number) for number in range(len(image))] if names is None else names
    if len(names) != len(image) or len(set(names)) != len(names):
        raise InputError(
            f"The image has {len(image)} channels, but the names are {list(names)}; "
            "give a different name to each channel."
        )
    return {f"-{name}": channel for name, channel in zip(names, image, strict=True)}


def _spacing(pixel_size: Sequence[float], ndim: int) -> DoubleArray:
    spacing = np.asarray(pixel_size, dtype=np.float64)
    if spacing.shape != (ndim,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise InputError(
            f"The pixel size {tuple(pixel_size)} µm does not fit {ndim}D labels; "
            f"give {ndim} positive numbers."
        )
    return spacing


def _places(regions: Regions, shape: tuple[int, ...], spacing: DoubleArray | None) -> Table:
    """Bounding box, centroid, extent and whether the border cuts the object."""
    axes = slice(3 - len(shape), 3)
    lower, upper = regions.bounds[:, 0, axes], regions.bounds[:, 1, axes]
    centroid = regions.centroid[:, axes]
    table = _numbered("bbox", np.concatenate([lower, upper], axis=1))
    table |= _numbered("centroid", centroid)
    if spacing is not None:
        table |= _numbered("centroid_um", centroid * spacing)
    table["extent"] = regions.area / np.prod(upper - lower, axis=1)
    at_border = (lower == 0) | (upper == shape)
    table["touches_border"] = (at_border & (np.array(shape) > 1)).any(axis=1)
    return table


def _numbered(name: str, columns: AnyArray) -> Table:
    return {f"{name}-{number}": columns[:, number] for number in range(columns.shape[1])}


def _sizes(regions: Regions, ndim: int, spacing: DoubleArray | None) -> Table:
    """Area, diameter and the ellipse (ellipsoid) with the same second moments."""
    axes = slice(3 - ndim, 3)
    covariance = regions.covariance[:, axes, axes]
    variances = _principal(covariance)
    table: Table = {"area": regions.area}
    table |= _lengths(regions.area, variances, "")
    if spacing is not None:
        size = regions.area * np.prod(spacing)
        covariance = covariance * np.outer(spacing, spacing)
        variances = _principal(covariance)
        table["area_um2" if ndim == 2 else "volume_um3"] = size
        table |= _lengths(size, variances, "_um")
    if ndim == 2:
        table |= _directions(covariance, variances)
    return table


def _principal(covariance: DoubleArray) -> DoubleArray:
    """Return the variances along the principal axes, ascending; never below 0 by rounding."""
    return np.asarray(np.maximum(np.linalg.eigvalsh(covariance), 0.0))


def _lengths(size: AnyArray, variances: DoubleArray, unit: str) -> Table:
    ndim = variances.shape[-1]
    # A uniform ellipse (ellipsoid) has a variance of a² / (D + 2) along a semi-axis of length a.
    axes = 2 * np.sqrt((ndim + 2) * variances)
    ball = np.pi / (2 * ndim)  # Size of the disk or ball of diameter 1.
    return {
        f"equivalent_diameter_area{unit}": (size / ball) ** (1 / ndim),
        f"axis_major_length{unit}": axes[:, -1],
        f"axis_minor_length{unit}": axes[:, 0],
    }


def _directions(covariance: DoubleArray, variances: DoubleArray) -> Table:
    least, most = variances.T
    yy, xx, mixed = covariance[:, 0, 0], covariance[:, 1, 1], covariance[:, 0, 1]
    angle = 0.5 * np.arctan2(2 * mixed, yy - xx)
    undirected = (yy == xx) & (mixed == 0)
    return {
        "orientation": np.where(undirected, -np.pi / 4, angle),
        "eccentricity": np.sqrt(1 - least / np.where(most > 0, most, 1.0)) * (most > 0),
    }


def _hulls(regions: Regions, ndim: int) -> Table:
    convex = convex_areas_2d(regions) if ndim == 2 else convex_areas_3d(regions)
    return {"area_convex": convex, "solidity": regions.area / convex}


def _outlines(regions: Regions, ndim: int, spacing: DoubleArray | None) -> Table:
    if ndim == 3:
        return {"euler_number": euler_numbers_3d(regions)}
    entries, euler = outlines_2d(regions)
    perimeter = crofton_perimeter(entries, (1.0, 1.0))
    table: Table = {"euler_number": euler, "perimeter_crofton": perimeter}
    size = regions.area.astype(np.float64)
    if spacing is not None:
        perimeter = crofton_perimeter(entries, (spacing[0], spacing[1]))
        size = size * np.prod(spacing)
        table["perimeter_crofton_um"] = perimeter
    table["circularity"] = 4 * np.pi * size / perimeter**2
    return table


def size_column(table: Table) -> tuple[str, str, str, str]:
    """Return what tells the size of objects of a table, and in which units.

    Returns
    -------
    what : {"area", "volume"}
    column : str
        That of the size in µm, where pixels have one; in pixels it is ``area``.
    unit, pixels : str
        Of that column, and of ``area``.
    """
    if "centroid-2" in table:
        return "volume", "volume_um3", "µm³", "voxels"
    return "area", "area_um2", "µm²", "px"
