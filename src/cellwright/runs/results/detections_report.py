"""The page about objects that were found as places."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellwright._types import Table
from cellwright.datasets.boxes import ONE_CLASS
from cellwright.models.spots import SPOT
from cellwright.reports.charts import histogram
from cellwright.reports.page import Number, median
from cellwright.runs.results.page import (
    MAX_ROWS,
    cell,
    class_counts,
    class_legend,
    image_cells,
    number_of,
    objects_title,
    results_page,
)
from cellwright.runs.results.plan import Outcome

_MEASURED = {
    "confidence": ("Confidence", "confidence", ""),
    "snr": ("Signal over noise", "signal over noise", ""),
    "intensity": ("Brightness", "intensity above the ground", ""),
    "sigma": ("Width of the spots", "standard deviation of a spot", "px"),
}
"""Columns that say how objects look: the title of their distribution, what they are, their unit."""
_OURS = (ONE_CLASS, SPOT)
_ENOUGH = 4  # more values than this make a distribution


def detections_report(
    record: Mapping[str, Any], outcomes: Sequence[Outcome], table: Table, *, drawn: str
) -> str:
    """Return the page about detections: how many of which class are in which image.

    Parameters
    ----------
    record : mapping
        The content of ``run.json``.
    outcomes : sequence of Outcome
        With the number of objects of each class (``classes``) among their facts.
    table : Table
        One row per object, of all images: ``confidence``, ``intensity``, ``sigma`` as far as known.
    drawn : str
        What marks them in the pictures: ``"boxes"`` or ``"points"``.

    Returns
    -------
    str
        HTML with all styles, pictures and scripts inside.
    """
    done = [outcome for outcome in outcomes if outcome.done]
    counts = class_counts(done)
    overview = [
        number_of(len(done), "image"),
        *(Number(_many(name), f"{sum(each):,}") for name, each in counts.items()),
        *(
            Number(f"{_many(name)} per image (median)", median(each))
            for name, each in counts.items()
        ),
        *(
            Number(f"{what} (median)", median(table[name]), unit)
            for name, (_, what, unit) in _MEASURED.items()
            if name in table
        ),
        number_of(sum(bool(outcome.warnings) for outcome in done), "image", " with warnings"),
    ]
    charts = [
        histogram(np.array(each), f"{_many(name)} per image", _many(name))
        for name, each in counts.items()
        if len(each) > _ENOUGH
    ]
    for name, (title, what, unit) in _MEASURED.items():
        if len(values := table.get(name, np.zeros(0))):
            limits = (0.0, 1.0) if name == "confidence" else None
            label = f"{what} [{unit}]" if unit else what
            charts.append(histogram(values, title, label, limits=limits))
    return results_page(
        record,
        outcomes,
        title=objects_title(done),
        overview=overview,
        charts=charts,
        drawn=drawn,
        legend=class_legend(counts),
        table=_image_table(outcomes, list(counts)),
    )


def _image_table(outcomes: Sequence[Outcome], names: Sequence[str]) -> dict[str, Any]:
    by_density = [name for name in names if any(name in _expected(one) for one in outcomes)]
    rows = []
    for outcome in outcomes[:MAX_ROWS]:
        counts, expected = outcome.facts.get("classes", {}), _expected(outcome)
        cells = [cell(counts.get(name), ",d") for name in names]
        cells += [cell(expected.get(name), ",.1f") for name in by_density]
        rows.append(image_cells(outcome, cells))
    densities = [f"{name}, by density" for name in by_density]
    return {
        "columns": ["image", *map(_many, names), *densities, "seconds", "remarks"],
        "rows": rows,
        "total": len(outcomes),
    }


def _many(name: str) -> str:
    """Return what objects of a class are called; classes that a person named stay as they are."""
    return f"{name}s" if name in _OURS else name


def _expected(outcome: Outcome) -> Mapping[str, float]:
    """Return how many objects there are, found or not, as far as the model told."""
    expected: Mapping[str, float] = outcome.facts.get("expected", {})
    return expected
