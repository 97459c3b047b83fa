"""The page about objects that were found or measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright.measure.objects import size_column
from cellwright.reports.charts import histogram
from cellwright.reports.drawing import SURE, UNSURE, UNSURE_BELOW
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


def objects_report(record: Mapping[str, Any], outcomes: Sequence[Outcome], table: Table) -> str:
    """Return the page about objects that were found or measured.

    Parameters
    ----------
    record : mapping
        The content of ``run.json``.
    outcomes : sequence of Outcome
        What became of each image.
    table : Table
        One row per object, of all images.

    Returns
    -------
    str
        HTML with all styles, pictures and scripts inside.
    """
    done = [outcome for outcome in outcomes if outcome.done]
    counts = class_counts(done)
    return results_page(
        record,
        outcomes,
        title=objects_title(done),
        overview=_overview(outcomes, table, counts),
        charts=_charts(done, table),
        drawn="outlines",
        legend=class_legend(counts) if counts else _legend(table),
        table=_image_table(outcomes, list(counts), _sizes(table)[0]),
    )


def _overview(
    outcomes: Sequence[Outcome], table: Table, counts: Mapping[str, Sequence[int]]
) -> list[Number]:
    done = [outcome for outcome in outcomes if outcome.done]
    what, size, unit = _sizes(table)
    numbers = [
        number_of(len(done), "image"),
        number_of(sum(outcome.objects for outcome in done), "object"),
        *(Number(name, f"{sum(each):,}") for name, each in counts.items()),
        Number("objects per image (median)", median([outcome.objects for outcome in done])),
        Number(f"{what} of an object (median)", median(size), unit),
    ]
    if "confidence" in table:
        numbers.append(Number("confidence (median)", median(table["confidence"])))
    numbers.append(number_of(sum(bool(one.warnings) for one in done), "image", " with warnings"))
    if len(done) < len(outcomes):
        numbers.append(number_of(len(outcomes) - len(done), "image", " that failed"))
    return numbers


def _charts(done: Sequence[Outcome], table: Table) -> list[str]:
    what, size, unit = _sizes(table)
    charts: list[str] = [histogram(size, "Size of the objects", f"{what} [{unit}]")]
    if len(done) > 4:
        counts = np.array([outcome.objects for outcome in done])
        charts.insert(0, histogram(counts, "Objects per image", "objects"))
    charts += [
        histogram(table[name], f"Intensity{_channel(name)}", "mean intensity of an object")
        for name in table
        if name.startswith("intensity_mean")
    ]
    if "confidence" in table:
        charts.append(histogram(table["confidence"], "Confidence", "confidence", limits=(0.0, 1.0)))
    return charts


def _legend(table: Table) -> list[dict[str, Any]]:
    if "confidence" not in table:
        return [{"name": "object", "colour": SURE}]
    return [
        {"name": "confident", "colour": SURE},
        {"name": f"confidence below {UNSURE_BELOW}", "colour": UNSURE},
    ]


def _image_table(outcomes: Sequence[Outcome], names: Sequence[str], what: str) -> dict[str, Any]:
    sure = any("median_confidence" in outcome.facts for outcome in outcomes)
    medians = [f"median {what}", *(["median confidence"] if sure else [])]
    columns = ["image", "objects", *names, *medians, "seconds", "remarks"]
    rows = [
        image_cells(
            outcome,
            [
                cell(outcome.objects if outcome.done else None, ",d"),
                *(cell(facts.get("classes", {}).get(name), ",d") for name in names),
                cell(facts.get("median_area"), ",.1f", facts.get("area_unit", "")),
                *([cell(facts.get("median_confidence"), ".2f")] if sure else []),
            ],
        )
        for outcome in outcomes[:MAX_ROWS]
        for facts in [outcome.facts]
    ]
    return {"columns": columns, "rows": rows, "total": len(outcomes)}


def _sizes(table: Table) -> tuple[str, AnyArray, str]:
    """Return what the sizes of all objects are, and their unit: µm where all are known in µm."""
    what, name, unit, pixels = size_column(table)
    in_um = table.get(name)
    if in_um is not None and len(in_um) and bool(np.isfinite(in_um).all()):
        return what, in_um, unit
    return what, table.get("area", np.zeros(0)), pixels


def _channel(column: str) -> str:
    _, _, name = column.partition("-")
    return f", channel {name}" if name else ""
