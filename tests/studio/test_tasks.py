"""Volunteers: one object at a time, and what the answers of several make of the labels."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.studio.guard import task_token
from cellwright.studio.tasks import NO, UNSURE, YES, Answer, majority

from .conftest import TOKEN
from .test_agreement import Lab, square
from .test_people_work import as_

VOLUNTEERS = ("V1", "V2", "V3")


@given(st.lists(st.sampled_from([YES, NO, UNSURE]), max_size=9), st.integers(1, 5))
def test_a_majority_is_of_those_who_can_tell(said, votes):
    found = majority([Answer(str(i), answer) for i, answer in enumerate(said)], votes)
    for one, other in ((YES, NO), (NO, YES)):
        if found == one:
            assert said.count(one) > said.count(other)
            assert said.count(one) + said.count(other) >= votes
    if found is None:
        assert len(said) - said.count(UNSURE) < votes or said.count(YES) == said.count(NO)


class Crowd:
    """A server with two squares, and volunteers."""

    def __init__(self, server):
        self.server, self.client = server, server.client
        for name in VOLUNTEERS:
            self.client.done("/api/people", {"name": name})
        for y, x in ((20, 20), (100, 100)):
            edit = {"tool": "lasso", "points": square(y, x), "only_background": True}
            self.client.done("/api/images/0/edits", edit)

    def ask(self, kind="judge", about="objects", **more):
        order = {"about": about, "kind": kind, "images": [0]} | more
        return self.client.done("/api/tasks", order)["new"]

    def next(self, who):
        return self.client("/api/tasks/next", headers=as_(who))[1]

    def answer(self, who, task, answer, **more):
        body = {"task": task["id"], "answer": answer} | more
        return self.client("/api/tasks/answer", body, headers=as_(who))

    def all_answer(self, *said, **more):
        """Let everybody answer the same task."""
        task = self.next(VOLUNTEERS[0])["task"]
        for who, answer in zip(VOLUNTEERS, said, strict=False):
            assert self.answer(who, task, answer, **more)[0] == 200
        return task

    def labels(self):
        return self.server.desk.sheet(0).annotation.canvas[:, :]

    def results(self, kind):
        return self.client.done("/api/tasks")["progress"][kind]


@pytest.fixture
def crowd(serve, folder):
    return Crowd(serve(folder))


def test_what_most_find_right_stays(crowd):
    assert crowd.ask() == 2 and crowd.ask() == 0  # not twice
    told = crowd.next("V1")
    assert told["left"] == 2 and told["done"] == 0
    task = crowd.all_answer("yes", "no", "yes")
    assert task["box"] == [20, 20, 40, 40] and task["kind"] == "judge"
    (outline,) = (np.array(line) for line in task["outlines"])
    assert np.abs(outline - 30).max() <= 10 and np.abs(outline - 30).max() > 9
    assert crowd.results("judge") == {"right": 1, "open": 1}
    assert np.count_nonzero(crowd.labels()) == 800
    assert crowd.answer("V1", task, "no")[0] == 400  # it is settled


def test_what_most_find_wrong_is_drawn_anew_in_the_middle_of_the_outlines(crowd):
    crowd.ask()
    crowd.all_answer("no", "no", "yes")
    assert crowd.results("judge") == {"wrong": 1, "open": 1}
    crowd.all_answer("yes", "yes", "yes")  # the other one is right
    task = crowd.next("V1")["task"]
    assert task["kind"] == "outline" and task["box"] == [20, 20, 40, 40]
    for who, shift in zip(VOLUNTEERS, (4, 6, 8), strict=True):
        points = square(20 + shift, 20 + shift)
        assert crowd.answer(who, task, "yes", points=points)[0] == 200
    assert crowd.results("outline") == {"drawn": 1}
    rows, columns = np.nonzero(crowd.labels() == 1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (26, 45, 26, 45)
    last = crowd.server.desk.journal.edits("field_0")[-1]
    assert (last.kind, last.who) == ("volunteers", "volunteers")


def test_an_object_that_most_do_not_see_goes(crowd):
    crowd.ask(kind="outline", votes=2)
    task = crowd.next("V1")["task"]
    crowd.answer("V1", task, "no")
    crowd.answer("V2", task, "yes", points=square(20, 20))
    assert crowd.results("outline") == {"open": 2}  # even: somebody else decides
    crowd.answer("V3", task, "no")
    assert crowd.results("outline") == {"gone": 1, "open": 1}
    assert np.unique(crowd.labels()).tolist() == [0, 2]


def test_who_cannot_tell_is_asked_no_more_and_counts_for_nothing(crowd):
    crowd.ask(votes=2)
    task = crowd.all_answer("unsure", "yes")
    assert crowd.next("V1")["task"]["id"] != task["id"]
    assert crowd.results("judge") == {"open": 2}
    crowd.answer("V1", task, "yes")  # on second thoughts
    assert crowd.results("judge") == {"right": 1, "open": 1}
    assert crowd.client.done("/api/tasks")["people"] == {"V1": 1, "V2": 1}


def test_an_object_that_was_changed_meanwhile_is_left_alone(crowd):
    crowd.ask(kind="outline")
    task = crowd.next("V1")["task"]
    dab = {"tool": "brush", "points": [[21, 21]], "radius": 5}
    crowd.client.done("/api/images/0/edits", dab)
    before = crowd.labels()
    for who in VOLUNTEERS:
        crowd.answer(who, task, "no")
    assert crowd.results("outline") == {"outdated": 1, "open": 1}
    np.testing.assert_array_equal(crowd.labels(), before)


def test_volunteers_decide_where_annotators_differ(serve, folder):
    lab = Lab(serve(folder), ["Ada", "Bo"])
    lab.draw("Ada", (20, 20), (100, 20))
    lab.draw("Bo", (20, 20), (150, 150))
    order = {"about": "differences", "kind": "judge", "votes": 1}
    assert lab.client.done("/api/tasks", order)["new"] == 2
    for answer in ("yes", "no"):
        task = lab.client.done("/api/tasks/next")["task"]
        lab.client.done("/api/tasks/answer", {"task": task["id"], "answer": answer})
    told, labels = lab.consensus()
    assert told["open"] == 0 and labels[110, 30] and not labels[160, 160]
    said = {json.loads(c["key"])[0][0]: (c["choice"], c["who"]) for c in lab.found()["cases"]}
    assert said == {"Ada": ("take", "volunteers"), "Bo": ("none", "volunteers")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer": "maybe"},
        {"answer": "yes"},
        {"answer": "yes", "points": [[-5, -5], [-5, -2], [-2, -2]]},
        {"answer": "no", "task": 99},
    ],
)
def test_answers_that_make_no_sense_are_refused(crowd, wrong):
    crowd.ask(kind="outline")
    status, told = crowd.client("/api/tasks/answer", {"task": 1} | wrong)
    assert status == 400 and told["error"]
    assert crowd.client.done("/api/tasks")["people"] == {}


def test_questions_that_make_no_sense_are_refused(crowd):
    for wrong in (
        {"about": "cells", "kind": "judge"},
        {"about": "differences", "kind": "outline"},
        {"about": "objects", "kind": "judge", "votes": 0},
        {"about": "objects", "kind": "judge", "images": [99]},
    ):
        assert crowd.client("/api/tasks", wrong)[0] == 400


def test_the_token_of_volunteers_opens_nothing_but_tasks(crowd):
    crowd.ask()
    token = crowd.client.done("/api/tasks")["token"]
    assert token == task_token(TOKEN) != TOKEN
    headers = {"X-Cellwright-Token": token} | as_("V1")
    for path in ("tasks/next", "people", "images/0", "images/0/histogram"):
        assert crowd.client(f"/api/{path}", headers=headers)[0] == 200
    answer = {"task": 1, "answer": "yes"}
    assert crowd.client("/api/tasks/answer", answer, headers=headers)[0] == 200
    for path in ("tasks", "project", "work", "images/0/history", "images/0/labels", "next"):
        assert crowd.client(f"/api/{path}", headers=headers)[0] == 403
    for path in ("images/0/edits", "images/0/undo", "tasks", "work", "training"):
        assert crowd.client(f"/api/{path}", {}, headers=headers)[0] == 403
