"""Databases hold what was said when several say it at once, and whatever happens between."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cellwright.studio import people
from cellwright.studio.journal import Journal, LabelFile
from cellwright.studio.people import People
from cellwright.studio.review_journal import ReviewJournal
from cellwright.studio.tasks import JUDGE, Question, Tasks


@pytest.fixture
def opened(tmp_path):
    """Open databases that are closed with the test."""
    open_ones = []

    def start(kind, *more):
        open_ones.append(kind(tmp_path / "some.sqlite", *more))
        return open_ones[-1]

    yield start
    for one in open_ones:
        one.close()


def test_two_who_come_at_once_under_one_name_are_one_person(opened, monkeypatch):
    everybody, both = opened(People), threading.Barrier(2)
    check = people._check_name

    def wait_for_both(name):
        check(name)
        both.wait(30)

    monkeypatch.setattr(people, "_check_name", wait_for_both)
    with ThreadPoolExecutor() as pool:
        named = {person.name for person in pool.map(everybody.join, ["Bo", "bo"])}
    assert len(everybody.all()) == len(named) == 1


def test_a_question_is_put_once_though_it_is_asked_twice_at_a_time(opened):
    tasks = opened(Tasks)
    question = Question("field", (), JUDGE, 3, 4, np.ones((2, 5), bool), votes=3, label=1)
    assert tasks.put([question, question]) == 1
    assert tasks.put([question]) == 0
    kept = tasks.task(1).question
    assert (kept.y, kept.x, kept.label, kept.mask.shape) == (3, 4, 1, (2, 5)) and kept.mask.all()


def test_what_is_known_of_a_label_file_outlives_any_number_of_failed_saves(opened):
    journal = opened(Journal)
    known = LabelFile(7, False, (10, 20))
    journal.adopt("field", known)
    assert journal.label_file("field") == (known, False)
    for _ in range(100):
        journal.begin_save("field", 8)
    assert journal.label_file("field") == (known, True)
    assert journal.label_file("another") == (LabelFile(), False)


def test_a_table_says_why_as_it_was_when_it_was_asked_for(opened, monkeypatch):
    journal = opened(ReviewJournal, "run", 2)
    journal.mark("exclude", [0], who="Ada", why="blurred")
    find = journal._latest

    def overtaken(*asked):
        found = find(*asked)
        journal.undo(who="Ada")
        journal.mark("exclude", [1], who="Bo", why="too dark")
        return found

    monkeypatch.setattr(journal, "_latest", overtaken)
    told = journal.columns()
    assert told["excluded"].tolist() == [True, False]
    assert told["excluded_why"].tolist() == ["blurred", ""]
