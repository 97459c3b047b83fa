"""What is suggested to be annotated next."""

import time

import numpy as np
import pytest

import cellwright as cw
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import Desk
from cellwright.studio.project import find_project
from cellwright.studio.suggestions import MOST_LOOKED_AT, annotated, open_parts


def searched(client, **body):
    client.done("/api/next", body)
    end = time.monotonic() + 120
    while (found := client.done("/api/next"))["state"] == "running":
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture
def large(tmp_path):
    """An image of several parts, and one that is broken."""
    pixels, _ = simulate_field(NucleiSimulation(size=(900, 1300), diameter=24), seed=0)
    cw.write(tmp_path / "large.tif", cw.Image(pixels, "YX"))
    (tmp_path / "broken.tif").write_bytes(b"II*\0nothing")
    return tmp_path


def test_parts_are_what_is_not_annotated_and_cover_it(large):
    desk = Desk(find_project(large), Assistant("nuclei"), "Ada")
    parts = open_parts(desk, 0)
    covered = np.zeros((900, 1300), int)
    for part in parts:
        y0, x0, y1, x1 = part.box
        covered[y0:y1, x0:x1] += 1
    assert covered.min() == covered.max() == 1 and 4 <= len(parts) <= MOST_LOOKED_AT
    desk.journal.add_area("large", (), slice(0, 10), slice(0, 10))
    assert len(open_parts(desk, 0)) == len(parts) - 1
    desk.journal.mark("large", True)
    assert open_parts(desk, 0) == []
    desk.journal.mark("broken", True)  # it was not then
    names = [item.name for item in desk.project.items]
    assert [names[one.image] for one in annotated(desk, 0)] == ["large"]
    desk.close()


def test_one_part_is_suggested_after_the_other(serve, large):
    client = serve(large).client
    found = searched(client)
    assert found["state"] == "ready" and found["done"] == found["total"]
    best = found["best"]
    number = [image["name"] for image in client.done("/api/project")["images"]].index("large")
    assert best["image"] == number and (best["t"], best["z"]) == (0, 0)
    # Once that part is annotated, another is suggested.
    client.done(f"/api/images/{number}/areas", {"box": best["box"]})
    assert searched(client)["best"]["box"] != best["box"]


def test_when_all_is_done_nothing_is_suggested(serve, folder):
    client = serve(folder).client
    assert searched(client, channel=0)["state"] == "ready"
    for number in range(3):
        client.done(f"/api/images/{number}/done", {"done": True})
    found = searched(client)
    assert found["state"] == "failed" and "done" in found["message"] and found["best"] is None
