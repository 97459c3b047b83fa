"""The result folder of a run: what was asked for, what is done, and nothing of the user's lost.

``run.json`` holds the plan (command, inputs, parameters, model) and, at the end, what became of
every image. While a run is going on, each finished image leaves a part in ``.parts/``, so that a
run that was stopped at any moment goes on where it was.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cellwright._arguments import check_flags
from cellwright._compiling import tell_of_compiling
from cellwright._errors import OutputError
from cellwright._files import write_json
from cellwright._progress import remark
from cellwright._types import Table
from cellwright._words import option
from cellwright.measure.tables import read_parquet, write_parquet
from cellwright.runs.results.differences import differences, of_both, only_adds
from cellwright.runs.results.lock import LOCK_FILE, locked, no_folder
from cellwright.runs.results.plan import Outcome, Plan
from cellwright.runs.results.room import (
    PARTS,
    PICTURES_FILE,
    RUN_FILE,
    refuse_foreign_files,
    refuse_foreign_folder,
    remove_files,
    within,
)

REVIEWED = ".cellwright"
"""Folder of what was said about the objects of a result, by their rows in its table."""


class RunFolder:
    """A result folder that belongs to one plan. Made by `open_run`."""

    def __init__(self, path: Path, plan: Plan, started: str, command_line: str) -> None:
        self.path = path
        self.plan = plan
        self.started = started
        self.command_line = command_line

    def keep(self, outcome: Outcome, table: Table | None = None) -> None:
        """Store what became of one image, so that a resumed run need not do it again."""
        part = self._part(outcome.image)
        if table is not None:
            write_parquet(part.with_suffix(".parquet"), table)
        write_json(part, asdict(outcome))

    def outcome(self, image: str) -> Outcome | None:
        """Return what became of `image`, or None when it is still to be done."""
        try:
            content = json.loads(self._part(image).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        content["files"] = tuple(content["files"])
        content["warnings"] = tuple(content["warnings"])
        outcome = Outcome(**content)
        written = all((self.path / name).exists() for name in outcome.files)
        return outcome if outcome.done and written else None

    def table(self, image: str) -> Table:
        """Return the stored table of a finished image."""
        return read_parquet(self._part(image).with_suffix(".parquet"))

    def take_over(self, earlier: dict[str, Any]) -> None:
        """Keep what became of the images of an earlier run, of which this one has more."""
        name = next(file for file in earlier["files"] if file.endswith(".parquet"))
        table = read_parquet(self.path / name)
        pictures = _read_pictures(self.path)
        for image in earlier["images"]:
            if image["status"] != "done" or self.outcome(image["image"]) is not None:
                continue
            facts = {key: image[key] for key in ("image", "objects", "facts", "seconds")}
            outcome = Outcome(
                **facts,
                files=tuple(image["files"]),
                warnings=tuple(image["warnings"]),
                picture=pictures.get(image["image"], {}),
            )
            mine = table["image"] == outcome.image if table else slice(0)
            self.keep(outcome, {column: values[mine] for column, values in table.items()})

    def write_record(self, **results: Any) -> None:
        """Write ``run.json``: the plan and, at the end, the `results`."""
        record = self.plan.to_json() | {
            "command_line": self.command_line,
            "started": self.started,
            **results,
        }
        write_json(self.path / RUN_FILE, record | {"seal": _seal(record)})

    def keep_pictures(self, outcomes: Iterable[Outcome]) -> None:
        """Store the pictures of the report, where it may come to be about more images."""
        if self.plan.sources:
            pictures = {outcome.image: outcome.picture for outcome in outcomes}
            write_json(self.path / PICTURES_FILE, pictures)

    def finish(self, **results: Any) -> None:
        """Write ``run.json`` and, when nothing failed, drop what was kept for resuming."""
        self.write_record(finished=now(), **results)
        if not results.get("failed"):
            shutil.rmtree(self.path / PARTS, ignore_errors=True)

    def _part(self, image: str) -> Path:
        # Names of images may be too long or hold characters that a file system forbids.
        return self.path / PARTS / f"{sha256(image.encode()).hexdigest()[:24]}.json"


@contextmanager
def open_run(
    path: Path, plan: Plan, *, overwrite: bool, command_line: str = ""
) -> Iterator[tuple[RunFolder, dict[str, Any] | None]]:
    """Make or reopen the result folder of a run, and keep other runs out of it meanwhile.

    Parameters
    ----------
    path : Path
        The result folder.
    plan : Plan
        What is to be done.
    overwrite : bool
        Remove the files of an earlier, different run first. Those of one that came to nothing are
        removed in any case; those of one that had only fewer images are kept, and it goes on.
    command_line : str
        How the program was called, for ``run.json``.

    Yields
    ------
    folder : RunFolder
    finished : dict or None
        The content of ``run.json`` when the same run is already complete.

    Raises
    ------
    OutputError
        If the folder holds another run or files that are not from a run, contains an input,
        cannot be written, or another run is going on in it.
    UsageError
        If `overwrite` is neither True nor False.
    """
    check_flags(overwrite=overwrite)
    refuse_inputs_inside(path, (Path(file.path) for file in plan.inputs))
    earlier = read_record(path)
    if earlier is not None and _same(earlier, plan) and _complete(path, earlier):
        yield RunFolder(path, plan, earlier["started"], command_line), earlier
        return
    tell_of_compiling()
    with locked(path):
        earlier = read_record(path)
        if earlier is not None and _same(earlier, plan):
            folder = RunFolder(path, plan, earlier["started"], command_line)
        elif earlier is not None and _same_until_now(earlier, plan):
            folder = RunFolder(path, plan, now(), command_line)
        elif earlier is not None and not overwrite and _goes_on(path, earlier, plan):
            refuse_foreign_files(path, set(plan.files) - set(earlier["files"]))
            folder = RunFolder(path, plan, now(), command_line)
            folder.take_over(earlier)
        else:
            _make_way(path, plan, earlier, overwrite)
            folder = RunFolder(path, plan, now(), command_line)
        folder.write_record()
        yield folder, None


def tell_again(path: Path) -> None:
    """Say that a run is asked for again, where the results do not say how long it took."""
    remark(f"'{path}' holds these results already: nothing is done again.")


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the content of ``run.json`` in the folder `path`, or None where there is none.

    Raises
    ------
    OutputError
        If the file is not as Cellwright wrote it.
    """
    file = path / RUN_FILE
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise no_folder(path) from error
    except (OSError, ValueError) as error:
        raise OutputError(f"'{file}' cannot be read: {error}. Choose another folder.") from error
    if not isinstance(record, dict) or not {"schema", "files", "seal"} <= record.keys():
        raise OutputError(f"'{file}' was not written by Cellwright. Choose another folder.")
    if record.pop("seal") != _seal(record):
        # It says which files may be replaced: after an edit, these might be the user's own.
        raise OutputError(
            f"'{file}' was changed since Cellwright wrote it, so what belongs to its run is not "
            "known any more. Choose another folder, or remove what you do not need by hand."
        )
    return record


def refuse_inputs_inside(path: Path, inputs: Iterable[Path]) -> None:
    """Raise `OutputError` if the result folder `path` is or contains one of the `inputs`."""
    for given in inputs:
        if within(given, path):
            raise OutputError(
                f"The output folder '{path}' contains the input '{given}'. "
                "Choose another output folder."
            )


def now() -> str:
    """Return the local date and time in ISO format, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _seal(record: dict[str, Any]) -> str:
    """Return what tells whether a record was changed by hand."""
    as_read = json.loads(json.dumps(record))  # tuples are lists there, and all keys are texts
    return sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()


def _same(earlier: dict[str, Any], plan: Plan) -> bool:
    return all(earlier.get(key) == value for key, value in plan.to_json().items())


def _same_until_now(earlier: dict[str, Any], plan: Plan) -> bool:
    """Return whether a run was stopped before that came to matter in which a plan differs."""
    known, wanted = earlier["parameters"], plan.to_json()["parameters"]
    for name in plan.afterwards:
        wanted.pop(name, None)
    wanted |= {name: known[name] for name in plan.afterwards if name in known}
    return "finished" not in earlier and _same(earlier, replace(plan, parameters=wanted))


def _goes_on(path: Path, earlier: dict[str, Any], plan: Plan) -> bool:
    """Return whether a finished run only lacks images that a plan has besides."""
    finished = "finished" in earlier and not _came_to_nothing(path, earlier)
    reviewed = (path / REVIEWED).exists()  # more rows in the table would be other rows
    return finished and not reviewed and only_adds(earlier, plan.to_json())


def _read_pictures(path: Path) -> dict[str, Any]:
    """Return the pictures of an earlier report by image; none where they are lost."""
    try:
        pictures: dict[str, Any] = json.loads((path / PICTURES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return pictures


def _complete(path: Path, record: dict[str, Any]) -> bool:
    if "finished" not in record or record.get("failed"):
        return False
    return all((path / name).exists() for image in record["images"] for name in image["files"])


def _make_way(path: Path, plan: Plan, earlier: dict[str, Any] | None, overwrite: bool) -> None:
    """Leave nothing at `path` that a new run would write over, or refuse."""
    if earlier is None:
        refuse_foreign_folder(path)
    elif overwrite:
        remove_files(path, earlier["files"])
    elif _came_to_nothing(path, earlier):
        # Its tables and report are about nothing. No image was done: labels are not from it.
        refuse_foreign_files(path, (name for name in earlier["files"] if "/" in name))
        remove_files(path, earlier["files"])
    else:
        raise OutputError(_other_run(path, earlier, plan))
    refuse_foreign_files(path, plan.files)


def _came_to_nothing(path: Path, record: dict[str, Any]) -> bool:
    """Return whether a run left no result: all its images failed, or it was stopped before any.

    Nothing is lost with it but the message why, and what is put right makes another plan.
    """
    if "finished" in record:
        images = record.get("images", [])
        return bool(images) and all(image.get("status") == "failed" for image in images)
    return not any(file for file in path.rglob("*") if file.is_file() and not _is_trace(file))


def _is_trace(file: Path) -> bool:
    """Return whether a file is only what any run begins with."""
    return file.name in (RUN_FILE, LOCK_FILE)


def _other_run(path: Path, earlier: dict[str, Any], plan: Plan) -> str:
    wanted = plan.to_json()
    cure = f"Choose another folder, or give {option(overwrite=True)} to replace them."
    if only_adds(earlier, wanted) and (path / REVIEWED).exists():
        cure = f"They were reviewed, and more images would move the rows reviewed. {cure}"
    elif plan.sources and only_adds(earlier, of_both(earlier, wanted)):
        cure = f"To keep them and add others, give all images together. {cure}"
    said = "; ".join(differences(earlier, wanted))
    return f"'{path}' holds the results of another run; different now: {said}. {cure}"
