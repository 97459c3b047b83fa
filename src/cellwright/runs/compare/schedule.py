"""What of a comparison fits into its budget: folds, images to judge by, rounds and candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cellwright._words import counted
from cellwright.runs.compare.rounds import Round, halved, plan_rounds

_JUDGED = (96, 48, 24, 12, 6)  # images of a fold that candidates are judged on, if not all
_FEWEST_JUDGED = 3
_MOST_BESIDES = 0.5  # share of the time that may go into anything but learning
_MORE = 1.1  # times as long is the next budget that is looked at, to find one that is enough
FINAL = 2.0
"""So many times what a candidate takes besides learning in a fold, the final model takes."""
FEWEST_STEPS = 300
"""Below this many, a training says little about where it leads."""

Besides = Callable[[str, int, int], float]
"""``besides(candidate, folds, judged)``: what its trainings in some folds, judged on at most so
many images each, take besides the time that they learn, in s."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What takes part in a comparison, and for how long.

    Parameters
    ----------
    candidates : tuple of str
    folds : int
    judged : int
        Images of a fold, at most, that candidates are judged on, and choose thresholds by.
    rounds : tuple of Round
    final_minutes : float
        Of learning, for the model that is recommended.
    left_out : dict of str to str
        Candidates that do not fit, and why.
    within : bool
        Whether all of it stays within the time.
    """

    candidates: tuple[str, ...]
    folds: int
    judged: int
    rounds: tuple[Round, ...]
    final_minutes: float
    left_out: dict[str, str] = field(default_factory=dict)
    within: bool = True


def plan_schedule(
    networks: Sequence[str],
    others: Sequence[str],
    folds: int,
    images: int,
    seconds: float,
    besides: Besides,
) -> Schedule:
    """Choose the most thorough comparison of which at least half of the time goes into learning.

    First fewer images of each fold judge, then there is a single fold, then a single round. Where
    even that does not fit, the candidate that takes longest besides learning is left out.

    Parameters
    ----------
    networks, others : sequence of str
        Candidates with a network, and those without one, which learn once and have no budget.
    folds : int
        How many there are.
    images : int
        That the largest fold has to judge by.
    seconds : float
        What is left of the budget.
    besides : callable
        See `Besides`.

    Returns
    -------
    Schedule
    """
    staying, left_out = [*networks, *others], dict[str, str]()
    while True:
        learners = [name for name in staying if name in networks]
        for some, judged, counts in _ways(folds, images, max(1, len(learners))):
            spent = _spent(learners, staying, some, judged, counts, besides)
            if spent <= _MOST_BESIDES * seconds or (some, judged, len(staying)) == _last(images):
                minutes = max(seconds - spent, _MOST_BESIDES * seconds / 2) / 60
                final = minutes / (len(counts) + 1)
                rounds = plan_rounds(counts, some, minutes - final)
                within = spent + 60 * minutes <= seconds * (1 + 1e-9)
                return Schedule(tuple(staying), some, judged, rounds, final, left_out, within)
        slowest = max(staying, key=lambda name: besides(name, 1, _FEWEST_JUDGED))
        staying.remove(slowest)
        needed = besides(slowest, 1, _FEWEST_JUDGED)
        left_out[slowest] = (
            f"One training takes about {needed:.0f} s besides its steps, judged on "
            f"{counted(min(images, _FEWEST_JUDGED), 'image')}: too much of the time."
        )


def enough_seconds(
    plan: Callable[[float], Schedule], steps: Callable[[Schedule], float], seconds: float
) -> float:
    """Return a budget in which all candidates take part and learn long enough to be compared.

    Parameters
    ----------
    plan : callable
        Returns what fits into so many seconds.
    steps : callable
        Returns the fewest steps that a training takes which gets to the last round; infinity
        where nothing learns in steps.
    seconds : float
        Budget to begin with.
    """
    while True:
        schedule = plan(seconds)
        if schedule.within and not schedule.left_out and steps(schedule) >= FEWEST_STEPS:
            return seconds
        seconds *= _MORE


def _last(images: int) -> tuple[int, int, int]:
    """Return what is done even where it does not fit: one candidate in one fold."""
    return 1, min(images, _FEWEST_JUDGED), 1


def _ways(folds: int, images: int, learners: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield numbers of folds and of images in each, and of candidates in each round.

    The most thorough way comes first.
    """
    fewer = [count for count in _JUDGED if count < images]
    for some in dict.fromkeys((folds, 1)):
        for judged in (images, *fewer):
            yield some, judged, halved(learners)
        yield some, (fewer or [images])[-1], (learners,)
    yield 1, min(images, _FEWEST_JUDGED), (learners,)


def _spent(
    learners: Sequence[str],
    staying: Sequence[str],
    folds: int,
    judged: int,
    counts: Sequence[int],
    besides: Besides,
) -> float:
    """Return what a way takes besides learning, if the slowest candidates get farthest, in s."""
    costs = sorted((besides(name, folds, judged) for name in learners), reverse=True)
    once = sum(besides(name, folds, judged) for name in staying if name not in learners)
    final = FINAL * max(besides(name, 1, judged) for name in staying)
    return once + final + sum(sum(costs[:count]) for count in counts)
