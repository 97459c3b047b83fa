"""Rounds of training: what is learned, and that they can be stopped, killed and gone on with."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import DatasetError, OutputError
from cellwright.datasets.examples import load_example
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import Desk
from cellwright.studio.lessons import annotated_parts, open_lesson, write_lesson
from cellwright.studio.parts import Part, divided
from cellwright.studio.project import find_project
from cellwright.studio.rounds import Judged, Order, Round, Rounds
from cellwright.studio.trainer import Trainer
from cellwright.studio.verdicts import sentences


@pytest.fixture
def annotated(folder):
    """Annotate both fields, in files of their own."""
    for number in range(2):
        _, labels = simulate_field(NucleiSimulation(size=(240, 300), diameter=24), seed=number)
        cw.write_labels(folder / "labels" / f"field_{number}.tif", labels)
    return folder


@pytest.fixture
def desk(annotated):
    desk = Desk(find_project(annotated), Assistant("nuclei"), "Ada")
    yield desk
    desk.close()


def test_an_image_is_open_once_while_somebody_works_on_it(desk, monkeypatch):
    monkeypatch.setattr("cellwright.studio.desk.MOST_OPEN", 1)
    sheet = desk.sheet(0)
    desk.sheet(1)
    assert sheet not in desk.sheets()
    assert desk.sheet(0) is sheet


def part(name, box=(0, 0, 100, 100), split=""):
    return Part(name, (), box, split)


def test_what_was_learned_is_never_judged_by_and_what_was_set_aside_stays_so():
    first = divided([part(name) for name in "abcdef"])
    assert [one.split for one in first].count("val") == 2
    later = divided([part(name) for name in "abcdefghijkl"], first)
    assert [one.split for one in later[:6]] == [one.split for one in first]
    assert {one.split for one in later[6:]} == {"train", "val"}
    with pytest.raises(DatasetError, match="nothing is left"):
        divided([part(name) for name in "abcdef"], [part(name, split="train") for name in "abcdef"])
    with pytest.raises(DatasetError, match="Nothing is annotated"):
        divided([])


def test_no_pixel_is_learned_and_judged_by_in_one_round():
    rows = [part("a", (0, top, 100, top + 100)) for top in range(0, 500, 50)]  # each over the next
    apart = [part(name) for name in "bcd"]
    pieces = divided([*rows, *apart])
    learned, judged = ([p for p in pieces if p.split == split] for split in ("train", "val"))
    assert learned and judged and not any(a.overlaps(b) for a in learned for b in judged)


def test_rounds_are_in_the_order_of_their_numbers(tmp_path):
    rounds = Rounds(tmp_path)
    for number in (999, 1000):
        rounds.write(tmp_path / f"{number:03d}", Order(1, "", None, "Ada", "now"))
    (tmp_path / "1000 copy").mkdir()
    assert [one.number for one in rounds.all()] == [999, 1000]
    assert rounds.next_folder().name == "1001"


def test_one_image_is_enough_to_learn_and_to_judge():
    pieces = divided([part("a", (10, 20, 610, 320))])
    assert {one.split for one in pieces} == {"train", "val"}
    covered = np.zeros((700, 400), int)
    for one in pieces:
        covered[one.box[0] : one.box[2], one.box[1] : one.box[3]] += 1
    assert covered.sum() == 600 * 300 and covered.max() == 1


def test_a_lesson_holds_what_is_annotated_and_nothing_else(desk, tmp_path):
    assert annotated_parts(desk) == []
    desk.journal.add_area("field_0", (), slice(20, 120), slice(30, 200))
    desk.journal.mark("field_1", True)
    parts = divided(annotated_parts(desk))
    parts, objects = write_lesson(desk, parts, tmp_path / "rounds" / "001", None)
    dataset = open_lesson(tmp_path / "rounds" / "001")
    truth = desk.sheet(0).annotation.canvas[:, :]
    inside = np.zeros(truth.shape, bool)
    inside[20:120, 30:200] = True
    known, learned = np.zeros(truth.shape, bool), set()
    for example in dataset.examples:
        pixels, labels = load_example(example)
        plane = next(one.image for one in parts if one.plane == example.image.stem)
        expected = desk.sheet(int(plane[-1])).annotation.canvas[:, :]
        np.testing.assert_array_equal(labels[labels >= 0], expected[labels >= 0])
        # Objects are whole, also where a border of an area crosses them.
        assert all((labels == n).sum() == (expected == n).sum() for n in np.unique(labels) if n > 0)
        if plane == "field_0":
            assert not np.isin(labels[labels > 0], learned).any()  # no object is in both
            learned.update(labels[labels > 0].tolist())
            known |= labels >= 0
        raw = cw.read(desk.project.folder / f"{plane}.tif").to_numpy()
        np.testing.assert_array_equal(pixels[0], raw)
    assert known[inside].all() and not known[(truth == 0) & ~inside].any()
    assert objects >= len(np.unique(truth[inside])) - 1


def test_what_an_attempt_left_that_came_to_nothing_is_not_learned(desk, tmp_path):
    desk.journal.mark("field_0", True)
    write_lesson(desk, divided(annotated_parts(desk)), tmp_path / "rounds" / "001", 0)
    desk.journal.mark("field_0", False)
    desk.journal.mark("field_1", True)
    parts, _ = write_lesson(desk, divided(annotated_parts(desk)), tmp_path / "rounds" / "001", None)
    examples = open_lesson(tmp_path / "rounds" / "001").examples
    assert {one.image.stem for one in examples} == {one.plane for one in parts}


@pytest.fixture
def failing(tmp_path):
    """Return a round that cannot begin."""
    order = Order(1, "no-such-model", None, "Ada", "now")
    return Rounds(tmp_path / "rounds").write(tmp_path / "rounds" / "001", order)


def ended(trainer):
    end = time.monotonic() + 60
    while trainer.current is not None:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_modules_are_not_taken_from_the_folder_with_the_images(failing, tmp_path, monkeypatch):
    (tmp_path / "csv.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    trainer = Trainer(Rounds(tmp_path / "rounds"), lambda one: None)
    trainer.resume(1)
    ended(trainer)
    assert "no-such-model" in failing.failure


def test_a_round_whose_end_cannot_be_noted_lets_others_begin(failing, tmp_path, monkeypatch):
    def full(one, message):
        raise OutputError("No space left.")

    monkeypatch.setattr(Round, "fail", full)
    monkeypatch.setattr("sys.executable", shutil.which("false") or pytest.skip("there is no false"))
    trainer = Trainer(Rounds(tmp_path / "rounds"), lambda one: None)
    trainer.resume(1)
    ended(trainer)
    assert trainer.state(failing) == "stopped"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Judged(0.6, 90, 100), Judged(0.9, 100, 100), ["better", "counts are right", "correct"]),
        (Judged(0.6, 90, 100), Judged(0.4, 80, 100), ["worse", "20 % too few", "from before"]),
        (Judged(0.6, 9, 10), Judged(0.7, 14, 10), ["40 % too many", "Only 10 objects", "cells_7"]),
    ],
)
def test_the_verdict_says_what_to_do(before, after, said):
    flat = [{"train_loss": 0.5, "validation_loss": 0.5}] * 6
    told = " ".join(sentences(before, after, flat, "cells_7"))
    assert all(words in told for words in said)


def test_over_fitting_asks_for_objects_not_for_time():
    rows = [
        {"step": i, "train_loss": 0.5 - 0.05 * i, "validation_loss": 0.5 + 0.04 * i}
        for i in range(8)
    ]
    told = sentences(Judged(0.5, 50, 50), Judged(0.6, 50, 50), rows, "cells_7")
    assert "more time would not help" in told[-1] and "cells_7" in told[-1]


def test_a_round_that_was_too_short_asks_for_time():
    rates = [1.0, 0.9, 0.5, 0.2, 0.0, 0.0]  # too low to learn from half-way on
    losses = [1.9, 1.7, 1.66, 1.655, 1.655, 1.655]
    rows = [
        {"step": i, "train_loss": 1.8, "validation_loss": loss, "learning_rate": rate}
        for i, (loss, rate) in enumerate(zip(losses, rates, strict=True))
    ]
    told = sentences(Judged(0.07, 50, 50), Judged(0.17, 50, 50), rows, "cells_7")
    assert "for longer" in told[-1] and "cells_7" in told[-1]


def rounds_until(client, state, seconds=300):
    end = time.monotonic() + seconds
    while (told := client.done("/api/training"))["rounds"][-1]["state"] != state:
        assert time.monotonic() < end and told["rounds"][-1]["state"] != "failed", told["rounds"]
        time.sleep(0.2)
    return told


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals")
def test_a_round_is_stopped_killed_gone_on_with_and_used(serve, annotated):
    pytest.importorskip("torch")
    server = serve(annotated)
    client = server.client
    assert client("/api/training", {"minutes": 1, "start": "nuclei"})[0] == 400  # nothing marked
    for number in range(2):
        client.done(f"/api/images/{number}/done", {"done": True})
    told = client.done("/api/training", {"minutes": 0.05, "start": "nuclei"})
    assert told["current"] == 1 and told["annotated"] == {"images": 2, "areas": 0}
    assert client("/api/training", {"minutes": 1, "start": "nuclei"})[0] == 400  # one at a time
    client.done("/api/training/watch", {"image": 0, "box": [10, 20, 200, 220]})
    client.done("/api/training/stop", {})
    rounds_until(client, "stopped")
    client.done("/api/training/resume", {"round": 1})
    os.kill(server.desk.trainer._process.pid, signal.SIGKILL)
    end = time.monotonic() + 60
    while (told := client.done("/api/training"))["current"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "from outside" in told["rounds"][0]["failure"]
    client.done("/api/training/resume", {"round": 1})
    seen = None
    while (told := client.done("/api/training"))["current"]:
        seen = told["seen"] or seen
        assert time.monotonic() < end + 300
        time.sleep(0.1)
    (one,) = told["rounds"]
    assert one["state"] == "done" and one["history"] and len(one["verdict"]["sentences"]) >= 3
    assert (Path(one["model"]) / "model.json").is_file()  # the page says where it is
    assert seen["image"] == 0 and seen["objects"] > 3
    shown = server.desk.sheet(0).preview
    assert shown[10:200, 20:220].any() and not shown[201:, :].any()
    # Its model proposes, and that of before does again when it is asked to.
    client.done("/api/training/use", {"round": 1})
    assert client.done("/api/project")["model"] == "round 1"
    client.done("/api/training/use", {"round": 0})
    assert client.done("/api/training")["in_use"] is None
    assert client.done("/api/project")["model"] == "nuclei"


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals")
def test_a_training_ends_with_the_program_that_started_it(annotated):
    pytest.importorskip("torch")
    from .test_server import Program

    program = Program(annotated)
    for number in range(2):
        program.done(f"/api/images/{number}/done", {"done": True})
    program.done("/api/training", {"minutes": 5, "start": "nuclei"})
    (learner,) = children(program.process.pid)
    program.end(signal.SIGKILL)
    end = time.monotonic() + 60
    while alive(learner):
        assert time.monotonic() < end
        time.sleep(0.1)


def children(process):
    """Return the processes that a process has started."""
    from pathlib import Path

    if not Path("/proc").exists():
        pytest.skip("this system does not tell which processes there are")
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(one) for task in tasks for one in task.read_text().split()]


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
