"""The page about the tracks of a movie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._words import percent
from cellwright.reports.charts import Curve, curve_chart, histogram, plain_number
from cellwright.reports.page import Grid, Number, render_page
from cellwright.runs.track.drawings import draw_lineages, draw_paths
from cellwright.runs.track.film import Film
from cellwright.tracking.doubt import doubt_table, doubtful_links
from cellwright.tracking.summary import TrackSummary
from cellwright.tracking.tracks import PROBABILITY, Tracks

_DOUBTFUL_SHOWN = 20


def track_report(
    record: Mapping[str, Any],
    tracks: Tracks,
    summary: TrackSummary,
    film: Film,
    warnings: Sequence[str],
) -> str:
    """Return the page about tracks.

    Parameters
    ----------
    record : mapping
        The content of ``run.json``.
    tracks : Tracks
    summary : TrackSummary
    film : Film
        The movie and its tracks, to be played.
    warnings : sequence of str
        What to look at first.

    Returns
    -------
    str
        HTML with all styles, pictures and scripts inside.
    """
    length, unit = summary.length_unit, summary.time_unit
    count = len(summary.track_frames)
    return render_page(
        "tracking.html",
        title=f"{count:,} tracks in {summary.frames:,} frames",
        subtitle=Path(record["inputs"][0]["path"]).parent.name,
        overview=_overview(summary, length, unit),
        warnings=warnings,
        charts=[chart for chart in _charts(summary, length, unit) if chart],
        film=film,
        paths=draw_paths(tracks),
        width=_width(tracks, length),
        families=draw_lineages(tracks),
        motion=_motion(record.get("motion"), length),
        diffusion=_diffusion(summary, length, unit),
        doubtful=_doubtful(tracks),
        command_line=record.get("command_line", ""),
        parameters={
            name.replace("_", " "): value["path"] if name == "pins" else value
            for name, value in record["parameters"].items()
            if value not in (None, [])
        },
        versions=record["versions"],
    )


def _doubtful(tracks: Tracks) -> Grid:
    """Return the least certain links, as a table."""
    table = doubt_table(tracks, doubtful_links(tracks)[:_DOUBTFUL_SHOWN])
    rows = [
        (kind, f"{frame} → {later}", f"{label} → {other}", f"{y:.0f}, {x:.0f}", f"{sure:.3f}")
        for kind, frame, later, label, other, y, x, sure in zip(
            *(
                table[name].tolist()
                for name in (
                    "kind", "source_frame", "target_frame", "source_label", "target_label",
                    "y", "x", PROBABILITY,
                )
            ),
            strict=True,
        )
    ]  # fmt: skip
    return Grid("", ("kind", "frames", "labels", "y, x (px)", "probability"), rows)


def _width(tracks: Tracks, length: str) -> str:
    """Return how wide what is drawn is, for people."""
    across = np.ptp(tracks.position_um[:, -2:], axis=0).max(initial=0.0) if len(tracks) else 0.0
    return f"{float(across):,.0f} {length}"


def _overview(summary: TrackSummary, length: str, unit: str) -> list[Number]:
    numbers = [
        Number("detections", f"{summary.detections:,}"),
        Number("tracks", f"{len(summary.track_frames):,}"),
        Number("divisions", f"{summary.divisions:,}"),
    ]
    if summary.merges:
        numbers.append(Number("merges", f"{summary.merges:,}"))
    for name, value, measure in (
        ("median speed", _median(summary.speed), f"{length}/{unit}"),
        ("diffusion coefficient", _finite(summary.diffusion), f"{length}²/{unit}"),
        ("MSD exponent", _finite(summary.exponent), ""),
        ("median cycle", _median(summary.cycle), "frames" if unit == "frame" else unit),
        ("divisions per cell", summary.division_rate or None, f"1/{unit}"),
    ):
        if value is not None:
            numbers.append(Number(name, plain_number(value), measure))
    return numbers


def _charts(summary: TrackSummary, length: str, unit: str) -> list[str]:
    frames = range(summary.frames)
    times = "time lag, frames" if unit == "frame" else "time lag, s"
    return [
        curve_chart(
            Curve("Cells", "frame", "detections", {"cells": (frames, summary.cells.tolist())})
        ),
        histogram(summary.speed, "Speed", f"{length}/{unit}"),
        histogram(summary.net, "Displacement", f"first to last, {length}"),
        histogram(
            summary.directionality, "Directionality", "displacement / way", limits=(0.0, 1.0)
        ),
        histogram(summary.track_frames, "Length of tracks", "frames"),
        histogram(summary.cycle, "Cell cycle", f"birth to division, {unit}"),
        curve_chart(
            Curve(
                "Mean squared displacement",
                times,
                f"{length}²",
                {"MSD": (summary.lags.tolist(), summary.msd.tolist())},
            )
        ),
    ]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _diffusion(summary: TrackSummary, length: str, unit: str) -> str:
    """Say how sure the diffusion coefficient is; nothing where tracks are too short for it."""
    measure, (low, high) = f"{length}²/{unit}", summary.diffusion_interval
    if np.isfinite(summary.diffusion):
        words = f"Diffusion coefficient {plain_number(summary.diffusion)} {measure}"
        if np.isfinite(high):
            words += f" (95 % interval {plain_number(low)} to {plain_number(high)})"
        return (
            f"{words}, from how mean squared displacements grow over the first four time lags; "
            "what the uncertainty of positions adds to all of them is left out."
        )
    if not np.isfinite(high):
        return ""
    bound = f", which leaves less than {plain_number(high)} {measure}" if high > 0 else ""
    return (
        "No diffusion coefficient can be told: mean squared displacements do not grow over the "
        f"first four time lags beyond the uncertainty of positions{bound} (95 %). Things stay "
        "where they are, or are held there."
    )


def _motion(motion: Mapping[str, float] | None, length: str) -> str:
    """Say how things go on from frame to frame; nothing where they go at random."""
    if motion is None:
        return ""
    share = motion["start"] / (motion["start"] + motion["stop"])
    steps = f"steps of {motion['wander']:.2g} {length} along each axis"
    if share == 0:
        return f"They go at random, with {steps}."
    runs = (
        f"a velocity of {motion['speed']:.2g} {length} per frame along each axis, "
        f"{percent(motion['persistence'])} of which is kept from frame to frame"
    )
    if share == 1:
        return f"They go on with {runs}."
    return (
        f"They run and wander by turns: {percent(share)} run at a time, with {runs}, the others "
        f"wander, with {steps}; in each frame {percent(motion['start'])} of these begin to run, "
        f"and {percent(motion['stop'])} of those cease to."
    )


def _median(values: np.ndarray[Any, Any]) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
