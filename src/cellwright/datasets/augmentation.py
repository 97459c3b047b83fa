"""How strongly training patches are varied: the settings and ready-made strengths."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cellwright._errors import UsageError

_FRACTIONS = (
    "free",
    "foreground",
    "blurred",
    "recolour",
    "inversion",
    "channel_drop",
    "paste",
    "foci",
    "empty",
)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may happen to a patch, and how strongly.

    Volumes are turned and bent in the plane only, as their planes are often farther apart than
    their pixels. Intensities are changed after normalisation, so 1 is about the brightest value.

    Parameters
    ----------
    flips : bool
        Mirror each axis half of the time.
    quarter_turns : bool
        Turn by 0°, 90°, 180° or 270°.
    free : float
        Fraction of patches that are also rotated, scaled and bent. The others keep the exact
        pixels and outlines of the source.
    rotation : float
        Largest free rotation in degrees.
    scale : tuple of float
        Smallest and largest magnification, drawn log-uniformly.
    magnification : float
        Of every patch, before any by chance.
    diameter_range : tuple of float, optional
        Bounds in pixels on the diameter of an example's median object after magnification: what
        would fall outside is magnified (or reduced) just so far that it does not. Applies to
        every patch.
    reference_diameter : float, optional
        Diameter in pixels to which examples outside of `diameter_range` are brought before they
        are magnified by chance; when not given, they stay at its bounds.
    elastic : float
        Largest root-mean-square displacement of the elastic deformation in pixels.
    elastic_spacing : float
        Distance between its independent displacements in pixels.
    foreground : float
        Fraction of patches placed over an object; the others lie anywhere.
    gain, channel_gain : float
        Standard deviation of the logarithm of the factor on all channels, and on each alone.
    offset : float
        Standard deviation of what is added.
    gamma : tuple of float
        Smallest and largest exponent, drawn log-uniformly.
    noise, shot_noise : float
        Largest standard deviation of camera noise, largest variance of photon noise at 1.
    blurred, blur : float
        Fraction of patches that are blurred, and the largest sigma in pixels.
    local_gain : float
        Largest standard deviation of the logarithm of a factor that varies smoothly from place
        to place: uneven light, dim beside bright objects, texture within them.
    local_gain_spacing : tuple of float
        Smallest and largest distance over which that factor changes in pixels, drawn
        log-uniformly.
    stain : float
        Standard deviation of the logarithm of each stain's density, in colour images.
    recolour : float
        Fraction of colour patches that are shown in other dyes, with channels mixed at random, in
        grey, or as haematoxylin alone, bright on dark.
    inversion, channel_drop : float
        Fraction of patches turned negative, and with one channel (of several) set to 0.
    paste : float
        Fraction of patches of bright objects on dark ground into which objects of the same
        example are copied, one of them beside or partly over another; see `paste_objects`.
    foci : float
        Fraction of patches of bright objects on dark ground in which objects get bright spots or
        dark holes; see `add_foci`.
    empty : float
        Fraction of patches that are replaced by what an image without objects looks like once
        it is normalised: noise, stretched to full contrast, on a slow background.

    Raises
    ------
    UsageError
        If a fraction is not between 0 and 1, or a range or size cannot be.
    """

    flips: bool = True
    quarter_turns: bool = True
    free: float = 0.7
    rotation: float = 180.0
    scale: tuple[float, float] = (0.7, 1.4)
    magnification: float = 1.0
    diameter_range: tuple[float, float] | None = None
    reference_diameter: float | None = None
    elastic: float = 1.5
    elastic_spacing: float = 32.0
    foreground: float = 0.8
    gain: float = 0.15
    channel_gain: float = 0.1
    offset: float = 0.05
    gamma: tuple[float, float] = (0.75, 1.35)
    noise: float = 0.06
    shot_noise: float = 0.01
    blurred: float = 0.2
    blur: float = 1.2
    local_gain: float = 0.0
    local_gain_spacing: tuple[float, float] = (4.0, 96.0)
    stain: float = 0.15
    recolour: float = 0.0
    inversion: float = 0.0
    channel_drop: float = 0.0
    paste: float = 0.0
    foci: float = 0.0
    empty: float = 0.0

    def __post_init__(self) -> None:
        for name in _FRACTIONS:
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"Augmentation: '{name}' is a fraction from 0 to 1.")
        for name in ("scale", "diameter_range", "gamma", "local_gain_spacing"):
            bounds = getattr(self, name)
            if bounds is not None and not 0 < bounds[0] <= bounds[1]:
                raise UsageError(
                    f"Augmentation: '{name}' is {bounds}; give a positive lower bound and an "
                    "upper one that is not smaller."
                )
        for name, spacing in (
            ("elastic_spacing", self.elastic_spacing),
            ("local_gain_spacing", self.local_gain_spacing[0]),
        ):
            if spacing < 4:
                raise UsageError(f"Augmentation: '{name}' must be at least 4 pixels.")


_STANDARD = Augmentation()
_NONE = Augmentation(
    flips=False,
    quarter_turns=False,
    free=0.0,
    gain=0.0,
    channel_gain=0.0,
    offset=0.0,
    gamma=(1.0, 1.0),
    noise=0.0,
    shot_noise=0.0,
    blurred=0.0,
    stain=0.0,
)
STRENGTHS: dict[str, Augmentation] = {
    "none": _NONE,
    "light": replace(_NONE, flips=True, quarter_turns=True, gain=0.1, noise=0.03),
    "standard": _STANDARD,
    "strong": replace(
        _STANDARD,
        free=0.85,
        scale=(0.5, 2.0),
        elastic=3.0,
        gain=0.3,
        channel_gain=0.2,
        offset=0.1,
        gamma=(0.5, 2.0),
        noise=0.15,
        shot_noise=0.03,
        blurred=0.35,
        blur=2.0,
        local_gain=0.3,
        stain=0.3,
        recolour=0.2,
        channel_drop=0.05,
        paste=0.2,
    ),
}
"""Ready-made settings from ``"none"`` (random crops only) to ``"strong"``."""


def augmentation(strength: str) -> Augmentation:
    """Return the ready-made settings of that name; `UsageError` lists the names."""
    if strength not in STRENGTHS:
        raise UsageError(
            f"There is no augmentation strength '{strength}'; choose from {', '.join(STRENGTHS)}."
        )
    return STRENGTHS[strength]
