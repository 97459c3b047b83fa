"""What is said of a comparison: what it found, and how far that can be trusted."""

from __future__ import annotations

from typing import Any

from cellwright._words import counted
from cellwright.runs.compare.results import COMPLETE, Findings, deciding, title_of
from cellwright.runs.compare.schedule import FEWEST_STEPS


def said(findings: Findings) -> list[str]:
    """Say in plain sentences what was found, and how far it can be trusted."""
    score, winner = title_of(findings.task), findings.winner
    column = deciding(findings.task)
    others = len(findings.ranking) - 1
    sentences = [
        f"Recommended: {winner.name}, {score} {winner.estimate(column)} on images that its "
        "trainings had not seen. The range is a 95 % confidence interval."
    ]
    if others:
        sentences[0] += (
            f" It was chosen by this score among {others + 1}, which flatters it a little."
        )
    if findings.held_out:
        images, estimate = findings.held_out
        sentences.append(
            f"On {images} images that were kept back from the comparison, the model in 'model' "
            f"has {score} {estimate}. This is the figure to quote."
        )
    close = [one.name for one in findings.ranking[1:] if not winner.lead_over(one, column).low > 0]
    if close:
        sentences.append(f"Not surely worse, after the same training: {', '.join(close)}.")
    sentences += [*_baselines(findings), *_settings(findings), *_too_short(findings)]
    trained = f", for {findings.final_minutes:.1f} min" if winner.candidate.network else ""
    sentences.append(
        f"The model in 'model' was trained anew{trained}, on all images but those that were kept "
        "back and those that its thresholds were chosen by."
    )
    return sentences


def _baselines(findings: Findings) -> list[str]:
    """Say which networks do worse than a method that needs none."""
    column = deciding(findings.task)
    baselines = [one for one in findings.ranking if one.candidate.network is None]
    learned = [one for one in findings.ranking if one.candidate.network is not None]
    sentences = []
    for baseline in baselines:
        worse = [one.name for one in learned if baseline.lead_over(one, column).mean > 0]
        if worse:
            sentences.append(
                f"{', '.join(worse)} did worse than {baseline.name}, which needs no network: "
                "with so little training or so few images, learning does not pay."
            )
    return sentences


def _too_short(findings: Findings) -> list[str]:
    """Say so where trainings were too short to tell candidates apart."""
    steps = {one.name: one.facts.get("steps_per_training") for one in findings.ranking}
    short = {name: count for name, count in steps.items() if count and count < FEWEST_STEPS}
    if not short:
        return []
    name = min(short, key=lambda name: short[name])
    steps_taken = counted(round(short[name]), "step")
    return [
        f"The trainings were short ({name}: {steps_taken} on average), so that the order may "
        "change with longer ones. Give more minutes, or fewer candidates or folds."
    ]


def _settings(findings: Findings) -> list[str]:
    """Say what the search for settings found."""
    best, score, column = findings.found, title_of(findings.task), deciding(findings.task)
    if not findings.tried:
        return []
    usual, count = findings.tried[0], counted(len(findings.tried), "setting")
    if best is None:
        return [f"None of {count} could be judged in the time of the search."]
    if best is usual:
        return [f"None of {count} did better than the usual ones."]
    values = ", ".join(f"{name} {_short(value)}" for name, value in best.settings.items())
    told = f"Of {count} these did best: {values}."
    if usual.result != COMPLETE:
        return [f"{told} The usual ones could not be judged in the time of the search."]
    lead = best.standing.lead_over(usual.standing, column)
    return [
        f"{told} After the same training their {score} is {lead} above that of the usual ones, "
        "which flatters them, for they were chosen by it."
    ]


def _short(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
