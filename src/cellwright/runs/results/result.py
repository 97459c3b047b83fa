"""What a run leaves behind: one table, one report, one record."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cellwright._errors import CellwrightError, InputError
from cellwright._files import write_json, write_text
from cellwright._types import Table
from cellwright.images.find import Found
from cellwright.images.read import list_scenes
from cellwright.measure.tables import concatenate, write_csv, write_parquet
from cellwright.runs.doctor import versions
from cellwright.runs.results.batch import Stopwatch, Task, Work, run_batch
from cellwright.runs.results.classes_report import classes_report
from cellwright.runs.results.coco import coco_results
from cellwright.runs.results.detections_report import detections_report
from cellwright.runs.results.folder import RunFolder
from cellwright.runs.results.objects_report import objects_report
from cellwright.runs.results.page import shown
from cellwright.runs.results.plan import Outcome
from cellwright.runs.results.warnings import gathered

REPORT_FILE = "report.html"
Page = Callable[[Mapping[str, Any], Sequence[Outcome], Table], str]
Export = Callable[[Sequence[Outcome], Table], Any]


@dataclass(frozen=True, slots=True)
class ResultKind:
    """What the one table of a run is about.

    Parameters
    ----------
    rows : str
        What its rows are: ``"objects"`` or ``"classes"``.
    page : callable
        Makes the report from the record, the outcomes and the table.
    exports : mapping of str to callable, optional
        What else is written: the name of a JSON file, and what makes its content of the outcomes
        and the table.
    """

    rows: str
    page: Page
    exports: Mapping[str, Export] = field(default_factory=dict)

    @property
    def csv(self) -> str:
        """Name of the table as CSV."""
        return f"{self.rows}.csv"

    @property
    def parquet(self) -> str:
        """Name of the table as Parquet."""
        return f"{self.rows}.parquet"

    @property
    def files(self) -> tuple[str, ...]:
        """What a run of this kind writes besides labels."""
        return (self.csv, self.parquet, *self.exports, REPORT_FILE)


OBJECTS = ResultKind("objects", objects_report)
CLASSES = ResultKind("classes", classes_report)
POINTS = ResultKind("objects", partial(detections_report, drawn="points"))
DETECTIONS = ResultKind(
    "objects", partial(detections_report, drawn="boxes"), {"coco.json": coco_results}
)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did.

    Parameters
    ----------
    folder : Path
        Where the results are.
    kind : ResultKind
        What its table is about.
    images : int
        Number of images that are done.
    objects : int
        Number of objects in them.
    failures : dict
        Why each failed image failed.
    bugs : tuple of str
        Tracebacks of failures that are our fault.
    warnings : dict
        What to look at before the numbers are trusted, and in which images: one warning of each
        kind, the most frequent first.
    notes : tuple of str
        What the user should know about all results.
    seconds : float
        Duration of this run in s; 0 when everything was done before.
    """

    folder: Path
    kind: ResultKind
    images: int
    objects: int
    failures: dict[str, str]
    bugs: tuple[str, ...] = ()
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def warned(self) -> set[str]:
        """The images with warnings."""
        return {image for images in self.warnings.values() for image in images}

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "output": str(self.folder),
            "images": self.images,
            "objects": self.objects,
            "failed": self.failures,
            "images_with_warnings": len(self.warned),
            "warnings": self.warnings,
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
            "table": str(self.folder / self.kind.csv),
            "report": str(self.folder / REPORT_FILE),
        }


def command_line() -> str:
    """Return how the program was called; empty when it is used from Python."""
    program = Path(sys.argv[0])
    called = program.stem in ("cellwright", "__main__")
    return " ".join(["cellwright", *map(_quoted, sys.argv[1:])]) if called else ""


def plan_tasks(found: Sequence[Found]) -> list[Task]:
    """Return one task for each image, and for each scene of files that hold several."""
    tasks = []
    for image in found:
        name = image.relative.as_posix()
        scenes = _scenes(image.path)
        if len(scenes) == 1:
            tasks.append(Task(name, image.path, name))
        for scene in scenes if len(scenes) > 1 else ():
            tasks.append(Task(f"{name}_{scene}", image.path, f"{name}_{scene}", scene))
    seen: dict[str, Task] = {}
    for task in tasks:
        other = seen.setdefault(task.output.casefold(), task)
        if other is not task:
            raise InputError(
                f"'{other.path}' and '{task.path}' would both give results named '{task.output}'. "
                "Work on them in two separate runs."
            )
    return tasks


def complete_run(
    folder: RunFolder,
    tasks: Sequence[Task],
    work: Work,
    *,
    kind: ResultKind,
    jobs: int,
    what: str,
    notes: Sequence[str] = (),
) -> RunResult:
    """Do what is still to be done, then write the table, the report and the record."""
    start, cpu_start = time.perf_counter(), _cpu_seconds()
    outcomes = run_batch(folder, tasks, work, jobs=jobs, what=what)
    watch = Stopwatch()
    with watch.step("table"):
        table = _written_table(folder, kind, outcomes)
    failed = [outcome for outcome in outcomes if not outcome.done]
    seconds = time.perf_counter() - start
    objects = sum(outcome.objects for outcome in outcomes)
    results = {
        "failed": len(failed),
        "objects": objects,
        "notes": list(notes),
        "seed": None,  # nothing here is drawn at random
        "versions": versions(),
        "timings": {
            "wall_s": round(seconds, 3),
            "cpu_s": round(_cpu_seconds() - cpu_start, 3),
            "steps_s": _steps(outcomes, watch),
        },
        "images": [_record(outcome) for outcome in outcomes],
    }
    _write_report(folder, kind, outcomes, table, results)
    folder.keep_pictures(shown(outcomes))
    folder.finish(**results)
    return RunResult(
        folder=folder.path,
        kind=kind,
        images=len(outcomes) - len(failed),
        objects=objects,
        failures={outcome.image: outcome.error or "" for outcome in failed},
        bugs=tuple(o.facts["traceback"] for o in failed if "traceback" in o.facts),
        warnings=gathered((outcome.image, outcome.warnings) for outcome in outcomes),
        notes=tuple(notes),
        seconds=seconds,
    )


def _written_table(folder: RunFolder, kind: ResultKind, outcomes: Sequence[Outcome]) -> Table:
    """Write the one table of a run in all its forms, and return it."""
    table = concatenate(folder.table(outcome.image) for outcome in outcomes if outcome.done)
    write_csv(folder.path / kind.csv, table)
    write_parquet(folder.path / kind.parquet, table)
    for name, export in kind.exports.items():
        write_json(folder.path / name, export(outcomes, table))
    return table


def _write_report(
    folder: RunFolder,
    kind: ResultKind,
    outcomes: Sequence[Outcome],
    table: Table,
    results: dict[str, Any],
) -> None:
    record = folder.plan.to_json() | results
    record |= {"command_line": folder.command_line, "started": folder.started}
    write_text(folder.path / REPORT_FILE, kind.page(record, outcomes, table))


def earlier_result(folder: RunFolder, kind: ResultKind, record: dict[str, Any]) -> RunResult:
    """Return the result of a run that was complete before."""
    return RunResult(
        folder=folder.path,
        kind=kind,
        images=len(record["images"]),
        objects=record["objects"],
        failures={},
        warnings=gathered((image["image"], image["warnings"]) for image in record["images"]),
        notes=tuple(record.get("notes", ())),  # not in those of every version
    )


def _scenes(path: Path) -> tuple[str | None, ...]:
    try:
        return list_scenes(path)
    except CellwrightError:
        return (None,)  # reading it later says what is wrong, and the other images are done


def _steps(outcomes: Sequence[Outcome], watch: Stopwatch) -> dict[str, float]:
    total: dict[str, float] = {}
    for seconds in [*(outcome.seconds for outcome in outcomes), watch.seconds]:
        for step, value in seconds.items():
            total[step] = round(total.get(step, 0.0) + value, 4)
    return total


def _record(outcome: Outcome) -> dict[str, Any]:
    return {
        "image": outcome.image,
        "status": "done" if outcome.done else "failed",
        "error": outcome.error,
        "objects": outcome.objects,
        "warnings": list(outcome.warnings),
        "facts": outcome.facts,
        "seconds": {step: round(value, 4) for step, value in outcome.seconds.items()},
        "files": list(outcome.files),
    }


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the workers that have ended, in s."""
    return sum(os.times()[:4])


def _quoted(argument: str) -> str:
    return f'"{argument}"' if not argument or any(c in argument for c in ' *?"&;|()') else argument
