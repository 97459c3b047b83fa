"""``cellwright compare``: from annotated images to the model that suits them best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cellwright._arguments import as_path, check_flags, check_made
from cellwright._errors import TrainingError, UsageError
from cellwright._files import write_json, write_text
from cellwright._progress import remark
from cellwright.datasets.records import Dataset
from cellwright.measure.tables import from_rows, write_csv
from cellwright.methods.registry import BOX_METHODS, CLASS_METHODS, LEARNERS, POINT_METHODS
from cellwright.models.load import load_model
from cellwright.models.package import CARD, FILES
from cellwright.runs.compare.candidates import (
    Candidate,
    default_methods,
    default_networks,
    make_candidates,
)
from cellwright.runs.compare.contest import Clock, Contest, more_time, reasons
from cellwright.runs.compare.division import Division, divide, thinned
from cellwright.runs.compare.estimate import Estimate
from cellwright.runs.compare.judging import judge
from cellwright.runs.compare.options import CompareOptions
from cellwright.runs.compare.report import comparison_page
from cellwright.runs.compare.results import (
    Findings,
    deciding,
    in_order,
    leaderboard,
)
from cellwright.runs.compare.search import load_optuna, search_settings
from cellwright.runs.compare.trial import prepare_fold
from cellwright.runs.compare.verdict import said
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate.scoring import files_of
from cellwright.runs.results.folder import RunFolder, open_run, tell_again
from cellwright.runs.results.plan import Plan
from cellwright.runs.results.result import command_line
from cellwright.runs.results.room import RUN_FILE
from cellwright.runs.train.lesson import Machine
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.prepare import image_size
from cellwright.runs.train.run import (
    FIT_FOLDER,
    REPORT_FILE,
    learner_for,
    model_name,
    open_task,
    train_divided,
)
from cellwright.runs.train.tasks import Task
from cellwright.training.history import CHECKPOINT, HISTORY

LEADERBOARD_FILE = "leaderboard.csv"
METRICS_FILE = "metrics.json"
MODEL_FOLDER = "model"
_OUTLINES_ALONE = (
    "Candidates are judged by the outlines of objects, whatever their classes. Methods without a "
    "network do not learn these."
)
_SEARCHED = 0.5  # share of the time that a search for settings takes
_WRITTEN = (LEADERBOARD_FILE, METRICS_FILE, REPORT_FILE, f"{MODEL_FOLDER}/{CARD}")
_FILES = (
    *_WRITTEN,
    *(f"{MODEL_FOLDER}/{name}" for name in (*FILES, REPORT_FILE, RUN_FILE)),
    *(f"{MODEL_FOLDER}/{FIT_FOLDER}/{name}" for name in (CHECKPOINT, HISTORY)),
)


@dataclass(frozen=True, slots=True)
class CompareResult:
    """What a comparison found and where it is.

    Parameters
    ----------
    folder : Path
        The package of the recommended model is in its folder ``model``.
    metrics : dict
        The content of ``metrics.json``.
    """

    folder: Path
    metrics: dict[str, Any]


def compare(
    dataset: str | Path,
    out: str | Path,
    options: CompareOptions | None = None,
    *,
    device: str = "auto",
    workers: int = 0,
    threads: int | None = None,
    overwrite: bool = False,
) -> CompareResult:
    """Train candidates under the same budget, and make a model with the one that does best.

    What candidates take is tried first, and so much is done as fits into the budget. In every round
    each candidate learns on for the same time in every fold; the better half goes into the next
    round. The best one is trained once more, on all images but those that are kept
    back, on which it is scored in the end. Called again after an interruption, it goes on where
    it was.

    Parameters
    ----------
    dataset : str or Path
        A folder of images with numbered objects or pixel classes.
    out : str or Path
        Takes ``leaderboard.csv``, ``metrics.json``, ``report.html`` and the package ``model``.
    options : CompareOptions, optional
    device, workers, threads
        As in `train`.
    overwrite : bool
        Replace the results of another run in `out`.

    Returns
    -------
    CompareResult

    Raises
    ------
    DatasetError
        If images or labels cannot be used, or are too few.
    TrainingError
        If every candidate fails.
    OutputError
        If `out` holds something else.
    UsageError
        If methods do not fit together, what they need is not installed, or an argument is of a
        wrong kind.
    """
    dataset, out = as_path(dataset, "dataset"), as_path(out, "out")
    options = CompareOptions() if options is None else options
    check_made(options, CompareOptions, "options")
    machine = Machine(device, workers, threads)
    check_flags(overwrite=overwrite)
    _refuse_mixed(options.methods)
    if options.search:
        load_optuna()  # what is not installed is told before anything is trained
    clock = Clock(60 * options.minutes)
    networks_first = sorted(options.methods, key=LEARNERS.__contains__)
    first = TrainOptions(method=next(iter(networks_first), None), axes=options.axes)
    task, opened = open_task(dataset, first)
    if task.name == "instances" and opened.classes:
        opened = replace(opened, notes=(*opened.notes, _OUTLINES_ALONE))
    division = divide(opened, options.folds, options.seed)
    candidates = _candidates(task, division, options)
    for candidate in candidates:
        learner_for(candidate.method)  # likewise
    plan = Plan(
        command="compare",
        inputs=files_of(division.final.examples),
        parameters={**asdict(options), "candidates": [one.name for one in candidates]},
        files=_FILES,
    )
    with open_run(out, plan, overwrite=overwrite, command_line=command_line()) as (run, finished):
        if finished is not None:
            tell_again(out)
            return CompareResult(out, finished["metrics"])
        findings, contest = _compared(run, task, division, candidates, options, machine, clock)
        metrics = findings.to_json() | {"said": said(findings)}
        write_csv(out / LEADERBOARD_FILE, from_rows(leaderboard(findings)))
        write_json(out / METRICS_FILE, metrics)
        page = comparison_page(findings, contest.pictures, plan.parameters, run.command_line)
        write_text(out / REPORT_FILE, page)
        written = [{"image": model_name(out), "files": _WRITTEN}]
        failed = list(findings.failures)
        run.finish(versions=versions(), metrics=metrics, images=written, failed=failed)
    return CompareResult(out, metrics)


def _compared(
    run: RunFolder,
    task: Task,
    division: Division,
    candidates: Sequence[Candidate],
    options: CompareOptions,
    machine: Machine,
    clock: Clock,
) -> tuple[Findings, Contest]:
    """Compare, search for settings where that is asked for, and train the best once more."""
    for note in division.notes:
        remark(f"Note: {note}")
    folds = [
        prepare_fold(number, task, fold, options.seed)
        for number, fold in enumerate(division.folds, 1)
    ]
    reserved = _SEARCHED * clock.left if options.search else 0.0
    contest = Contest(run, folds, candidates, clock, reserved, options, machine)
    contest.play()
    findings = _searched(contest, task, division, options, reserved)
    best = findings.winner
    chosen = findings.found.standing if findings.found else best
    remark(f"Training the recommended model, {best.name}, on all images")
    final = contest.train_options(chosen.candidate, findings.final_minutes)
    final = replace(final, name=model_name(run.path))
    model = run.path / MODEL_FOLDER
    data = thinned(division.final, contest.schedule.judged, options.seed)
    train_divided(task, data, model, final, machine, division.notes, overwrite=True)
    kept = _held_out(model, data, task, machine)
    minutes = options.minutes - clock.left / 60
    return replace(findings, held_out=kept, minutes=minutes), contest


def _searched(
    contest: Contest, task: Task, division: Division, options: CompareOptions, seconds: float
) -> Findings:
    """Return what a contest found, and the search for settings of the best where one is wished."""
    ranking = in_order(contest.standings, deciding(task.name))
    if not ranking:
        why = reasons({one.name: one.error or one.slow for one in contest.standings})
        more = more_time([one.slow for one in contest.standings], options.minutes)
        raise TrainingError(f"Every candidate failed {why}. {more}".strip())
    best, tried, notes = ranking[0].candidate, [], [*contest.notes, *division.notes]
    if options.search and best.network is None:
        notes.append(f"No settings were searched for: {best.name} has no network.")
    elif options.search:
        train = partial(contest.train_fully, best)
        tried = search_settings(best, contest.folds, seconds / 60, options.seed, train)
    return Findings(
        task=task.name,
        standings=tuple(contest.standings),
        rounds=contest.schedule.rounds[: ranking[0].last_round],
        folds=len(contest.folds),
        final_minutes=contest.final_minutes(best),
        notes=tuple(notes),
        tried=tuple(tried),
    )


def _refuse_mixed(methods: Sequence[str]) -> None:
    kinds = (CLASS_METHODS, BOX_METHODS, POINT_METHODS)
    found = {
        next((n for n, kind in enumerate(kinds) if method in kind), None)
        for method in methods
        if method not in LEARNERS
    }
    if "classical" in methods:
        found.add(None)  # it finds objects
    alone = found & {1, 2}  # boxes and points, which nothing learns without a network
    if len(found) > 1 or (alone and any(method in LEARNERS for method in methods)):
        raise UsageError(
            "Methods that find objects, classes of pixels, boxes or points cannot be compared with "
            f"each other: {', '.join(methods)}. Choose of one kind."
        )


def _candidates(task: Task, division: Division, options: CompareOptions) -> tuple[Candidate, ...]:
    learned = division.folds[0].part("train")
    dimensions = len(image_size(division.folds[0]))
    return make_candidates(
        options.methods or default_methods(task.name, learned, dimensions),
        options.networks or default_networks(task.name, len(learned)),
    )


def _held_out(
    model: Path, dataset: Dataset, task: Task, machine: Machine
) -> tuple[int, Estimate] | None:
    """Return the number of images that were kept back, and the score of the model on them."""
    if "test" not in dataset.splits:
        return None
    examples, column = dataset.part("test"), deciding(task.name)
    judged = judge(load_model(model, device="cpu", threads=machine.threads), examples, column)
    return len(examples), Estimate.of_table(judged.scores, column)
