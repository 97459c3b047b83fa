"""The page about what a run found in images, whatever that is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cellwright._words import counted, percent
from cellwright.reports.drawing import class_colour
from cellwright.reports.page import Number, in_words, render_page, to_the_minute
from cellwright.runs.results.plan import Outcome
from cellwright.runs.results.warnings import gathered, kind

PICTURE_BUDGET = 6_000_000
"""Characters that the pictures of a report may take together; the page stays below 10 MB."""
MAX_PICTURES = 60
MAX_ROWS = 2_000


def results_page(
    record: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    *,
    title: str,
    overview: Sequence[Number],
    charts: Sequence[str],
    drawn: str,
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
    drawn : str
        What lies over the pictures, such as ``"outlines"``.
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
        notes=record.get("notes", ()),
        warnings=gathered((outcome.image, outcome.warnings) for outcome in done),
        charts=[chart for chart in charts if chart],
        cards=_cards(done),
        done=len(done),
        drawn=drawn,
        legend=legend,
        table=table,
        command_line=record.get("command_line", ""),
        made=_how_it_was_made(record),
        versions=record.get("versions", {}),
        times=_times(record.get("timings", {}).get("steps_s", {})),
    )


def objects_title(done: Sequence[Outcome]) -> str:
    """Return how many objects there are in how many images."""
    objects = sum(outcome.objects for outcome in done)
    return f"{counted(objects, 'object')} in {counted(len(done), 'image')}"


def number_of(count: int, noun: str, rest: str = "") -> Number:
    """Return a count for the overview, with its noun as one or as many."""
    return Number(f"{noun}{'' if count == 1 else 's'}{rest}", f"{count:,}")


def class_counts(done: Sequence[Outcome]) -> dict[str, list[int]]:
    """Return how many objects of each class are in each image; nothing where none are told."""
    counts = [outcome.facts.get("classes", {}) for outcome in done]
    names = dict.fromkeys(name for one in counts for name in one)
    return {name: [one[name] for one in counts] for name in names}


def class_legend(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the legend of pictures in which every class has its colour."""
    return [{"name": name, "colour": class_colour(number)} for number, name in enumerate(names)]


def _subtitle(record: Mapping[str, Any]) -> str:
    done = {"detect": "Detected", "measure": "Measured"}.get(record["command"], "Segmented")
    model = record.get("model")
    means = f" with the model '{model['name']}'" if model else ""
    return f"{done}{means} on {to_the_minute(record['started'])}"


def shown(done: Sequence[Outcome]) -> list[Outcome]:
    """Choose the images of which a report has pictures: with warnings first, then evenly."""
    pictured = [outcome for outcome in done if outcome.picture]
    chosen: list[Outcome] = []
    spent = 0
    for outcome in _by_interest(pictured):
        spent += len(outcome.picture["view"]) + len(outcome.picture["outlines"])
        if len(chosen) == MAX_PICTURES or spent > PICTURE_BUDGET:
            break
        chosen.append(outcome)
    names = {outcome.image for outcome in chosen}
    return [outcome for outcome in pictured if outcome.image in names]


def _cards(done: Sequence[Outcome]) -> list[dict[str, Any]]:
    return [
        {
            "image": outcome.image,
            "picture": outcome.picture,
            "warnings": [kind(warning) for warning in outcome.warnings],
            "summary": _summary(outcome),
        }
        for outcome in shown(done)
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
        parts = [f"{name}: {count:,}" for name, count in facts["classes"].items()]
    elif "shares" in facts:
        parts = [f"{percent(share, 1)} {name}" for name, share in facts["shares"].items()]
    else:
        parts = [counted(outcome.objects, "object")]
    return " · ".join(part for part in [*parts, facts.get("size"), facts.get("shown")] if part)


def _how_it_was_made(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    given = {name: value for name, value in record["parameters"].items() if value}
    sections = {"Model": record.get("model") or {}, "Parameters": in_words(given)}
    return {name: rows for name, rows in sections.items() if rows}


def _times(steps: Mapping[str, float]) -> list[dict[str, Any]]:
    total = sum(steps.values()) or 1.0
    ordered = sorted(steps.items(), key=lambda item: -item[1])
    return [
        {"name": name, "share": f"{value / total:.4f}", "text": f"{value:.2f} s"}
        for name, value in ordered
    ]


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
