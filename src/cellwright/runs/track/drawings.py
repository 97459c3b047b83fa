"""Drawings of tracks: ways over the field, and lineage trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.lineage import children_of, tree_rows
from cellwright.tracking.tracklets import Tracklets, find_tracklets
from cellwright.tracking.tracks import Tracks

_SIDE = 640.0
_MOST_PATHS = 1500
_MOST_TREES = 30
_ROW = 9.0
_WIDTH = 640.0


def draw_paths(tracks: Tracks) -> Markup:
    """Draw the path of each track as seen from above, and lines from mothers (dots) to daughters.

    Of many tracks, some are drawn, evenly spread over their numbers.
    """
    tracks = tracks.unshared()
    tracklets = find_tracklets(tracks, cut=tracks.branches())
    plane = tracks.position[:, -2:]
    low, extent = plane.min(axis=0), float(np.ptp(plane, axis=0).max()) or 1.0
    x, y = ((plane - low) * (_SIDE / extent)).T[::-1]
    height = float(y.max(initial=0.0))
    order = np.lexsort((tracks.frame, tracklets.of))
    parts = np.searchsorted(tracklets.of[order], np.arange(len(tracklets) + 1))
    chosen = np.unique(np.linspace(0, len(tracklets) - 1, _MOST_PATHS).astype(int))
    lines = [
        f'<polyline points="{_points(x, y, order[parts[k] : parts[k + 1]])}" '
        f'stroke="hsl({k * 137.5 % 360:.0f} 65% 45%)"/>'
        for k in chosen.tolist()
        if parts[k + 1] - parts[k] > 1
    ]
    mothers = np.flatnonzero(tracks.out_degree() > 1)[:_MOST_PATHS].tolist()
    dots = [f'<circle cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="2.5"/>' for i in mothers]
    births = tracks.edges[tracks.out_degree()[tracks.edges[:, 0]] > 1][:_MOST_PATHS]
    branches = [f'<polyline points="{_points(x, y, pair)}"/>' for pair in births]
    return Markup(
        f'<svg viewBox="-6 -6 {_SIDE + 12:.0f} {height + 12:.0f}" fill="none" '
        f'stroke-width="1.2" role="img" aria-label="paths of the tracks">{"".join(lines)}'
        f'<g stroke="currentColor" stroke-width="0.7" opacity="0.6">{"".join(branches)}</g>'
        f'<g fill="currentColor" opacity="0.6">{"".join(dots)}</g></svg>'
    )


class Families(NamedTuple):
    """Lineage trees, of the largest families where there are very many; empty without divisions."""

    drawing: Markup
    shown: int
    total: int

    @property
    def caption(self) -> str:
        """Which families are shown, of how many."""
        if self.shown < self.total:
            return f"The {self.shown:,} largest of {self.total:,} families in which a cell divides"
        if self.total == 1:
            return "The only family in which a cell divides"
        return f"All {self.total:,} families in which a cell divides, the largest first"


def draw_lineages(tracks: Tracks) -> Families:
    """Draw families as trees, time from left to right."""
    tracks = tracks.unshared()
    tracklets = find_tracklets(tracks, cut=tracks.branches())
    parents = tracklets.parents()
    children = children_of(tracklets)
    sizes = _family_sizes(parents)
    roots = np.flatnonzero((parents < 0) & (sizes > 1))
    count = len(roots)
    if not count:
        return Families(Markup(), 0, 0)
    roots = roots[np.argsort(-sizes[roots], kind="stable")][:_MOST_TREES]
    scale = _WIDTH / max(tracks.frame_count - 1, 1)
    drawn: list[str] = []
    top = _ROW
    for root in roots.tolist():
        rows = {one: top + _ROW * row for one, row in tree_rows(root, children).items()}
        drawn.extend(_tree(rows, children, tracklets, scale))
        top = max(rows.values()) + 2 * _ROW
    trees = Markup(
        f'<svg viewBox="-6 0 {_WIDTH + 12:.0f} {top:.0f}" fill="none" stroke="currentColor" '
        f'stroke-width="1.4" role="img" aria-label="lineage trees">{"".join(drawn)}</svg>'
    )
    return Families(trees, len(roots), count)


def _points(x: DoubleArray, y: DoubleArray, rows: IntArray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[rows], y[rows], strict=True))


def _family_sizes(parents: IntArray) -> IntArray:
    """Return how many tracks descend from each, itself included; children come after parents."""
    sizes = np.ones(len(parents), np.int64)
    for child in range(len(parents) - 1, -1, -1):
        if parents[child] >= 0:
            sizes[parents[child]] += sizes[child]
    return sizes


def _tree(
    rows: dict[int, float], children: list[list[int]], tracklets: Tracklets, scale: float
) -> Iterator[str]:
    for one, row in rows.items():
        start, end = tracklets.begin[one] * scale, tracklets.end[one] * scale
        yield (
            f'<path d="M{start:.1f} {row:.1f}H{end:.1f}">'
            f"<title>frames {tracklets.begin[one]} to {tracklets.end[one]}</title></path>"
        )
        for child in children[one]:
            begin = tracklets.begin[child] * scale
            yield f'<path d="M{end:.1f} {row:.1f}L{begin:.1f} {rows[child]:.1f}"/>'
