"""Pixel size, frame interval and channel names written in TIFF files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from xml.etree import ElementTree

from cellwright.images.units import SECONDS, micrometres, plain_unit, seconds

LARGEST_TAG_PIXEL = 10.0
"""µm. Plain resolution tags mostly hold a printer's 72 to 1200 dots per inch (353 to 21 µm);
only a finer one can be a microscope's."""
_UNEVEN = 0.1
"""How far, as a share of the mean, a step in time may be from it where frames follow evenly."""


@dataclass(frozen=True, slots=True)
class TiffMetadata:
    """What a TIFF file tells beside its pixels; µm by axis letter, s, one name per channel."""

    spacing: Mapping[str, float] = field(default_factory=dict)
    frame_interval: float | None = None
    channel_names: Sequence[str] | None = None


def _known(**sizes: float | None) -> dict[str, float]:
    return {axis: size for axis, size in sizes.items() if size is not None}


def from_ome(xml: str) -> list[tuple[str, TiffMetadata]]:
    """Return name and metadata of every image of an OME-XML description, in its order."""
    return [
        (image.get("Name", ""), _from_pixels(pixels))
        for image in ElementTree.fromstring(xml).findall("{*}Image")
        for pixels in image.findall("{*}Pixels")
    ]


def _from_pixels(pixels: ElementTree.Element) -> TiffMetadata:
    given = pixels.attrib
    names = [channel.get("Name") for channel in pixels.findall("{*}Channel")]
    spacing = {
        axis: micrometres(
            given.get(f"PhysicalSize{axis}"), given.get(f"PhysicalSize{axis}Unit", "µm")
        )
        for axis in "ZYX"
    }
    interval = seconds(given.get("TimeIncrement"), given.get("TimeIncrementUnit", "s"))
    interval = interval or _interval_of_planes(pixels)
    complete = [name for name in names if name]
    return TiffMetadata(
        _known(**spacing), interval, complete if len(complete) == len(names) else None
    )


def _interval_of_planes(pixels: ElementTree.Element) -> float | None:
    """Return the interval in s of frames whose planes tell when they were taken.

    Many microscopes write the time of each plane (DeltaT) and no increment. Frames that do not
    follow each other evenly have no interval.
    """
    taken: dict[float, float] = {}
    for plane in pixels.findall("{*}Plane"):
        frame, when = _number(plane.get("TheT")), _number(plane.get("DeltaT"))
        unit = SECONDS.get(plain_unit(plane.get("DeltaTUnit", "s")))
        first = plane.get("TheC") == "0" == plane.get("TheZ")
        if first and frame is not None and when is not None and unit is not None:
            taken[frame] = when * unit
    if len(taken) < 2 or sorted(taken) != list(range(len(taken))):
        return None
    steps = [taken[frame] - taken[frame - 1] for frame in range(1, len(taken))]
    mean = sum(steps) / len(steps)
    even = all(abs(step - mean) <= _UNEVEN * mean for step in steps)
    return float(f"{mean:.9g}") if mean > 0 and even else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) else None


def from_imagej(
    metadata: Mapping[str, Any], resolution: Mapping[str, float], channels: int
) -> TiffMetadata:
    """Read ImageJ's description.

    Parameters
    ----------
    metadata : mapping
        ImageJ's own keys: unit, spacing, finterval, Labels.
    resolution : mapping of str to float
        Pixels per unit along Y and X.
    channels : int
        Number of channels.
    """
    unit = metadata.get("unit", "")
    y_unit, z_unit = metadata.get("yunit", unit), metadata.get("zunit", unit)
    per_pixel = {axis: 1 / value for axis, value in resolution.items() if value > 0}
    depth = metadata.get("spacing")  # below 0 where planes were taken downwards
    spacing = _known(
        X=micrometres(per_pixel.get("X"), unit),
        Y=micrometres(per_pixel.get("Y"), y_unit),
        Z=micrometres(abs(depth) if isinstance(depth, int | float) else depth, z_unit),
    )
    if unit == "inch":  # what ImageJ makes of a printer's resolution in the file it opened
        spacing = _of_microscope(spacing)
    interval = seconds(metadata.get("finterval"), metadata.get("tunit", "s"))
    return TiffMetadata(spacing, interval, _slice_labels(metadata.get("Labels"), channels))


def _slice_labels(labels: Any, channels: int) -> Sequence[str] | None:
    """Return the channel names when ImageJ's slice labels repeat one name per channel."""
    if not isinstance(labels, list) or len(labels) % channels or not all(labels):
        return None
    names = labels[:channels]
    distinct = len(set(names)) == channels
    return names if distinct and names * (len(labels) // channels) == labels else None


def from_aperio(description: str) -> TiffMetadata:
    """Read the µm per pixel of an Aperio slide."""
    found = re.search(r"\bMPP\s*=\s*([0-9.]+)", description)
    size = micrometres(found[1], "µm") if found else None
    return TiffMetadata(_known(Y=size, X=size))


def from_resolution(resolution: Mapping[str, float], unit: str) -> TiffMetadata:
    """Read the plain resolution tags: pixels per inch or centimetre along Y and X."""
    spacing = {
        axis: micrometres(1 / value, unit) for axis, value in resolution.items() if value > 0
    }
    return TiffMetadata(_of_microscope(_known(**spacing)))


def _of_microscope(spacing: Mapping[str, float]) -> dict[str, float]:
    return {axis: size for axis, size in spacing.items() if size <= LARGEST_TAG_PIXEL}
