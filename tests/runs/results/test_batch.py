import multiprocessing
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cellwright import CellwrightError, InputError, OutputError
from cellwright._files import atomic_path
from cellwright.runs.results import batch
from cellwright.runs.results.batch import Task, run_batch
from cellwright.runs.results.folder import open_run
from cellwright.runs.results.plan import Outcome, Plan

TASKS = [Task(name, Path(f"{name}.tif"), name) for name in "abcde"]


def work(task, error=None, on="c"):
    if error is not None and task.image == on:
        raise error
    return Outcome(task.image, objects=1), {"label": np.array([1])}


def die(task):
    import os

    os._exit(9)


@pytest.fixture
def folder(tmp_path):
    with open_run(tmp_path / "out", Plan("test", (), {}, ()), overwrite=False) as (run, _):
        yield run


def test_one_failure_leaves_the_others_and_the_order(folder):
    failing = partial(work, error=InputError("'c.tif' is broken."))
    outcomes = run_batch(folder, TASKS, failing, jobs=1, what="Testing")
    assert [outcome.image for outcome in outcomes] == list("abcde")
    assert [outcome.image for outcome in outcomes if not outcome.done] == ["c"]
    assert outcomes[2].error == "'c.tif' is broken."


def test_a_bug_fails_one_image_and_keeps_its_traceback(folder):
    failing = partial(work, error=ZeroDivisionError("division by zero"))
    outcome = run_batch(folder, TASKS, failing, jobs=1, what="Testing")[2]
    assert "'c.tif': ZeroDivisionError" in outcome.error and "bug" in outcome.error
    assert "line" in outcome.facts["traceback"]


def test_ctrl_c_in_compiled_code_stops_the_run(folder):
    wrapped = SystemError("returned a result with an exception set")
    wrapped.__cause__ = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run_batch(folder, TASKS, partial(work, error=wrapped), jobs=1, what="Testing")


def test_a_full_disk_stops_the_run(folder):
    with pytest.raises(OutputError, match="No space left"):
        failing = partial(work, error=OutputError("No space left."))
        run_batch(folder, TASKS, failing, jobs=1, what="Testing")
    assert folder.outcome("b") is not None


def test_finished_images_are_not_done_again(folder):
    run_batch(folder, TASKS, partial(work, error=InputError("x")), jobs=1, what="Testing")
    done = []

    def note(task):
        done.append(task.image)
        return work(task)

    run_batch(folder, TASKS, note, jobs=1, what="Testing")
    assert done == ["c"]


def write_slowly(task, output):
    if task.image == "a":
        return work(task)
    with atomic_path(output / f"{task.image}.tif") as temporary:
        temporary.write_bytes(b"half")
        time.sleep(60)
    return work(task)


@pytest.mark.skipif(os.name == "nt", reason="processes on Windows are ended without being asked")
def test_workers_stop_at_once_and_leave_nothing_half_written(folder, tmp_path):
    interrupted = partial(write_slowly, output=tmp_path)
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    other.start()
    results = batch._in_processes(TASKS, interrupted, 2)
    assert next(results)[0].image == "a"
    while not any(tmp_path.glob("*.tif*")) and not any(tmp_path.glob(".*.tif*")):
        time.sleep(0.05)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt())
    assert time.monotonic() - start < 20
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert multiprocessing.active_children() == [other]  # what others started is theirs
    other.kill()
    other.join()


def test_a_worker_that_dies_is_explained(folder):
    with pytest.raises(CellwrightError, match=r"memory ran out.*a lower value for .* jobs"):
        run_batch(folder, TASKS, die, jobs=2, what="Testing")
