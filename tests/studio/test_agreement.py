"""Two and three people on the same image: how far they agree, and what becomes of the rest."""

import json

import numpy as np
import pytest

from cellwright.images.read import read_labels
from cellwright.studio import consensus
from cellwright.studio.agreement import Case, compare
from cellwright.studio.consensus import same_objects
from cellwright.studio.decisions import Decision

from .test_people_work import as_


def square(y, x, side=20):
    return [[y, x], [y, x + side], [y + side, x + side], [y + side, x]]


class Lab:
    """Three people with one image, each with labels of their own."""

    def __init__(self, server, people):
        self.server, self.client = server, server.client
        for name in people:
            self.client.done("/api/people", {"name": name})
        order = {"people": people, "each": len(people), "apart": True, "images": [0]}
        self.client.done("/api/work", order)

    def draw(self, name, *corners, side=20):
        for y, x in corners:
            edit = {"tool": "lasso", "points": square(y, x, side), "only_background": True}
            status, told = self.client("/api/images/0/edits", edit, headers=as_(name))
            assert status == 200 and told["edit"]

    def found(self):
        return self.client.done("/api/images/0/agreement")

    def decide(self, case, **choice):
        return self.client("/api/images/0/agreement", {"key": case["key"], **choice})

    def consensus(self):
        told = self.client.done("/api/images/0/consensus", {})
        return told, self.server.desk.sheet(0).annotation.canvas[:, :]


@pytest.fixture
def lab(serve, folder):
    lab = Lab(serve(folder), ["Ada", "Bo"])
    lab.draw("Ada", (20, 20), (20, 100), (100, 20))
    lab.draw("Bo", (20, 20), (22, 102), (100, 150))
    return lab


def test_scores_are_those_of_objects_and_pixels(lab):
    (pair,) = lab.found()["pairs"]
    assert (pair["both"], pair["only_first"], pair["only_second"]) == (2, 1, 1)
    assert pair["f1"] == pytest.approx(2 / 3, abs=1e-4)
    assert pair["average_precision"] == 0.5 and pair["class_kappa"] is None
    shared, own, pixels = 400 + 18**2, 1200, 240 * 300
    agree = (shared + pixels - 2 * own + shared) / pixels
    chance = (own / pixels) ** 2 + (1 - own / pixels) ** 2
    assert pair["kappa"] == pytest.approx((agree - chance) / (1 - chance), abs=1e-4)
    told = lab.client.done("/api/agreement")
    assert told["pairs"] == [pair] and told["images"][0]["open"] == 2


def test_only_those_who_have_begun_are_compared(serve, folder):
    lab = Lab(serve(folder), ["Ada", "Bo"])
    lab.draw("Ada", (20, 20))
    assert lab.found()["people"] == ["Ada"] and lab.found()["cases"] == []
    assert lab.client.done("/api/agreement") == {"images": [], "pairs": []}
    assert lab.client("/api/images/0/consensus", {})[0] == 400


def test_each_disagreement_is_decided_in_one_of_four_ways(lab, folder):
    cases = lab.found()["cases"]
    assert [sorted(case["members"]) for case in cases] == [["Ada"], ["Bo"], ["Ada", "Bo"]]
    assert [case["choice"] for case in cases] == ["open", "open", "agree"]
    told, labels = lab.consensus()
    assert told["open"] == 2 and len(np.unique(labels)) == 3
    assert lab.decide(cases[0], choice="take", of="Ada")[0] == 200
    assert lab.decide(cases[1], choice="none")[0] == 200
    assert lab.decide(cases[2], choice="draw", points=square(150, 200, 10))[0] == 200
    assert lab.found()["consensus"] == "old"
    told, labels = lab.consensus()
    assert told["open"] == 0 and lab.found()["consensus"] == "written"
    assert np.count_nonzero(labels) == 400 + 400 + 100
    assert labels[110, 30] and not labels[110, 160] and labels[155, 205] and not labels[30, 110]
    assert lab.server.desk.journal.finished() == {"field_0"}
    (last,) = (e for e in lab.server.desk.journal.edits("field_0")[-1:])
    assert (last.kind, last.who) == ("consensus", "Ada")
    assert lab.server.desk.journal.drawn() == {"Ada": 3, "Bo": 3}
    lab.server.stop()
    np.testing.assert_array_equal(read_labels(folder / "labels" / "field_0.tif")[0], labels)


def test_a_consensus_that_changes_no_pixel_is_up_to_date_and_one_that_was_undone_is_not(lab):
    assert lab.found()["consensus"] == "none"
    lab.consensus()
    assert lab.found()["consensus"] == "written"
    case = lab.found()["cases"][0]
    lab.decide(case, choice="none")  # it was left out before, as nothing was decided
    assert lab.found()["consensus"] == "old"
    told, labels = lab.consensus()
    assert told["edit"] == 0 and lab.found()["consensus"] == "written"
    assert len(np.unique(labels)) == 3
    for way, state in (("undo", "old"), ("redo", "written")):
        assert lab.client(f"/api/images/0/{way}", {"of": ""})[1]["edit"]
        assert lab.found()["consensus"] == state


def test_the_middle_of_outlines_that_differ_is_taken(lab):
    _, labels = lab.consensus()
    rows, columns = np.nonzero(labels == labels[31, 111])
    assert (rows.min(), columns.min()) == (21, 101) and (rows.max(), columns.max()) == (40, 120)


def test_a_decision_can_be_taken_back_and_falls_when_the_object_changes(lab):
    case = lab.found()["cases"][0]
    lab.decide(case, choice="none")
    assert lab.decide(case, choice="open")[1]["cases"][0]["choice"] == "open"
    lab.decide(case, choice="take", of="Ada")
    lab.client.done("/api/images/0/edits", {"tool": "delete", "point": [110, 30]})
    lab.draw("Ada", (102, 22))
    again = next(c for c in lab.found()["cases"] if list(c["members"]) == ["Ada"])
    assert again["choice"] == "open" and again["key"] != case["key"]
    assert "changed meanwhile" in lab.decide(case, choice="none")[1]["error"]


@pytest.mark.parametrize(
    "choice",
    [
        {"choice": "maybe"},
        {"choice": "take", "of": "Bo"},
        {"choice": "take"},
        {"choice": "draw", "points": [[1, 1], [2, 2]]},
        {"choice": "draw", "points": [[-9, -9], [-9, -5], [-5, -5]]},
        {"choice": "draw"},
    ],
)
def test_decisions_that_make_no_sense_are_refused(lab, choice):
    case = lab.found()["cases"][0]
    assert json.loads(case["key"]) == [["Ada", 3]]
    status, told = lab.decide(case, **choice)
    assert status == 400 and told["error"]
    assert lab.found()["cases"][0]["choice"] == "open"


def test_of_three_the_majority_decides(serve, folder):
    lab = Lab(serve(folder), ["Ada", "Bo", "Cy"])
    lab.draw("Ada", (20, 20), (100, 100))
    lab.draw("Bo", (20, 20), (100, 100))
    lab.draw("Cy", (20, 20), (180, 180))
    cases = lab.found()["cases"]
    assert [(len(case["members"]), case["choice"]) for case in cases] == [(1, "open"), (2, "agree")]
    told, labels = lab.consensus()
    assert told["open"] == 1 and np.count_nonzero(labels) == 800
    pairs = lab.client.done("/api/agreement")["pairs"]
    assert [(*pair["people"], pair["f1"]) for pair in pairs] == [
        *(("Ada", "Bo", 1), ("Ada", "Cy", 0.5), ("Bo", "Cy", 0.5))
    ]


def test_classes_agree_too_and_that_of_most_is_taken(lab):
    for name in ("living", "dead"):
        lab.client.done("/api/classes", {"name": name})
    said = {"Ada": [(30, 30, 1), (30, 110, 2)], "Bo": [(30, 30, 1), (30, 110, 1)]}
    for name, objects in said.items():
        for y, x, kind in objects:
            edit = {"tool": "classify", "point": [y, x], "class": kind}
            assert lab.client("/api/images/0/edits", edit, headers=as_(name))[0] == 200
    (pair,) = lab.found()["pairs"]
    assert pair["class_kappa"] == 0  # one of two, as by chance
    _, labels = lab.consensus()
    facts = lab.client.done("/api/images/0/facts?of=")["class"]
    assert facts == {str(labels[30, 30]): 1, str(labels[30, 110]): 1}


def test_what_is_said_about_an_object_is_not_true_of_another_that_gets_its_number(lab):
    lab.client.done("/api/classes", {"name": "dead"})
    _, labels = lab.consensus()
    assert labels[32, 112] == 2
    edit = {"tool": "classify", "point": [32, 112], "class": 1, "of": ""}
    lab.client.done("/api/images/0/edits", edit)
    for name in ("Ada", "Bo"):
        lab.draw(name, (20, 60))  # comes before it, and so takes its number
    _, labels = lab.consensus()
    assert labels[30, 70] == 2 and labels[32, 112] == 3
    assert lab.client.done("/api/images/0/facts?of=")["class"] == {}


def test_a_consensus_has_what_is_drawn_while_it_is_made(lab, monkeypatch):
    made = []

    def compared(desk, number, index):
        found = compare(desk, number, index)
        if not made:
            made.append(found)
            for name in ("Ada", "Bo"):
                lab.draw(name, (180, 200))
        return found

    monkeypatch.setattr(consensus, "compare", compared)
    _, labels = lab.consensus()
    assert labels[190, 210] and lab.found()["consensus"] == "written"


def test_a_consensus_can_be_taken_back(lab):
    drawn = {"tool": "lasso", "points": square(200, 200), "of": ""}
    lab.client.done("/api/images/0/edits", drawn)
    _, labels = lab.consensus()
    assert not labels[210, 210]
    lab.client.done("/api/images/0/undo", {"of": ""})
    labels = lab.server.desk.sheet(0).annotation.canvas[:, :]
    assert labels[210, 210] and np.count_nonzero(labels) == 400


def test_planes_of_a_stack_are_compared_one_by_one(serve, folder):
    lab = Lab(serve(folder), ["Ada", "Bo"])
    order = {"people": ["Ada", "Bo"], "each": 2, "apart": True, "images": [2]}
    lab.client.done("/api/work", order)
    for name, planes in (("Ada", (0, 1)), ("Bo", (1, 2))):
        for z in planes:
            edit = {"tool": "brush", "points": [[20, 20]], "radius": 5, "z": z}
            assert lab.client("/api/images/2/edits", edit, headers=as_(name))[0] == 200
    assert len(lab.client.done("/api/images/2/agreement?z=0")["cases"]) == 1
    assert lab.client.done("/api/images/2/agreement?z=1")["cases"] == []
    (pair,) = lab.client.done("/api/agreement")["images"][0]["pairs"]
    assert (pair["both"], pair["only_first"], pair["only_second"]) == (1, 1, 1)
    assert lab.client.done("/api/images/2/consensus", {})["open"] == 2
    canvas = lab.server.desk.sheet(2).annotation.canvas
    assert canvas[1, 20, 20] and not canvas[0, :, :].any() and not canvas[2, :, :].any()


def test_objects_go_on_through_planes_in_a_consensus(serve, folder):
    lab = Lab(serve(folder), ["Ada", "Bo"])
    order = {"people": ["Ada", "Bo"], "each": 2, "apart": True, "images": [2]}
    lab.client.done("/api/work", order)
    for name in ("Ada", "Bo"):
        for y in (10, 30):
            edit = {"tool": "brush", "points": [[y, 20]], "radius": 4, "z": 1, "ball": True}
            assert lab.client("/api/images/2/edits", edit, headers=as_(name))[0] == 200
    assert lab.client.done("/api/images/2/consensus", {})["open"] == 0
    canvas = lab.server.desk.sheet(2).annotation.canvas
    upper, lower = canvas[1, 10, 20], canvas[1, 30, 20]
    assert upper and lower and upper != lower
    assert (canvas[:, 10, 20] == upper).all() and (canvas[:, 30, 20] == lower).all()


def case(**members):
    return Case("", members, (0, 0, 1, 1), 1.0, Decision("agree"))


def test_an_object_goes_on_where_most_of_those_who_drew_it_say_so():
    agree = [[case(Ada=1, Bo=1)], [case(Ada=1, Bo=1), case(Ada=2, Bo=2)], [case(Ada=2, Bo=2)]]
    assert [of.tolist() for of in same_objects(agree)] == [[0], [0, 1], [1]]
    differ = [[case(Ada=1, Bo=1)], [case(Ada=1, Bo=2)]]
    assert [of.tolist() for of in same_objects(differ)] == [[0], [1]]
    most = [[case(Ada=1, Bo=1, Cy=4)], [case(Ada=1, Bo=2, Cy=4)]]
    assert [of.tolist() for of in same_objects(most)] == [[0], [0]]
    gap = [[case(Ada=1)], [], [case(Ada=1)]]
    assert [of.tolist() for of in same_objects(gap)] == [[0], [], [0]]
    assert [of.tolist() for of in same_objects([[], []])] == [[], []]
