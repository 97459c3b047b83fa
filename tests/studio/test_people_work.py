"""Who annotates what, and how far everybody is."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import combinations
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright._errors import UsageError
from cellwright.images.read import read_labels
from cellwright.studio.people_work import active_minutes, spread

STROKE = {"tool": "brush", "points": [[50, 50]], "radius": 6}


@given(st.integers(0, 40), st.integers(1, 6), st.data())
def test_images_are_spread_evenly(images, people, data):
    each = data.draw(st.integers(1, people))
    names = [f"image {number}" for number in range(images)]
    of = spread(names, [f"P{number}" for number in range(people)], each)
    assert list(of) == names and all(len(set(chosen)) == each for chosen in of.values())
    load = Counter(name for chosen in of.values() for name in chosen)
    loads = [load[f"P{number}"] for number in range(people)]
    assert max(loads) - min(loads) <= 1


def test_everybody_shares_images_with_everybody():
    people = ["Ada", "Bo", "Cy", "Di"]
    of = spread([str(number) for number in range(12)], people, 2)
    shared = Counter(of.values())
    assert set(shared) == set(combinations(people, 2)) and set(shared.values()) == {2}


@pytest.mark.parametrize("each", [0, 3])
def test_more_people_than_there_are_are_refused(each):
    with pytest.raises(UsageError, match="2 people"):
        spread(["a"], ["Ada", "Bo"], each)


def test_pauses_are_no_work():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    at = [start + timedelta(seconds=s) for s in (0, 60, 90, 4000, 4030)]
    assert active_minutes(at) == pytest.approx(2) and active_minutes([]) == 0


def as_(name):
    return {"X-Cellwright-Person": quote(name)}


@pytest.fixture
def server(serve, folder):
    server = serve(folder)
    for name in ("Bo", "Cy"):
        server.client.done("/api/people", {"name": name})
    return server


def test_two_people_annotate_an_image_without_seeing_each_other(server, folder):
    client = server.client
    client.done("/api/work", {"people": ["Ada", "Bo"], "each": 2, "apart": True, "images": [0]})
    client.done("/api/images/0/edits", STROKE)
    assert client("/api/images/0/object?y=50&x=50", headers=as_("Bo"))[1]["label"] == 0
    other = STROKE | {"points": [[150, 50]]}
    assert client("/api/images/0/edits", other, headers=as_("Bo"))[0] == 200
    assert client.done("/api/images/0/object?y=150&x=50")["label"] == 0
    assert client.done("/api/images/0/object?y=150&x=50&of=Bo")["label"] == 1
    assert client.done("/api/images/0/object?y=50&x=50&of=")["label"] == 0
    status, told = client("/api/images/0/edits", STROKE | {"of": "Bo"})
    assert status == 400 and "nobody else" in told["error"]
    assert client("/api/images/0/strokes?since=0", headers=as_("Bo"))[1]["strokes"][0]["who"] == (
        "Bo"
    )
    server.stop()
    for name, y in (("Ada", 50), ("Bo", 150)):
        labels, _ = read_labels(folder / ".cellwright" / "people" / name / "field_0.tif")
        assert labels[y, 50] == 1 and len(np.unique(labels)) == 2
    assert not (folder / "labels" / "field_0.tif").exists()


def test_labels_of_ones_own_are_there_after_a_restart_and_others_are_refused(server, serve, folder):
    client = server.client
    client.done("/api/work", {"people": ["Bo"], "apart": True, "images": [0]})
    assert client("/api/images/0/edits", STROKE, headers=as_("Bo"))[0] == 200
    server.desk.journal.begin_save(".people/Bo/field_0", 99)  # as if it ended in a save
    server.stop()
    again = serve(folder).client
    assert again.done("/api/images/0/object?y=50&x=50&of=Bo")["label"] == 1
    for of in ("Cy", "Nobody"):
        assert again(f"/api/images/0/object?y=50&x=50&of={of}")[0] == 400


def states(client, name):
    return [one["state"] for one in client("/api/project", headers=as_(name))[1]["images"]]


def test_states_are_those_of_everybodys_own_work(server):
    client = server.client
    client.done("/api/work", {"people": ["Ada", "Bo"], "each": 2, "apart": True, "images": [0]})
    client.done("/api/images/0/edits", STROKE)
    client.done("/api/images/0/done", {"done": True})
    client.done("/api/images/1/done", {"done": True})
    assert states(client, "Ada") == ["done", "done", "new"]
    assert states(client, "Bo") == ["new", "done", "new"]
    assert server.desk.journal.finished() == {"field_1"}  # Ada's own labels teach nothing
    again = {"state": "again", "of": "Ada", "note": "two touch at the left"}
    assert client("/api/images/0/state", again, headers=as_("Cy"))[0] == 200
    client.done("/api/images/1/state", {"state": "again"})
    assert states(client, "Ada") == ["again", "again", "new"]
    listed = client.done("/api/project")["images"]
    assert [one["note"] for one in listed] == ["two touch at the left", "", ""]
    assert [one["others"] for one in client("/api/project", headers=as_("Cy"))[1]["images"]] == [
        *(True, False, False)
    ]
    assert server.desk.journal.finished() == set()
    (_, job, _) = client.done("/api/work")["images"][0]["jobs"]
    assert (job["person"], job["note"], job["who"]) == ("Ada", "two touch at the left", "Cy")
    client.done("/api/images/1/state", {"state": "checked"})
    assert states(client, "Bo") == ["new", "checked", "new"]
    for wrong in ({"state": "fine"}, {"state": "done", "of": "Cy"}, {}):
        assert client("/api/images/0/state", wrong)[0] == 400


def test_what_everybody_did_is_counted(server):
    client = server.client
    client.done("/api/work", {"people": ["Ada", "Bo", "Cy"], "each": 1})
    for y in (50, 100, 150):
        client("/api/images/0/edits", STROKE | {"points": [[y, 50]]}, headers=as_("Bo"))
    client("/api/images/0/undo", {}, headers=as_("Bo"))
    client.done("/api/images/0/done", {"done": True})
    told = {one["name"]: one for one in client.done("/api/work")["people"]}
    assert [told[name]["objects"] for name in ("Ada", "Bo", "Cy")] == [0, 2, 0]
    assert [told[name]["images"] for name in ("Ada", "Bo", "Cy")] == [1, 1, 1]
    assert [told[name]["done"] for name in ("Ada", "Bo", "Cy")] == [1, 0, 0]
    client.done("/api/work", {"people": []})
    assert all(not one["people"] for one in client.done("/api/work")["images"])
    assert client("/api/work", {"people": ["Nobody"]})[0] == 400
