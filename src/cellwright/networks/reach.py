"""How far an output pixel sees, followed back exactly, layer by layer."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """The pixels `first` to `last`, both included, along one axis of a grid."""

    first: int
    last: int

    def widened(self, radius: int) -> "Span":
        """Return what a convolution of that radius reads to compute these pixels."""
        return Span(self.first - radius, self.last + radius)

    def finer(self, factor: int) -> "Span":
        """Return the same pixels on a grid `factor` times finer: what pooling reads."""
        return Span(self.first * factor, (self.last + 1) * factor - 1)

    def coarser(self, factor: int) -> "Span":
        """Return the pixels that hold these on a coarser grid: what nearest upsampling reads."""
        return Span(self.first // factor, self.last // factor)

    def joined(self, other: "Span") -> "Span":
        """Return the smallest span that holds both."""
        return Span(min(self.first, other.first), max(self.last, other.last))


def farthest(period: int, behind: Callable[[Span], Span]) -> int:
    """Return the greatest distance between an output pixel and an input pixel that it sees.

    Parameters
    ----------
    period : int
        In px; pixels that far apart see alike.
    behind : callable
        Gives the input pixels behind a span of output pixels.
    """

    def radius(pixel: int) -> int:
        seen = behind(Span(pixel, pixel))
        return max(pixel - seen.first, seen.last - pixel)

    return max(radius(pixel) for pixel in range(period))
