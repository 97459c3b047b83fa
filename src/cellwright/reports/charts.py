"""Charts as inline SVG, coloured by the style sheet of the page that they stand in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log10

import numpy as np
from markupsafe import Markup, escape

from cellwright._types import AnyArray

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 40


@dataclass(frozen=True, slots=True)
class Curve:
    """Lines over a common x axis, such as the training and validation loss.

    Parameters
    ----------
    title : str
        What the curve shows.
    x_label, y_label : str
        What the axes are, with their units.
    lines : mapping
        x and y values of each named line; values that are not finite are left out.
    """

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps data to the coordinates of the drawing; ticks of whole numbers have no fractions."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_whole: bool = False
    y_whole: bool = False

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def histogram(
    values: AnyArray, title: str, x_label: str, *, limits: tuple[float, float] | None = None
) -> Markup:
    """Draw how many of `values` lie where.

    Parameters
    ----------
    values : array
        Any number of values; those that are not finite are left out.
    title, x_label : str
        What is counted, and what the x axis is, with its unit.
    limits : tuple of float, optional
        Ends of the x axis. By default the 99.5th percentile ends it, and the last bar holds
        everything beyond.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if len(finite) == 0:
        return Markup()
    low, high = limits or _limits(finite)
    bins = max(8, min(32, round(2 * len(finite) ** (1 / 3))))
    whole = limits is None and bool(np.all(finite == np.round(finite)))
    if whole:
        low, high, bins = _whole_bars(low, high, bins)
    else:
        low, high = _padded(low, high)
    counts, edges = np.histogram(np.clip(finite, low, high), bins=bins, range=(low, high))
    frame = _Frame((low, high), (0.0, _ceiling(float(counts.max()))), x_whole=whole, y_whole=True)
    bars = [
        f'<rect class="bar" x="{frame.x(start) + 0.5:.1f}" y="{frame.y(count):.1f}" '
        f'width="{frame.x(end) - frame.x(start) - 1:.1f}" '
        f'height="{frame.y(0) - frame.y(count):.1f}" rx="1.5">'
        f"<title>{_between(start, end, whole=whole)}: {count}</title></rect>"
        for count, start, end in zip(counts.tolist(), edges[:-1], edges[1:], strict=True)
        if count
    ]
    median = float(np.median(finite))
    mark = frame.x(min(max(median, low), high))
    bars.append(
        f'<line class="median" x1="{mark:.1f}" x2="{mark:.1f}" y1="{TOP}" y2="{frame.y(0):.1f}">'
        f"<title>median {plain_number(median)}</title></line>"
    )
    return _chart(title, frame, x_label, "".join(bars), note=f"median {plain_number(median)}")


def curve_chart(curve: Curve) -> Markup:
    """Draw a `Curve`."""
    points = {
        name: [(x, y) for x, y in zip(xs, ys, strict=True) if isfinite(x) and isfinite(y)]
        for name, (xs, ys) in curve.lines.items()
    }
    points = {name: line for name, line in points.items() if line}
    if not points:
        return Markup()
    xs = [x for line in points.values() for x, _ in line]
    ys = [y for line in points.values() for _, y in line]
    across, up = _padded(min(xs), max(xs)), (min(0.0, min(ys)), _ceiling(max(ys)))
    frame = _Frame(across, up, x_whole=all(x == round(x) for x in xs))
    drawn, legend = [], []
    for number, (name, line) in enumerate(points.items()):
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in line)
        drawn.append(f'<polyline class="line line-{number % 4}" points="{path}"/>')
        x, y = line[-1]
        drawn.append(
            f'<circle class="dot line-{number % 4}" cx="{frame.x(x):.1f}" '
            f'cy="{frame.y(y):.1f}" r="3"><title>{escape(name)}: {plain_number(y)}</title></circle>'
        )
        legend.append(f'<span class="key key-{number % 4}">{escape(name)}</span>')
    return _chart(
        curve.title,
        frame,
        curve.x_label,
        "".join(drawn),
        legend="".join(legend),
        note=curve.y_label,
    )


def _chart(
    title: str, frame: _Frame, x_label: str, inside: str, *, legend: str = "", note: str = ""
) -> Markup:
    ticks = []
    right = WIDTH - RIGHT
    for value in _ticks(*frame.y_range, whole=frame.y_whole):
        y = frame.y(value)
        ticks.append(
            f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">'
            f"{plain_number(value)}</text>"
        )
    for value in _ticks(*frame.x_range, whole=frame.x_whole):
        ticks.append(
            f'<text class="tick" x="{frame.x(value):.1f}" y="{HEIGHT - BOTTOM + 15}" '
            f'text-anchor="middle">{plain_number(value)}</text>'
        )
    label = (
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" '
        f'text-anchor="middle">{escape(x_label)}</text>'
    )
    heading = f"<figcaption><b>{escape(title)}</b><span>{escape(note)}</span>{legend}</figcaption>"
    # Every value that is not a number of ours has passed through `escape`.
    return Markup(
        f'<figure class="chart">{heading}<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{"".join(ticks)}{inside}{label}</svg></figure>'
    )


def _limits(values: AnyArray) -> tuple[float, float]:
    low, high = float(values.min()), float(np.percentile(values, 99.5))
    if low >= 0 and low < 0.3 * high:
        low = 0.0
    return low, high


def _whole_bars(low: float, high: float, most: int) -> tuple[float, float, int]:
    """Return where bars of whole numbers begin and end, and how many there are.

    Each stands for as many numbers as all others, with its middle over theirs.
    """
    first, last = floor(low), ceil(high)
    width = ceil((last - first + 1) / most)
    bars = ceil((last - first + 1) / width)
    return first - 0.5, first + bars * width - 0.5, bars


def _between(start: float, end: float, *, whole: bool) -> str:
    """Return what a bar stands for, in words."""
    if whole:
        start, end = start + 0.5, end - 0.5
    last = "" if start == end else f" – {plain_number(end)}"
    return f"{plain_number(start)}{last}"


def _padded(low: float, high: float) -> tuple[float, float]:
    """Return the range, widened where there is nothing in it but what rounding leaves."""
    if high - low > 1e-9 * max(abs(low), abs(high)):
        return low, high
    margin = abs(low) * 0.5 or 0.5
    return low - margin, high + margin


def _ceiling(value: float) -> float:
    """Return the next round number that is not below `value`."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * unit >= value)


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return about four round numbers between `low` and `high`."""
    rough = max((high - low) / 4, 1.0 if whole else 0.0)
    unit = 10.0 ** floor(log10(rough))
    round_steps = (1, 2, 5, 10) if whole and unit == 1 else (1, 2, 2.5, 5, 10)
    step = next(s * unit for s in round_steps if s * unit >= rough * 0.999)
    return [n * step for n in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def plain_number(value: float) -> str:
    """Return a number with three significant digits, without an exponent where it reads well."""
    if value == 0 or 0.001 <= abs(value) < 100_000:
        digits = 0 if value == 0 else max(0, 2 - floor(log10(abs(value))))
        text = f"{value:,.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.2g}"
