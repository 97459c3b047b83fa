"""The page about a comparison: who is best, how sure that is, and what each finds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cellwright._words import counted
from cellwright.reports.annotated import FOUND_AND_ANNOTATED
from cellwright.reports.charts import Curve, curve_chart, plain_number
from cellwright.reports.meanings import DRAWN, MEANINGS
from cellwright.reports.page import Number, in_words, render_page
from cellwright.runs.compare.estimate import Estimate
from cellwright.runs.compare.results import (
    Findings,
    Standing,
    deciding,
    leaderboard,
    settings_rows,
    title_of,
)
from cellwright.runs.compare.verdict import said
from cellwright.runs.doctor import versions

_BAR_WIDTH, _BAR_HEIGHT = 150, 18


def comparison_page(
    findings: Findings,
    pictures: Mapping[str, Mapping[str, Any]],
    parameters: Mapping[str, Any],
    command_line: str,
) -> str:
    """Return the page about a comparison.

    Parameters
    ----------
    findings : Findings
    pictures : mapping of mappings
        Cards by image and candidate.
    parameters : mapping
        What was asked for.
    command_line : str

    Returns
    -------
    str
        HTML with all styles, pictures and scripts inside.
    """
    ranking, score = findings.ranking, title_of(findings.task)
    images = len(ranking[0].scores(deciding(findings.task)))
    return render_page(
        "compare.html",
        title=f"Recommended: {findings.winner.name}",
        subtitle=f"The best of {counted(len(ranking), 'candidate')} on {counted(images, 'image')}",
        overview=_overview(findings),
        meaning=MEANINGS[findings.task],
        verdict=[*said(findings), *findings.notes],
        failures=findings.failures,
        left_out=findings.left_out,
        score=score,
        rows=_rows(findings),
        tried=settings_rows(findings),
        charts=_charts(findings),
        examples=[
            {
                "name": image,
                "cards": [
                    {**cards[one.name], "name": one.name} for one in ranking if one.name in cards
                ],
            }
            for image, cards in pictures.items()
        ],
        drawn=DRAWN[findings.task],
        legend=FOUND_AND_ANNOTATED,
        settings={
            "Comparison": in_words(
                {name: value for name, value in parameters.items() if value not in (None, (), [])}
            ),
            "Rounds": _rounds(findings),
        },
        versions=versions(),
        command_line=command_line,
    )


def _overview(findings: Findings) -> list[Number]:
    score, winner = title_of(findings.task), findings.winner
    estimate = winner.estimate(deciding(findings.task))
    how = "cross-validated" if findings.folds > 1 else "on images not learned"
    numbers = [Number(f"{score}, {how}", estimate.plain)]
    if findings.held_out:
        images, kept = findings.held_out
        numbers.append(Number(f"{score} on {images} images kept back", kept.plain))
    speed = winner.facts["seconds_per_megapixel"]
    if speed is not None:
        numbers.append(Number("on a CPU, for a megapixel", plain_number(speed), "s"))
    numbers.append(Number("size of the model", plain_number(winner.facts["megabytes"]), "MB"))
    return numbers


def _rows(findings: Findings) -> list[dict[str, Any]]:
    """Return the leaderboard for people; bars have one scale."""
    column = deciding(findings.task)
    estimates = [standing.estimate(column) for standing in findings.ranking]
    known = [x for one in estimates for x in (one.mean, one.low, one.high) if math.isfinite(x)]
    limits = (min(known, default=0.0), max(known, default=1.0))
    rows = []
    for row, standing, estimate in zip(
        leaderboard(findings), findings.ranking, estimates, strict=True
    ):
        behind = findings.winner.lead_over(standing, column)
        rows.append(
            {
                **row,
                "score": estimate,
                "bar": _bar(estimate, limits),
                "lead": None if standing is findings.winner else behind,
                "facts": _facts(standing),
            }
        )
    return rows


def _facts(standing: Standing) -> dict[str, str]:
    facts = standing.facts
    numbers = {
        "s/Mpx": facts["seconds_per_megapixel"],
        "weights [10⁶]": facts["parameters"] / 1e6,
        "MB": facts["megabytes"],
        "learned [min]": facts["minutes_per_training"],
    }
    told = {name: plain_number(value) if value else "–" for name, value in numbers.items()}
    return {"patches [px]": facts["patches"] or "–", **told}


def _bar(estimate: Estimate, limits: tuple[float, float]) -> Markup:
    """Draw a mean and its interval on a scale that all rows share."""
    low, high = limits
    span = high - low or 1.0

    def x(value: float) -> float:
        return 6 + (value - low) / span * (_BAR_WIDTH - 12)

    middle = _BAR_HEIGHT / 2
    drawn = ""
    if math.isfinite(estimate.low):
        drawn += (
            f'<line class="whisker" x1="{x(estimate.low):.1f}" x2="{x(estimate.high):.1f}" '
            f'y1="{middle}" y2="{middle}"/>'
        )
    if math.isfinite(estimate.mean):
        drawn += f'<circle class="dot line-0" cx="{x(estimate.mean):.1f}" cy="{middle}" r="4"/>'
    return Markup(
        f'<svg class="interval" viewBox="0 0 {_BAR_WIDTH} {_BAR_HEIGHT}" role="img" '
        f'aria-label="{estimate}">{drawn}</svg>'
    )


def _charts(findings: Findings) -> list[Markup]:
    """Return how scores went from round to round; nothing of a single one."""
    return [curve_chart(_progress(findings))] if findings.winner.last_round > 1 else []


def _progress(findings: Findings) -> Curve:
    column = deciding(findings.task)
    lines = {
        standing.name: (
            [findings.rounds[number - 1].minutes for number in standing.rounds],
            [standing.estimate(column, number).mean for number in standing.rounds],
        )
        for standing in findings.ranking
        if standing.candidate.network
    }
    return Curve("Score by time of training", "minutes", title_of(findings.task), lines)


def _rounds(findings: Findings) -> dict[str, str]:
    trainings = counted(findings.folds, "training")
    rounds = {
        f"round {number}": f"{counted(one.candidates, 'candidate')}, {one.minutes:.2f} min for "
        f"each of their {trainings} by its end"
        for number, one in enumerate(findings.rounds, 1)
    }
    if findings.winner.candidate.network:
        rounds["recommended model"] = f"{findings.final_minutes:.2f} min"
    return {**rounds, "all of it": f"{findings.minutes:.2f} min"}
