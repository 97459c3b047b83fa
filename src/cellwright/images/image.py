"""The image: pixels with named axes, a pixel size and channel names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from cellwright._arguments import check_numbers, check_texts, described, given
from cellwright._errors import AxesError, InputError, UsageError
from cellwright._types import AnyArray
from cellwright._words import option

AXES = "TCZYX"
SPATIAL_AXES = "ZYX"


@runtime_checkable
class PixelSource(Protocol):
    """What the pixels of an image may be: an array, or something that reads regions lazily."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis, in pixels (or frames, or channels)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""

    def __getitem__(self, key: Any) -> AnyArray:
        """Read the region given by one slice per axis."""


@dataclass(frozen=True, slots=True)
class Image:
    """Pixels with named axes.

    Parameters
    ----------
    data : array or lazy source
        A NumPy array, or anything with `shape`, `dtype` and slicing that reads regions on demand.
    axes : str
        One letter per axis of `data`, a subset of ``"TCZYX"`` in that order; Y and X always.
        A colour image has axes ``"CYX"`` and channel names ``("red", "green", "blue")``.
    pixel_size : tuple of float, optional
        Distance between neighbouring pixels in µm along each spatial axis, in the order of
        `axes`: ``(y, x)`` or ``(z, y, x)``. None when unknown.
    frame_interval : float, optional
        Time between frames in s.
    channel_names : tuple of str, optional
        One name per channel.
    name : str
        What messages and tables call the image, such as its file's stem.
    lateral_size : tuple of float, optional
        ``(y, x)`` in µm of a volume of which that alone is known, and not how far apart its planes
        are; it becomes the pixel size of a plane of it.

    Raises
    ------
    AxesError
        If the axes do not fit the shape, a pixel size or channel name is missing or extra, or a
        pixel size or the frame interval is not positive.
    InputError
        If `data` is no array.
    UsageError
        If `frame_interval` is no number, or `name` no text.
    """

    data: PixelSource
    axes: str
    pixel_size: tuple[float, ...] | None = None
    frame_interval: float | None = None
    channel_names: tuple[str, ...] | None = None
    name: str = "image"
    lateral_size: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.data, PixelSource):
            raise InputError(
                f"The pixels of an image are an array, not {described(self.data)}. Make one with "
                "numpy.array, or read a file with cellwright.read(path)."
            )
        if not isinstance(self.axes, str):
            raise AxesError(f"Axes are letters, such as 'CYX', not {described(self.axes)}.")
        check_axes(self.axes, self.data.shape, self.name)
        check_texts(name=self.name)
        check_numbers(**given(frame_interval=self.frame_interval))
        self._check_size(self.pixel_size, self.spatial_axes)
        self._check_size(self.lateral_size, "YX")
        if self.frame_interval is not None and not 0 < self.frame_interval < np.inf:
            raise AxesError(
                f"'{self.name}': the frame interval {self.frame_interval} s is not positive; "
                "give the true time, or none."
            )
        if isinstance(self.channel_names, str):
            raise AxesError(
                f"'{self.name}': channel names are several, such as ('DAPI', 'actin'), not the "
                f"text {self.channel_names!r}."
            )
        if self.channel_names is not None and len(self.channel_names) != self.sizes.get("C", 1):
            raise AxesError(
                f"'{self.name}': {len(self.channel_names)} channel names were given for "
                f"{self.sizes.get('C', 1)} channels."
            )

    def _check_size(self, size: tuple[float, ...] | None, axes: str) -> None:
        if size is None:
            return
        if not isinstance(size, Sequence) or not all(isinstance(one, Real) for one in size):
            raise AxesError(
                f"'{self.name}': a pixel size is a number in µm for each of the axes {axes}, such "
                f"as {(0.5,) * len(axes)}, not {size!r}."
            )
        if len(size) != len(axes):
            raise AxesError(
                f"'{self.name}': {len(size)} pixel sizes were given for the spatial axes {axes}; "
                "give one in µm for each."
            )
        if not all(np.isfinite(one) and one > 0 for one in size):
            raise AxesError(
                f"'{self.name}': the pixel size {size} µm is not positive; give the true size, "
                "or none."
            )

    def __repr__(self) -> str:
        """Say what it is without its pixels."""
        size = " × ".join(map(str, self.shape))
        known = {
            "pixel_size": self.pixel_size,
            "lateral_size": self.lateral_size,
            "frame_interval": self.frame_interval,
            "channel_names": self.channel_names,
        }
        facts = "".join(f", {name}={fact!r}" for name, fact in known.items() if fact is not None)
        return f"Image({self.name!r}, {self.axes} {size}, {self.dtype}{facts})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each axis, in the order of `axes`."""
        return tuple(self.data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        return np.dtype(self.data.dtype)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Size of each axis by its letter."""
        return dict(zip(self.axes, self.data.shape, strict=True))

    @property
    def spatial_axes(self) -> str:
        """The spatial axes: ``"YX"`` or ``"ZYX"``."""
        return "".join(axis for axis in self.axes if axis in SPATIAL_AXES)

    @property
    def spacing(self) -> Mapping[str, float]:
        """Distance of neighbouring pixels in µm along each spatial axis of which it is known."""
        known = self.pixel_size or self.lateral_size or ()
        return dict(zip(self.spatial_axes[-len(known) :], known, strict=True)) if known else {}

    @property
    def is_rgb(self) -> bool:
        """Whether the channels are red, green and blue."""
        return self.channel_names == ("red", "green", "blue")

    def to_numpy(self) -> AnyArray:
        """Return all pixels as one array, reading them where they are lazy."""
        return np.asarray(self.data[(slice(None),) * len(self.axes)])

    def region(self, **bounds: slice | int) -> Image:
        """Return part of the image, reading only that part.

        Parameters
        ----------
        **bounds : slice or int
            For any axis letter (``y=slice(0, 512)``, ``c=1``); an integer drops the axis, a step
            leaves pixels out. A slice that reaches beyond the image ends with it, as in NumPy.

        Returns
        -------
        Image
            The region with its pixels in memory and the matching pixel size, frame interval and
            channel names. One frame keeps the interval of its movie.

        Raises
        ------
        AxesError
            If the image has no such axis, or Y or X would be dropped.
        UsageError
            If a bound is neither a slice nor the number of a place on its axis, or nothing lies
            within it.
        """
        wanted = {axis.upper(): bound for axis, bound in bounds.items()}
        unknown = sorted(set(wanted) - set(self.axes))
        if unknown:
            raise AxesError(f"'{self.name}' has axes {self.axes}, not {''.join(unknown)}.")
        for axis, bound in wanted.items():
            count = self.sizes[axis]
            if not isinstance(bound, slice) and bound not in range(-count, count):
                raise UsageError(
                    f"{axis} must be a slice or a number below {count}, not {described(bound)}."
                )
            if isinstance(bound, slice) and not range(count)[bound]:
                raise UsageError(
                    f"Nothing of '{self.name}' lies within {axis}={bound}: its axis {axis} goes "
                    f"from 0 to {count - 1}."
                )
        key = tuple(wanted.get(axis, slice(None)) for axis in self.axes)
        parts = zip(self.axes, key, strict=True)
        steps = {a: abs(part.step or 1) for a, part in parts if isinstance(part, slice)}
        names, interval = self.channel_names, self.frame_interval
        if names is not None and "C" in wanted:
            chosen = wanted["C"]
            names = names[chosen] if isinstance(chosen, slice) else None
        size = _stepped(self.pixel_size, self.spatial_axes, steps)
        lateral = _stepped(self.lateral_size, "YX", steps)
        if lateral is not None and "Z" not in steps:
            size, lateral = lateral, None
        return replace(
            self,
            data=np.asarray(self.data[key]),
            axes="".join(steps),
            pixel_size=size,
            lateral_size=lateral,
            frame_interval=None if interval is None else interval * steps.get("T", 1),
            channel_names=names,
        )


def _stepped(
    size: tuple[float, ...] | None, axes: str, steps: Mapping[str, int]
) -> tuple[float, ...] | None:
    """Return the pixel size along those of `axes` that are kept, where steps leave pixels out."""
    if size is None:
        return None
    return tuple(one * steps[axis] for axis, one in zip(axes, size, strict=True) if axis in steps)


def check_said_axes(axes: str | None, path: Path | None = None) -> None:
    """Refuse what somebody says the axes of a file are, unless it is nothing or can be true.

    Raises
    ------
    AxesError
        If they are not different letters of TCZYX.
    UsageError
        If they are no text.
    """
    if axes is None:
        return
    check_texts(axes=axes)
    wanted = axes.upper()
    if not wanted or set(wanted) - set(AXES) or len(set(wanted)) != len(wanted):
        of = f" given for '{path}'" if path else ""
        raise AxesError(
            f"The axes '{axes}'{of} must be different letters of {AXES}: time, channel, z, y, x; "
            "for example ZYX."
        )


def check_axes(axes: str, shape: tuple[int, ...], name: str) -> None:
    """Raise `AxesError` unless `axes` names every axis of `shape`, in the order TCZYX."""
    ordered = "".join(axis for axis in AXES if axis in axes)
    if axes != ordered or "Y" not in axes or "X" not in axes:
        raise AxesError(
            f"'{name}': the axes '{axes}' are not a subset of {AXES} in that order with Y and X."
        )
    if len(axes) != len(shape):
        raise AxesError(
            f"'{name}' has {len(shape)} axes of sizes {tuple(shape)}, but '{axes}' names "
            f"{len(axes)}. Say what they are with {option('axes')}, in letters of {AXES}."
        )
