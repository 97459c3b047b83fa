"""From images to a result folder with what a model finds in them, whatever that is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from cellwright._errors import AxesError, CellwrightError, UsageError
from cellwright._progress import remark
from cellwright._types import Table
from cellwright._workers import available_cores
from cellwright.images.find import left_out
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.inference.runtime import Device
from cellwright.models.card import ModelCard
from cellwright.models.channels import check_channels
from cellwright.models.find import find_model
from cellwright.models.learned import learned_nothing
from cellwright.models.load import AnyModel, load_model
from cellwright.models.scale import magnification_notes
from cellwright.runs.apply.options import ApplyOptions
from cellwright.runs.apply.planes import check_depth
from cellwright.runs.apply.reading import images_to_do
from cellwright.runs.results.batch import Task
from cellwright.runs.results.folder import open_run, refuse_inputs_inside
from cellwright.runs.results.plan import InputFile, Outcome, Plan, named
from cellwright.runs.results.result import (
    ResultKind,
    RunResult,
    command_line,
    complete_run,
    earlier_result,
    plan_tasks,
)

_VARYING = re.compile(r"'[^']*'|\d+")  # what differs between errors that say the same


@dataclass(frozen=True, slots=True)
class Job:
    """What is done with every image, and what comes of it.

    Parameters
    ----------
    kind : ResultKind
        What the table of the run is about.
    work : callable
        Does one task: ``work(task, output=..., options=..., open_model=...)``; picklable.
    files_of : callable, optional
        Returns the files that are written for a task, from the result folder on.
    check : callable, optional
        Refuses an image that the options do not fit, by its header alone.
    notes : tuple of str
        What the user should know about all results.
    """

    kind: ResultKind
    work: Callable[..., tuple[Outcome, Table]]
    files_of: Callable[[Task], Sequence[str]] | None = None
    check: Callable[[Image], None] | None = None
    notes: tuple[str, ...] = ()


def apply_model(
    command: str,
    inputs: Sequence[str | Path],
    output: Path,
    options: ApplyOptions,
    job_of: Callable[[AnyModel], Job],
    *,
    model: str | Path,
    device: Device,
    jobs: int,
    overwrite: bool,
) -> RunResult:
    """Do a job on images, into a result folder.

    Parameters
    ----------
    command : str
        The sub-command.
    inputs : sequence of str or Path
        Files, folders or patterns.
    output : Path
        The result folder.
    options : ApplyOptions
        What the objects depend on.
    job_of : callable
        Returns what is done with a model, or refuses it.
    model : str or Path
        Name of a model, or the path of a package.
    device : {"auto", "cpu", "cuda"}
        Where the network runs.
    jobs : int
        Images worked on at the same time.
    overwrite : bool
        Replace the results of an earlier run in `output`.

    Raises
    ------
    InputError
        If there are no images.
    ModelError
        If there is no such model, or its package is broken.
    OutputError
        If `output` holds other results or cannot be written.
    """
    threads = max(1, available_cores() // jobs) if jobs > 1 else None
    package = find_model(model)
    refuse_inputs_inside(output, [package])  # where a model was trained, it would be replaced
    opening: Callable[[], Any] = partial(opened, package, device, threads, options.tta)
    ready = opening()  # one that does not run here is told once, not for every image
    job = job_of(ready)
    slow = magnification_notes(ready.card, options.diameter)
    for note in slow:
        remark(f"Note: {note}")  # before the wait
    job = replace(
        job,
        work=partial(job.work, output=output, options=options, open_model=opening),
        check=partial(_check_image, card=ready.card, options=options),
        notes=(*learned_nothing(ready.card), *slow),
    )
    return do_job(
        job,
        inputs,
        output,
        Plan(command, inputs=(), parameters=asdict(options), files=(), model=named(ready)),
        jobs=jobs,
        overwrite=overwrite,
    )


def do_job(
    job: Job,
    inputs: Sequence[str | Path],
    output: Path,
    plan: Plan,
    *,
    jobs: int,
    overwrite: bool,
) -> RunResult:
    """Do a job on images, into a result folder.

    Parameters
    ----------
    job : Job
        Whose work needs nothing but a task.
    inputs, output, jobs, overwrite
        As for `apply_model`.
    plan : Plan
        What is done, but for its inputs and files.

    Raises
    ------
    InputError, OutputError
        As `apply_model`.
    UsageError
        If the options fit no image.
    """
    found = images_to_do(inputs, output)
    tasks = plan_tasks(found)
    if job.check is not None:
        _refuse_if_none_fits(tasks, job.check, plan.parameters["axes"])
    files = [file for task in tasks for file in job.files_of(task)] if job.files_of else []
    plan = replace(
        plan,
        inputs=tuple(InputFile.of(image.path) for image in found),
        sources={task.image: [task.path.resolve().as_posix()] for task in tasks},
        files=(*files, *job.kind.files),
    )
    with open_run(output, plan, overwrite=overwrite, command_line=command_line()) as (
        run,
        finished,
    ):
        if finished is not None:
            return earlier_result(run, job.kind, finished)
        return complete_run(
            run,
            tasks,
            job.work,
            kind=job.kind,
            jobs=jobs,
            what=f"{plan.command.capitalize()}ing",
            notes=(*job.notes, *left_out(inputs)),
        )


def _check_image(image: Image, *, card: ModelCard, options: ApplyOptions) -> None:
    """Refuse an image whose planes or channels do not fit the model and the options."""
    check_depth(image, options.z, card.network.dimensions)
    check_channels(image, card.input.channels, options.channel or None)


def _refuse_if_none_fits(
    tasks: Sequence[Task], check: Callable[[Image], None], axes: str | None
) -> None:
    """Refuse options that fit no image, before anything is written.

    Files that cannot be read are told when it is their turn.
    """
    refusals: list[CellwrightError] = []
    for task in tasks:
        try:
            check(read(task.path, axes=axes, scene=task.scene))
            return
        except (UsageError, AxesError) as error:
            refusals.append(error)
        except CellwrightError:
            return
    if len(refusals) == 1:
        raise refusals[0]
    unlike = {_VARYING.sub("", str(error)): error for error in reversed(refusals)}
    if len(unlike) == 1:
        raise UsageError(f"{refusals[0]} The same holds for all {len(tasks)} images.")
    reasons = "".join(f"\n  - {error}" for error in reversed(unlike.values()))
    raise UsageError(f"None of the {len(tasks)} images can be used as they are:{reasons}")


@lru_cache(maxsize=1)
def opened(package: Path, device: Device, threads: int | None, tta: bool | None) -> AnyModel:
    """Return a model that is ready to run: opened once in each process."""
    return load_model(package, device=device, threads=threads, tta=tta)
