"""Reports that open in any browser, without a network: pages filled from ``templates/``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright import __version__
from cellwright._types import AnyArray, LabelArray, Table
from cellwright.images.image import Image
from cellwright.runs.charts import Curve, curve_chart, histogram, plain_number
from cellwright.runs.folder import Outcome, now
from cellwright.runs.overlay import (
    SURE,
    TRUTH,
    UNSURE,
    UNSURE_BELOW,
    as_rgb,
    borders,
    class_colour,
    jpeg_uri,
    png_uri,
    shrink,
)
from cellwright.runs.warnings import kind

if TYPE_CHECKING:
    from jinja2 import Environment

PICTURE_BUDGET = 6_000_000
"""Characters that the pictures of a report may take together; the page stays below 10 MB."""
MAX_PICTURES = 60
MAX_ROWS = 2_000


FOUND_AND_ANNOTATED = (
    {"name": "found", "colour": SURE},
    {"name": "annotated", "colour": TRUTH},
    {"name": "both", "colour": (255, 255, 255)},
)
"""The legend of pictures from `example_card`."""


@dataclass(frozen=True, slots=True)
class Number:
    """One figure of the overview: what it is, its value and its unit."""

    name: str
    value: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ValidationExample:
    """A validation image in a training report.

    Parameters
    ----------
    name : str
        The name of the image.
    note : str
        What is to be said about it, such as its score.
    image : Image
        Axes ``"YX"`` or ``"CYX"``, in memory.
    truth, predicted : (Y, X) array
        The objects of the annotation and those that were found.
    """

    name: str
    note: str
    image: Image
    truth: LabelArray
    predicted: LabelArray


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
    return results_page(
        record,
        outcomes,
        title=objects_title(done),
        overview=_overview(outcomes, table),
        charts=_charts(done, table),
        legend=_legend(table),
        table=_image_table(outcomes),
    )


def objects_title(done: Sequence[Outcome]) -> str:
    """Return how many objects there are in how many images."""
    objects = sum(outcome.objects for outcome in done)
    return f"{objects:,} objects in {len(done):,} image{'' if len(done) == 1 else 's'}"


def results_page(
    record: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    *,
    title: str,
    overview: Sequence[Number],
    charts: Sequence[str],
    legend: Sequence[Mapping[str, Any]],
    table: Mapping[str, Any],
) -> str:
    """Return the page about what a run found in images.

    Parameters
    ----------
    record : mapping
        The content of ``run.json``.
    outcomes : sequence of Outcome
        What became of each image.
    title : str
    overview : sequence of Number
        The figures that matter most.
    charts : sequence of str
        Distributions, as SVG; empty ones are left out.
    legend : sequence of mapping
        ``name`` and ``colour`` of what the pictures show.
    table : mapping
        ``columns``, ``rows`` of cells and ``total`` of the table of images.

    Returns
    -------
    str
        HTML with all styles, pictures and scripts inside.
    """
    done = [outcome for outcome in outcomes if outcome.done]
    return render_page(
        "segment.html",
        title=title,
        subtitle=_subtitle(record),
        overview=overview,
        failures=[outcome for outcome in outcomes if not outcome.done],
        warnings=_warnings(done),
        charts=[chart for chart in charts if chart],
        cards=_cards(done),
        done=len(done),
        legend=legend,
        table=table,
        command_line=record.get("command_line", ""),
        made=_how_it_was_made(record),
        versions=record.get("versions", {}),
        times=_times(record.get("timings", {}).get("steps_s", {})),
    )


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
        Number("images", f"{len(done):,}"),
        *(Number(f"{name} (median share)", median(part), "%") for name, part in shares.items()),
        Number("images with warnings", f"{sum(bool(outcome.warnings) for outcome in done):,}"),
    ]
    charts = [
        histogram(part, f"Share of {name}", "% of the pixels", limits=(0.0, 100.0))
        for name, part in shares.items()
        if len(part) > 4
    ]
    return results_page(
        record,
        outcomes,
        title=f"Pixel classes of {len(done):,} image{'' if len(done) == 1 else 's'}",
        overview=numbers,
        charts=charts,
        legend=[
            {"name": name, "colour": class_colour(number)} for number, name in enumerate(names)
        ],
        table=_class_table(outcomes, names),
    )


def training_report(
    *,
    title: str,
    subtitle: str,
    overview: Sequence[Number],
    verdict: Sequence[str],
    curves: Sequence[Curve],
    examples: Sequence[ValidationExample],
    settings: Mapping[str, Mapping[str, Any]],
    versions: Mapping[str, str],
    command_line: str = "",
) -> str:
    """Return the page about a training.

    Parameters
    ----------
    title, subtitle : str
        What was trained, on what and when.
    overview : sequence of Number
        The figures that matter most.
    verdict : sequence of str
        What the curves say, in plain sentences.
    curves : sequence of Curve
        Losses and metrics over epochs or steps.
    examples : sequence of ValidationExample
        The best and the worst validation images.
    settings : mapping of mappings
        Named sections of settings.
    versions : mapping
        Of the packages it was made with.
    command_line : str
        How the program was called.

    Returns
    -------
    str
        HTML with all styles, pictures and scripts inside.
    """
    return render_page(
        "training.html",
        title=title,
        subtitle=subtitle,
        overview=overview,
        verdict=verdict,
        charts=[curve_chart(curve) for curve in curves],
        cards=[example_card(example) for example in examples],
        legend=FOUND_AND_ANNOTATED,
        settings={title: _in_words(rows) for title, rows in settings.items()},
        versions=versions,
        command_line=command_line,
    )


def render_page(template: str, **content: Any) -> str:
    """Return a page that is complete in itself, filled from one of the ``templates/``."""
    page = _environment().get_template(template)
    return page.render(version=__version__, date=_date(now()), **content)


def _date(moment: str) -> str:
    """Return a moment in ISO format for people, to the minute."""
    return moment[:16].replace("T", " ")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Names of files and channels come from outside: everything is escaped.
    return Environment(
        loader=PackageLoader("cellwright.runs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _subtitle(record: Mapping[str, Any]) -> str:
    model = record.get("model")
    done = "Detected" if record.get("command") == "detect" else "Segmented"
    made = f"{done} with the model '{model['name']}'" if model else "Measured"
    return f"{made} on {_date(record['started'])}"


def _overview(outcomes: Sequence[Outcome], table: Table) -> list[Number]:
    done = [outcome for outcome in outcomes if outcome.done]
    what, size, unit = _sizes(table)
    numbers = [
        Number("images", f"{len(done):,}"),
        Number("objects", f"{sum(outcome.objects for outcome in done):,}"),
        Number("objects per image (median)", median([outcome.objects for outcome in done])),
        Number(f"{what} of an object (median)", median(size), unit),
    ]
    if "confidence" in table:
        numbers.append(Number("confidence (median)", median(table["confidence"])))
    warned = sum(bool(outcome.warnings) for outcome in done)
    numbers.append(Number("images with warnings", f"{warned:,}"))
    if len(done) < len(outcomes):
        numbers.append(Number("images that failed", f"{len(outcomes) - len(done):,}"))
    return numbers


def _warnings(done: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Gather the warnings of all images by their kind, the most frequent first."""
    groups: dict[str, dict[str, Any]] = {}
    for outcome in done:
        for warning in outcome.warnings:
            group = groups.setdefault(kind(warning), {"text": warning, "images": []})
            group["images"].append(outcome.image)
    return sorted(groups.values(), key=lambda group: -len(group["images"]))


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


def _cards(done: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Choose the images that are shown: with warnings first, then an even choice."""
    pictured = [outcome for outcome in done if outcome.picture]
    chosen: list[Outcome] = []
    spent = 0
    for outcome in _by_interest(pictured):
        spent += len(outcome.picture["view"]) + len(outcome.picture["outlines"])
        if len(chosen) == MAX_PICTURES or spent > PICTURE_BUDGET:
            break
        chosen.append(outcome)
    names = {outcome.image for outcome in chosen}
    return [
        {
            "image": outcome.image,
            "picture": outcome.picture,
            "warnings": [kind(warning) for warning in outcome.warnings],
            "summary": _summary(outcome),
        }
        for outcome in pictured
        if outcome.image in names
    ]


def _by_interest(outcomes: Sequence[Outcome]) -> Iterable[Outcome]:
    warned = [outcome for outcome in outcomes if outcome.warnings][: MAX_PICTURES // 2]
    rest = [outcome for outcome in outcomes if outcome not in warned]
    yield from warned
    room = MAX_PICTURES - len(warned)
    step = max(1, -(-len(rest) // room))
    yield from rest[::step]


def _summary(outcome: Outcome) -> str:
    facts = outcome.facts
    if "classes" in facts:
        parts = [f"{count:,} {name}" for name, count in facts["classes"].items()]
    elif "shares" in facts:
        parts = [f"{share:.1%} {name}" for name, share in facts["shares"].items()]
    else:
        parts = [f"{outcome.objects:,} object{'' if outcome.objects == 1 else 's'}"]
    return " · ".join(part for part in [*parts, facts.get("size"), facts.get("shown")] if part)


def _legend(table: Table) -> list[dict[str, Any]]:
    if "confidence" not in table:
        return [{"name": "object", "colour": SURE}]
    return [
        {"name": "confident", "colour": SURE},
        {"name": f"confidence below {UNSURE_BELOW}", "colour": UNSURE},
    ]


def _image_table(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    columns = ["image", "objects", "median area", "median confidence", "seconds", "remarks"]
    rows = [
        image_cells(
            outcome,
            [
                cell(outcome.objects if outcome.done else None, ",d"),
                cell(facts.get("median_area"), ",.1f", facts.get("area_unit", "")),
                cell(facts.get("median_confidence"), ".2f"),
            ],
        )
        for outcome in outcomes[:MAX_ROWS]
        for facts in [outcome.facts]
    ]
    return {"columns": columns, "rows": rows, "total": len(outcomes)}


def _class_table(outcomes: Sequence[Outcome], names: Sequence[str]) -> dict[str, Any]:
    rows = []
    for outcome in outcomes[:MAX_ROWS]:
        shares = outcome.facts.get("shares", {})
        parts = (100 * shares[name] if name in shares else None for name in names)
        rows.append(image_cells(outcome, [cell(part, ".2f", "%") for part in parts]))
    columns = ["image", *names, "seconds", "remarks"]
    return {"columns": columns, "rows": rows, "total": len(outcomes)}


def image_cells(outcome: Outcome, cells: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the row of an image: its name, `cells`, seconds and remarks."""
    remarks = outcome.error or ", ".join(map(kind, outcome.warnings))
    return [
        {"text": outcome.image, "value": None},
        *cells,
        cell(sum(outcome.seconds.values()), ".2f"),
        {"text": remarks, "value": None},
    ]


def cell(value: float | None, form: str, unit: str = "") -> dict[str, Any]:
    """Return a number in a table, as a text and for sorting; a dash where it is not known."""
    if value is None:
        return {"text": "–", "value": -1}
    return {"text": f"{value:{form}} {unit}".strip(), "value": value}


def _how_it_was_made(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    given = {name: value for name, value in record["parameters"].items() if value}
    sections = {"Model": record.get("model") or {}, "Parameters": _in_words(given)}
    return {name: rows for name, rows in sections.items() if rows}


def _in_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.replace("_", " "): ", ".join(map(str, value)) or "none"
        if isinstance(value, list | tuple)
        else value
        for name, value in facts.items()
    }


def _times(steps: Mapping[str, float]) -> list[dict[str, Any]]:
    total = sum(steps.values()) or 1.0
    ordered = sorted(steps.items(), key=lambda item: -item[1])
    return [
        {"name": name, "share": f"{value / total:.4f}", "text": f"{value:.2f} s"}
        for name, value in ordered
    ]


def _sizes(table: Table) -> tuple[str, AnyArray, str]:
    """Return what the sizes of all objects are, and their unit: µm where all are known in µm."""
    volumes = "centroid-2" in table
    what, name, unit = ("volume", "volume_um3", "µm³") if volumes else ("area", "area_um2", "µm²")
    in_um = table.get(name)
    if in_um is not None and len(in_um) and bool(np.isfinite(in_um).all()):
        return what, in_um, unit
    return what, table.get("area", np.zeros(0)), "px"


def _channel(column: str) -> str:
    _, _, name = column.partition("-")
    return f", channel {name}" if name else ""


def median(values: Iterable[float]) -> str:
    """Return the median of the known values for people; a dash without any."""
    finite = np.array([value for value in values if np.isfinite(value)])
    return plain_number(float(np.median(finite))) if len(finite) else "–"


def example_step(size: tuple[int, ...]) -> int:
    """Return how many px of an image of a size (Y, X) one px of its picture shows."""
    return max(1, round(max(size) / 512))


def example_card(example: ValidationExample) -> dict[str, Any]:
    """Return the ``name``, the ``note`` and the ``picture`` of an image, with both outlines."""
    pixels = as_rgb(example.image)
    step = example_step(pixels.shape[:2])
    view = shrink(pixels, step)
    truth, found = (
        borders(labels[::step, ::step][: view.shape[0], : view.shape[1]])
        for labels in (example.truth, example.predicted)
    )
    drawn = np.zeros((*view.shape[:2], 4), dtype=np.uint8)
    drawn[truth] = (*TRUTH, 255)
    drawn[found] = (*SURE, 255)
    drawn[truth & found] = 255
    picture = {
        "view": jpeg_uri(view),
        "outlines": png_uri(drawn),
        "width": view.shape[1],
        "height": view.shape[0],
    }
    return {"name": example.name, "note": example.note, "picture": picture}
