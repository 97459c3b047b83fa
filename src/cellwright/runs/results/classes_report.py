"""The page about classes of pixels that were found."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellwright._types import Table
from cellwright._words import counted
from cellwright.reports.charts import histogram
from cellwright.reports.page import Number, median
from cellwright.runs.results.page import (
    MAX_ROWS,
    cell,
    class_legend,
    image_cells,
    number_of,
    results_page,
)
from cellwright.runs.results.plan import Outcome


def classes_report(record: Mapping[str, Any], outcomes: Sequence[Outcome], table: Table) -> str:
    """Return the page about classes of pixels that were found.

    Parameters
    ----------
    record, outcomes
        As for `objects_report`.
    table : Table
        One row per class, image and plane: ``class``, ``share``.

    Returns
    -------
    str
        HTML with all styles, pictures and scripts inside.
    """
    done = [outcome for outcome in outcomes if outcome.done]
    names = list(dict.fromkeys(np.asarray(table.get("class", np.zeros(0, str))).tolist()))
    shares = {name: 100 * table["share"][table["class"] == name] for name in names}
    numbers = [
        number_of(len(done), "image"),
        *(Number(f"{name} (median share)", median(part), "%") for name, part in shares.items()),
        number_of(sum(bool(outcome.warnings) for outcome in done), "image", " with warnings"),
    ]
    charts = [
        histogram(part, f"Share of {name}", "% of the pixels", limits=(0.0, 100.0))
        for name, part in shares.items()
        if len(part) > 4
    ]
    return results_page(
        record,
        outcomes,
        title=f"Pixel classes of {counted(len(done), 'image')}",
        overview=numbers,
        charts=charts,
        drawn="classes",
        legend=class_legend(names),
        table=_image_table(outcomes, names),
    )


def _image_table(outcomes: Sequence[Outcome], names: Sequence[str]) -> dict[str, Any]:
    rows = []
    for outcome in outcomes[:MAX_ROWS]:
        shares = outcome.facts.get("shares", {})
        parts = (100 * shares[name] if name in shares else None for name in names)
        rows.append(image_cells(outcome, [cell(part, ".2f", "%") for part in parts]))
    columns = ["image", *names, "seconds", "remarks"]
    return {"columns": columns, "rows": rows, "total": len(outcomes)}
