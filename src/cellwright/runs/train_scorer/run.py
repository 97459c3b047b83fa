"""``cellwright train-scorer``: from tracked movies to a scorer of links and divisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cellwright._arguments import check_whole_numbers
from cellwright._errors import InputError, UsageError, training_extra
from cellwright._progress import progress
from cellwright._words import counted
from cellwright.images.normalise import Normalisation
from cellwright.models.card import InputContract, ModelCard, NetworkFacts, check_name
from cellwright.models.engines import open_engine
from cellwright.models.package import (
    CARD,
    NETWORK,
    TEST_INPUT,
    TEST_OUTPUT,
    WEIGHTS,
    Package,
    load_package,
    save_package,
)
from cellwright.models.scorer import FEATURES, TASK
from cellwright.runs.doctor import versions
from cellwright.runs.results.folder import now, open_run, tell_again
from cellwright.runs.results.plan import InputFile, Plan
from cellwright.runs.results.result import command_line
from cellwright.runs.train.run import model_name
from cellwright.runs.train_scorer.judging import f1_scores
from cellwright.runs.train_scorer.truths import read_truth, truth_files, truth_folders
from cellwright.tracking.learned.features import VERSION
from cellwright.tracking.learned.lessons import Lesson, find_lessons
from cellwright.tracking.learned.movies import simulated_tracks, variants
from cellwright.tracking.learned.scorer import make_scorer
from cellwright.tracking.tracks import Tracks
from cellwright.training.history import CHECKPOINT, HISTORY
from cellwright.training.waiting import let_waiting_threads_sleep

FIT_FOLDER = "training"
_KEPT = (CARD, NETWORK, WEIGHTS, TEST_INPUT, TEST_OUTPUT, f"{FIT_FOLDER}/{HISTORY}")
_FILES = (*_KEPT, f"{FIT_FOLDER}/{CHECKPOINT}")
_SET_ASIDE = 5  # one movie in so many judges
_MOST_PAIRS = 150  # of a movie that are learned from
_LIMITS = (
    "Scores links between neighbouring frames and divisions; gaps and mergers cost what they cost "
    "without it. It has seen no movies but those named under training: compare on a tracked "
    "movie of your own before you rely on it."
)


@dataclass(frozen=True, slots=True)
class ScorerOptions:
    """What the training of a scorer depends on, besides the movies.

    Parameters
    ----------
    simulated : int
        Simulated movies to learn from besides.
    steps : int
        Length of the training.
    seed : int
        Of every random choice.
    name : str, optional
        Of the model; that of its folder by default.

    Raises
    ------
    UsageError
        If a number is of a wrong kind or out of range.
    ModelError
        If the name is none that a model may have.
    """

    simulated: int = 40
    steps: int = 600
    seed: int = 0
    name: str | None = None

    def __post_init__(self) -> None:
        check_whole_numbers(0, simulated=self.simulated, seed=self.seed)
        check_whole_numbers(1, steps=self.steps)
        if self.name is not None:
            check_name(self.name)


@dataclass(frozen=True, slots=True)
class ScorerResult:
    """What came of a training.

    Parameters
    ----------
    folder : Path
        The model package.
    package : Package
    """

    folder: Path
    package: Package

    @property
    def better(self) -> bool:
        """Whether links, or divisions, are more right with it, and none of them less."""
        gains = [gain for _, _, gain in self.table()]
        return min(gains) >= 0 and max(gains) > 0

    def table(self) -> list[tuple[str, float, float]]:
        """Return what was scored, the F1 with the scorer, and what it gains over that without."""
        scores = self.package.card.evaluation
        return [
            (what, scores[f"F1, {what}"], scores[f"F1, {what}"] - scores[f"F1, {what} without it"])
            for what in ("links", "divisions")
        ]


def train_scorer(
    movies: Sequence[str | Path],
    out: str | Path,
    options: ScorerOptions | None = None,
    *,
    overwrite: bool = False,
) -> ScorerResult:
    """Train a scorer of links and divisions, for `cellwright.runs.track.run.track_movie`.

    Parameters
    ----------
    movies : sequence of str or Path
        Folders of the Cell Tracking Challenge with true tracks, such as ``01_GT``, or folders of
        such folders. Their images, in ``01``, are looked at where they are.
    out : str or Path
        The model package to be made.
    options : ScorerOptions, optional
    overwrite : bool
        Replace the results of another run in `out`.

    Raises
    ------
    InputError
        If a movie cannot be used.
    OutputError
        If `out` holds something else.
    UsageError
        If there are fewer than two movies, or what training needs is not installed.
    """
    options, out = options or ScorerOptions(), Path(out)
    folders = truth_folders([Path(movie) for movie in movies])
    if len(folders) + options.simulated < 2:
        raise UsageError(
            "Training needs two movies at least: one to learn from, one to judge. Add tracked "
            "movies, or simulated ones."
        )
    let_waiting_threads_sleep()
    with training_extra():
        from cellwright.runs.train_scorer.learning import learn
    plan = Plan(
        command="train-scorer",
        inputs=tuple(InputFile.of(file) for folder in folders for file in truth_files(folder)),
        parameters=asdict(options),
        files=_FILES,
    )
    with open_run(out, plan, overwrite=overwrite, command_line=command_line()) as (run, finished):
        if finished is not None:
            tell_again(out)
            return ScorerResult(out, load_package(out))
        learned, judges = _divided(_truths(folders, options), options.seed)
        lessons = _lessons([movie.tracks for movie in learned], options.seed)
        facts, files = learn(lessons, options.steps, options.seed, out / FIT_FOLDER)
        (out / FIT_FOLDER / CHECKPOINT).unlink(missing_ok=True)
        card = ModelCard(
            name=options.name or model_name(out),
            version="1.0.0",
            description="Scores links and divisions of objects in movies.",
            task=TASK,
            method="pointwise",
            readout={FEATURES: VERSION},
            network=facts,
            input=InputContract(("links and divisions",), Normalisation(kind="none")),
            training={
                "movies": len(folders),
                "simulated movies": options.simulated,
                "learned from": [movie.name for movie in learned],
                "frame pairs": len(lessons),
                "steps": options.steps,
                "seed": options.seed,
                "finished": now(),
                "versions": versions(),
            },
            evaluation=_evaluation(facts, files, judges),
            limits=_LIMITS,
        )
        package = save_package(out, card, files)
        run.finish(versions=versions(), warnings=[], images=[{"files": list(_KEPT)}])
    return ScorerResult(out, package)


class _Movie(NamedTuple):
    """A movie with its true links, and what the card calls it."""

    name: str
    tracks: Tracks


def _truths(folders: Sequence[Path], options: ScorerOptions) -> list[_Movie]:
    """Return all movies: those of the user, then simulated ones."""
    movies = [
        _Movie("/".join(folder.resolve().parts[-2:]), read_truth(folder))
        for folder in progress(folders, "Reading", unit="movie")
    ]
    seeds = range(options.seed * options.simulated, (options.seed + 1) * options.simulated)
    movies += [
        _Movie(f"simulated movie {seed}", simulated_tracks(seed))
        for seed in progress(seeds, "Simulating", unit="movie")
    ]
    return movies


def _divided(movies: Sequence[_Movie], seed: int) -> tuple[list[_Movie], list[_Movie]]:
    """Return the movies to learn from, and those that judge."""
    order = np.random.default_rng([seed, 30]).permutation(len(movies)).tolist()
    aside = max(1, len(movies) // _SET_ASIDE)
    return [movies[n] for n in order[aside:]], [movies[n] for n in order[:aside]]


def _lessons(movies: Sequence[Tracks], seed: int) -> list[Lesson]:
    """Return candidates of frame pairs, of all movies and of what is left of them."""
    lessons: list[Lesson] = []
    rng = np.random.default_rng([seed, 31])
    for number, movie in enumerate(progress(movies, "Linking", unit="movie")):
        found = [one for rest in variants(movie, seed + number) for one in find_lessons(rest)]
        own = [one for one in found if len(one.odds)]
        kept = np.sort(rng.permutation(len(own))[:_MOST_PAIRS]).tolist()
        lessons += [own[one] for one in kept]
    if not lessons:
        raise InputError(
            "There is nothing to learn from: in none of the movies do two frames with objects near "
            "each other follow each other. Add tracked movies, or simulated ones."
        )
    return lessons


def _evaluation(
    facts: NetworkFacts, files: Mapping[str, bytes], movies: Sequence[_Movie]
) -> dict[str, float | str]:
    """Return how right links and divisions are with a scorer, and without."""
    judges = [
        rest for number, movie in enumerate(movies) for rest in variants(movie.tracks, number)
    ]
    network = open_engine(facts, files, device="cpu", threads=1, name="the scorer")
    with_it, without = f1_scores(judges, make_scorer(network)), f1_scores(judges)
    scores: dict[str, float | str] = {
        "of": f"{counted(len(movies), 'movie')} set aside, whole and in parts",
        "movies": ", ".join(movie.name for movie in movies),
    }
    for what in with_it:
        scores[f"F1, {what}"] = with_it[what]
        scores[f"F1, {what} without it"] = without[what]
    return scores
