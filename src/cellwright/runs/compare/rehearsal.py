"""What candidates take on this computer, measured on a few steps and one image each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cellwright._progress import remark
from cellwright.datasets.records import Example
from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.trial import Fold, attempted, run_trial, too_slow
from cellwright.runs.results.plan import InputFile
from cellwright.runs.train.lesson import Machine
from cellwright.runs.train.options import TrainOptions

_STEPS = 2  # of a training that only shows what a step takes
_SHARE = 0.5  # of the budget, for all rehearsals together
_LEAST = 10.0  # s: what any candidate is given, for compilers have to warm up, too


@dataclass(frozen=True, slots=True)
class Cost:
    """What one training of a candidate and its judgement take, in s.

    Parameters
    ----------
    learning : float
        Besides the steps; all of it without a network.
    step : float
        0 without a network.
    choosing, judging : float
        For a megabyte of validation images, and of those that it is judged on.
    """

    learning: float
    step: float
    choosing: float
    judging: float

    def of(self, fold: Fold) -> float:
        """Return what a training in a fold takes, besides the time that it is given to learn.

        The last step goes beyond that time.
        """
        chosen, judged = (megabytes(fold.dataset.part(split)) for split in ("val", "test"))
        return self.learning + self.step + self.choosing * chosen + self.judging * judged


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What candidates take, and why some cannot take part.

    Parameters
    ----------
    costs : dict of str to Cost
        By the name of the candidate.
    errors, slow : dict of str to str
        Who failed, and who took too long, and why.
    """

    costs: dict[str, Cost] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    slow: dict[str, str] = field(default_factory=dict)

    @property
    def left_out(self) -> dict[str, str]:
        """Who takes no part, and why."""
        return {**self.errors, **self.slow}

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data; see `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Rehearsal:
        """Return what `to_json` wrote."""
        costs = {name: Cost(**cost) for name, cost in stored["costs"].items()}
        return cls(costs, stored["errors"], stored["slow"])


def rehearse(
    candidates: Sequence[Candidate],
    fold: Fold,
    folder: Path,
    seconds: float,
    options: Callable[[Candidate], TrainOptions],
    machine: Machine,
) -> Rehearsal:
    """Let every candidate take a few steps and look at one image.

    Parameters
    ----------
    candidates : sequence of Candidate
    fold : Fold
    folder : Path
        Takes what the trainings need, for as long as they take.
    seconds : float
        The budget of the comparison. Who needs too much of it for one look takes no part.
    options : callable
        How a candidate is trained, but for the budget.
    machine : Machine
    """
    one = _with_one_image(fold)
    chosen, judged = (megabytes(one.dataset.part(split)) for split in ("val", "test"))
    given = max(_LEAST, _SHARE * seconds / len(candidates))
    found = Rehearsal()
    folder.mkdir(parents=True, exist_ok=True)
    for candidate in candidates:
        remark(f"Trying how long it takes: {candidate.name}")
        steps = _STEPS if candidate.network else None
        settings = replace(options(candidate), steps=steps, minutes=None)
        with TemporaryDirectory(
            prefix="rehearsal-", dir=folder, ignore_cleanup_errors=True
        ) as place:
            trial = partial(run_trial, candidate, one, Path(place), settings, machine, 1.0)
            outcome, _ = attempted(candidate.name, trial, given)
        if outcome.error is not None:
            found.errors[candidate.name] = outcome.error
        elif (why := too_slow(outcome)) is not None:
            found.slow[candidate.name] = why
        else:
            stepping = 60 * outcome.facts["minutes"] if candidate.network else 0.0
            found.costs[candidate.name] = Cost(
                learning=outcome.seconds["learning"] - stepping,
                step=stepping / _STEPS,
                choosing=outcome.seconds["choosing"] / chosen,
                judging=outcome.seconds["judging"] / judged,
            )
            continue
        remark(f"Left out: {candidate.name}: {found.left_out[candidate.name]}")
    return found


def megabytes(examples: Sequence[Example]) -> float:
    """Return the size of the files of images: about how much there is to look at."""
    files = {path for example in examples for path in example.images}
    return max(1.0, sum(map(_bytes_of, files))) / 1e6


@cache  # asked for in every way to divide the time
def _bytes_of(path: Path) -> int:
    return InputFile.of(path).bytes


def _with_one_image(fold: Fold) -> Fold:
    """Return a fold with one image to choose thresholds by and one to judge by: typical ones."""
    typical = set()
    for split in ("val", "test"):
        ordered = sorted(fold.dataset.part(split), key=lambda example: megabytes([example]))
        typical.add(ordered[len(ordered) // 2].id)
    examples = (e for e in fold.dataset.examples if e.split == "train" or e.id in typical)
    return replace(fold, dataset=replace(fold.dataset, examples=tuple(examples)))
