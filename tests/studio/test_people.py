"""Several people, as requests: names, and who did what."""

import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import numpy as np
import pytest

from cellwright._errors import UsageError
from cellwright.images.read import read_labels
from cellwright.studio.people import COLOURS, People, fit_name
from cellwright.studio.serve import names_of_this_computer

from .conftest import TOKEN, Client


@pytest.fixture
def people(tmp_path):
    people = People(tmp_path / "people.sqlite")
    yield people
    people.close()


def test_names_are_kept_in_order_and_have_colours(people, tmp_path):
    assert [people.join(name).name for name in ("Ada", "Bö Ek", "  ada ", "Cy")] == [
        *("Ada", "Bö Ek", "Ada", "Cy")
    ]
    again = People(tmp_path / "people.sqlite")
    assert [(p.name, p.colour) for p in again.all()] == [
        ("Ada", COLOURS[0]), ("Bö Ek", COLOURS[1]), ("Cy", COLOURS[2])
    ]  # fmt: skip
    again.close()
    with pytest.raises(UsageError, match="Nobody here is called 'Di'"):
        people.named("Di")


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "..", ".a", "a.", "a\\b", "CON", "nul.txt", "a\nb", "x" * 41, "a:b"]
)
def test_a_name_that_no_folder_can_have_is_refused(people, name):
    with pytest.raises(UsageError, match="no name"):
        people.join(name)
    assert people.join(fit_name(name)).name


def test_edits_are_those_of_who_asks(serve, folder):
    client = serve(folder).client
    client.done("/api/people", {"name": "Bö Ek"})
    bo = {"X-Cellwright-Person": quote("Bö Ek")}
    stroke = {"tool": "brush", "points": [[50, 50]], "radius": 6}
    client.done("/api/images/0/edits", stroke)
    assert client("/api/images/0/edits", stroke | {"points": [[150, 50]]}, headers=bo)[0] == 200
    news = client("/api/images/0/strokes?since=0", headers=bo)[1]
    assert [one["who"] for one in news["strokes"]] == ["Ada", "Bö Ek"] and news["can_undo"]
    assert news["here"] == [{"name": "Bö Ek", "image": 0}]
    assert client.done(f"/api/images/0/strokes?since={news['edit']}")["strokes"] == []
    client.done("/api/images/0/undo", {})
    assert not client.done("/api/images/0")["can_undo"]
    assert client("/api/images/0", headers=bo)[1]["can_undo"]
    told = client("/api/people", headers=bo)[1]
    assert told["you"] == "Bö Ek" and [p["name"] for p in told["people"]] == ["Ada", "Bö Ek"]
    status, told = client("/api/project", headers={"X-Cellwright-Person": "Nobody"})
    assert status == 400 and "say who you are" in told["error"]


def test_what_is_said_by_others_is_told(serve, folder):
    client = serve(folder).client
    client.done("/api/classes", {"name": "living"})
    client.done("/api/images/0/edits", {"tool": "brush", "points": [[50, 50]], "radius": 6})
    news = client.done("/api/images/0/strokes?since=0")
    client.done("/api/images/0/edits", {"tool": "classify", "point": [50, 50], "class": 1})
    later = client.done(f"/api/images/0/strokes?since={news['edit']}")
    assert later["facts"] == [["class", 1, 1]] and later["strokes"] == []
    assert client.done(f"/api/images/0/strokes?since={later['edit']}")["facts"] == []


def test_edits_of_many_at_once_are_all_made(serve, folder):
    server = serve(folder)
    names = [f"P{number}" for number in range(4)]
    for name in names:
        server.client.done("/api/people", {"name": name})

    def draw(number):
        dab = {"tool": "brush", "points": [[10 + 50 * (number % 4), 10 + 12 * (number // 4)]]}
        headers = {"X-Cellwright-Person": names[number % 4]}
        assert server.client("/api/images/0/edits", dab | {"radius": 4}, headers=headers)[0] == 200

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(draw, range(40)))
    labels = server.desk.sheet(0).annotation.canvas[:, :]
    assert set(np.unique(labels)) == set(range(41))
    assert server.desk.journal.drawn() == dict.fromkeys(names, 10)
    server.stop()
    np.testing.assert_array_equal(read_labels(folder / "labels" / "field_0.tif")[0], labels)


def test_other_computers_are_answered_only_where_that_is_wanted(serve, folder):
    own = serve(folder)
    headers = {"Host": f"lab-pc:{own.client.port}"}
    assert own.client("/api/project", headers=headers)[0] == 403
    own.stop()
    shared = serve(folder, names=("Lab-PC", "10.0.0.7"))
    for host, status in (("lab-pc", 200), ("10.0.0.7", 200), ("evil.example", 403)):
        headers = {"Host": f"{host}:{shared.client.port}"}
        assert shared.client("/api/project", headers=headers)[0] == status
        headers["Origin"] = f"http://{host}:{shared.client.port}"
        assert shared.client("/api/project", headers=headers)[0] == status
        forged = headers | {"X-Cellwright-Token": "forged"}
        assert shared.client("/api/project", headers=forged)[0] == 403
    headers = {"Origin": "http://evil.example"}
    assert shared.client("/api/project", headers=headers)[0] == 403
    assert shared.client.done("/api/people")["shared"]


def reached(host, port):
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("share", [False, True])
def test_the_program_listens_to_others_only_when_asked(folder, share):
    address = names_of_this_computer()[0]
    if address == "127.0.0.1":
        pytest.skip("this computer is in no network")
    command = [sys.executable, "-m", "cellwright", "annotate", str(folder), "--no-browser"]
    command += ["--as", "Ada", *(["--share"] if share else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            while "#token=" not in (line := process.stdout.readline()):
                assert line, "it has ended"
            printed, _, token = line.strip().partition("#token=")
            port = int(printed.rstrip("/").rpartition(":")[2])
            assert printed == f"http://{address if share else '127.0.0.1'}:{port}/"
            assert reached(address, port) == share
            told = Client(port)("/api/people", headers={"X-Cellwright-Token": token})[1]
            assert told["you"] == "Ada" and told["shared"] == share
            assert Client(port)("/api/people", headers={"X-Cellwright-Token": TOKEN})[0] == 403
        finally:
            process.terminate()


@pytest.mark.parametrize("names", [(), ("lab-pc",)])
def test_answers_have_the_headers_that_browsers_take_there(serve, folder, names):
    port = serve(folder, names=names).client.port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
        assert ("Cross-Origin-Opener-Policy" in answer.headers) == (not names)
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_what_is_proposed_to_one_person_stays_when_another_one_asks(serve, folder):
    client = serve(folder).client
    client.done("/api/people", {"name": "Bo"})
    ada, bo = ({"X-Cellwright-Person": name} for name in ("Ada", "Bo"))

    def proposed(headers):
        found = {"state": "running"}
        while found["state"] == "running":
            time.sleep(0.05)
            found = client("/api/images/0/proposals", headers=headers)[1]
        return found

    client("/api/images/0/proposals", {}, headers=ada)
    whole = proposed(ada)
    client("/api/images/0/proposals", {"box": [0, 0, 120, 150]}, headers=bo)
    part = proposed(bo)
    assert whole["state"] == part["state"] == "ready"
    assert proposed(ada) == whole and 0 < len(part["labels"]) < len(whole["labels"])
