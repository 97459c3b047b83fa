"""Killed at any moment: the stroke in progress may be lost, and nothing else."""

import multiprocessing
import signal
import sys
import time
import zlib

import numpy as np
import pytest

from cellwright.images.read import read_labels
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import Desk
from cellwright.studio.edits import edit
from cellwright.studio.fields import Fields
from cellwright.studio.project import find_project

KILLS = 30
LONGEST_S = 0.15

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")


def state(canvas):
    """Return what tells one state of the labels from another."""
    return zlib.crc32(np.ascontiguousarray(canvas[:, :]))


def work_without_end(folder, seed, answers):
    """Edit as fast as can be, and answer each edit as the server does: once it is made."""
    desk = Desk(find_project(folder), Assistant("nuclei"), "Ada")
    sheet = desk.sheet(0)
    annotation = sheet.annotation
    rng = np.random.default_rng(seed)
    while True:
        if rng.random() < 0.2:
            annotation.undo(who="Ada")
        else:
            points = (rng.random((5, 2)) * [240, 300]).tolist()
            stroke = {"tool": rng.choice(["brush", "erase"]), "points": points, "radius": 6}
            edit(sheet, Fields(stroke), "Ada")
        desk.edited(sheet)
        answers.send((len(annotation.history()), state(annotation.canvas)))


def test_a_kill_at_any_moment_loses_the_stroke_in_progress_at_most(folder):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cellwright.studio.desk", "cellwright.studio.edits"])
    rng = np.random.default_rng(0)
    made, known, answered = 0, None, 0
    for kill in range(KILLS):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work_without_end, args=(folder, kill, theirs))
        process.start()
        theirs.close()
        assert ours.poll(60)
        time.sleep(rng.uniform(0, LONGEST_S))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        try:
            while True:
                made, known = ours.recv()
                answered += 1
        except (EOFError, OSError):  # the last answer may have been cut short
            ours.close()
        if (file := folder / "labels" / "field_0.tif").exists():
            assert read_labels(file)[0].shape == (240, 300)  # whole at any moment
        desk = Desk(find_project(folder), Assistant("nuclei"), "Ada")
        annotation = desk.sheet(0).annotation
        found = len(annotation.history())
        assert made <= found <= made + 1
        assert found > made or state(annotation.canvas) == known
        desk.close()
        np.testing.assert_array_equal(read_labels(file)[0], annotation.canvas[:, :])
    assert answered > 3 * KILLS
