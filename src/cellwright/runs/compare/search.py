"""Better settings for the method that did best: learning rate, weight decay, size, patches.

References
----------
Bergstra, Bardenet, Bengio & Kégl, "Algorithms for hyper-parameter optimization", NeurIPS 2011 (the
sampler); Akiba et al., "Optuna", KDD 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cellwright._errors import UsageError
from cellwright.measure.tables import concatenate
from cellwright.networks.registry import network_sizes
from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.results import (
    COMPLETE,
    FAILED,
    GIVEN_UP,
    Standing,
    Tried,
    deciding,
)
from cellwright.runs.compare.trial import Fold
from cellwright.runs.results.plan import Outcome
from cellwright.runs.train.options import TrainOptions

if TYPE_CHECKING:
    import optuna

    from cellwright._types import Table

TRIALS = 12
"""Settings that the budget is enough for; more where some are given up early."""
_BEFORE_PRUNING = 4  # trials before any is given up
_AT_RANDOM = 5  # trials before the sampler learns from them
Train = Callable[[Candidate, Fold, float], tuple[Outcome, "Table | None"]]


def search_settings(
    base: Candidate, folds: Sequence[Fold], minutes: float, seed: int, train: Train
) -> list[Tried]:
    """Try settings one after the other, the usual ones first, until a budget is used up.

    The same seed and the same scores lead to the same settings: a search that was interrupted
    goes on where it was, as long as `train` remembers what it has done.

    Parameters
    ----------
    base : Candidate
        One with a network.
    folds : sequence of Fold
    minutes : float
        The budget, judging included.
    seed : int
    train : callable
        ``train(candidate, fold, minutes)`` returns what came of a training that is also judged in
        that time, and its scores; None of one that failed.

    Raises
    ------
    UsageError
        If Optuna is not installed.
    """
    optuna = load_optuna()
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=_AT_RANDOM),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNING, n_warmup_steps=0),
    )
    volumes = len(folds[0].size) == 3
    study.enqueue_trial(_usual(base, volumes))
    each = minutes / (TRIALS * len(folds))
    tried: list[Tried] = []
    left = minutes
    while left > each / 2:
        trial = study.ask()
        candidate, settings = _suggest(trial, base, volumes)
        standing = Standing(replace(candidate, label=f"settings {trial.number + 1}"))
        result, seconds = _judge(trial, standing, folds, each, train)
        left -= max(seconds / 60, each / 2)  # however fast they fail, trials have an end
        tried.append(Tried(settings, standing, result))
    return tried


def _judge(
    trial: optuna.Trial, standing: Standing, folds: Sequence[Fold], minutes: float, train: Train
) -> tuple[str, float]:
    """Train a candidate in one fold after the other, and give it up where it lags behind.

    Returns
    -------
    result : str
    seconds : float
        That it took.
    """
    from optuna.trial import TrialState

    column = deciding(folds[0].task.name)
    tables: list[Table] = []
    spent = 0.0
    for count, fold in enumerate(folds, 1):
        outcome, table = train(standing.candidate, fold, minutes)
        spent += outcome.seconds["all"]
        if table is None:
            trial.study.tell(trial, state=TrialState.FAIL)
            return FAILED, spent
        tables.append(table)
        standing.rounds[1] = concatenate(tables)
        mean = standing.estimate(column).mean
        trial.report(mean, count)
        if count < len(folds) and trial.should_prune():
            trial.study.tell(trial, state=TrialState.PRUNED)
            return GIVEN_UP, spent
    trial.study.tell(trial, mean)
    return COMPLETE, spent


def _usual(base: Candidate, volumes: bool) -> dict[str, Any]:
    """Return the defaults as a point of the space that is searched."""
    usual = TrainOptions()
    width, depth = network_sizes(str(base.network), volumes=volumes)
    return {
        "learning rate": usual.rate,
        "weight decay": usual.weight_decay,
        "augmentation": usual.strength,
        "patch": None,  # as is planned for the images, which may be small
        "width": width,
        "depth": depth,
    }


def _suggest(
    trial: optuna.Trial, base: Candidate, volumes: bool
) -> tuple[Candidate, dict[str, Any]]:
    """Return the candidate with the settings that a trial suggests."""
    width, depth = network_sizes(str(base.network), volumes=volumes)
    suggested = {
        "learning rate": trial.suggest_float("learning rate", 2e-3, 4e-2, log=True),
        "weight decay": trial.suggest_float("weight decay", 1e-4, 1e-1, log=True),
        "augmentation": trial.suggest_categorical("augmentation", ["light", "standard", "strong"]),
        "patch": trial.suggest_categorical(
            "patch", [None, 32, 64] if volumes else [None, 128, 192]
        ),
        "width": trial.suggest_categorical("width", _widths(width)),
        "depth": trial.suggest_int("depth", max(2, depth - 1), depth + 1),
    }
    network = {**base.settings["network"]} | {name: suggested[name] for name in ("width", "depth")}
    settings = {
        **base.settings,
        "network": network,
        "learning_rate": suggested["learning rate"],
        "weight_decay": suggested["weight decay"],
        "strength": suggested["augmentation"],
        "patch": suggested["patch"],
    }
    return replace(base, settings=settings), suggested


def _widths(usual: int) -> list[int]:
    """Return widths around the usual one that networks take."""
    return sorted({max(8, 8 * round(usual * factor / 8)) for factor in (0.5, 1, 1.5)} | {usual})


def load_optuna() -> Any:
    """Return the package that suggests settings.

    Raises
    ------
    UsageError
        If it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise UsageError(
            "The search for settings needs Optuna: pip install 'cellwright[search]'."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
