"""What several people say of the objects that they drew becomes that of the consensus."""

import time

import numpy as np
import pytest

import cellwright as cw
from cellwright.tracking.formats.files import read_tracks

from .test_agreement import square
from .test_people_work import as_

PEOPLE = ("Ada", "Bo", "Cy")
MOTHER, DAUGHTERS = (20, 20), ((10, 20), (40, 20))


class MovieLab:
    """People with a movie of four frames, in which a cell divides after the second."""

    def __init__(self, server):
        self.server, self.client = server, server.client
        for name in PEOPLE:
            self.client.done("/api/people", {"name": name})
        order = {"people": PEOPLE, "each": len(PEOPLE), "apart": True, "images": [0]}
        self.client.done("/api/work", order)
        for name in PEOPLE:
            for t in range(4):
                for corner in [MOTHER] if t < 2 else DAUGHTERS:
                    edit = {"tool": "lasso", "points": square(*corner), "only_background": True}
                    self.ask(name, "edits", {**edit, "t": t})

    def ask(self, name, path, body):
        status, told = self.client(f"/api/images/0/{path}", body, headers=as_(name))
        assert status == 200, told
        return told

    def label(self, name, t, corner):
        canvas = self.server.desk.sheet(0, name).annotation.canvas
        return int(canvas[t, corner[0] + 5, corner[1] + 5])

    def link(self, name, corner, t, before):
        """Say that a cell is the one that it was in the frame before."""
        label, other = self.label(name, t - 1, before), self.label(name, t, corner)
        self.ask(name, "tracks", {"action": "link", "label": label, "other": other, "t": t})

    def divide(self, name, corner):
        label, other = self.label(name, 1, MOTHER), self.label(name, 2, corner)
        self.ask(name, "tracks", {"action": "divide", "label": label, "other": other, "t": 2})


@pytest.fixture
def lab(serve, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 99, (4, 80, 90)).astype(np.uint8)
    cw.write(tmp_path / "m.ome.tif", cw.Image(pixels, "TYX"))
    lab = MovieLab(serve(tmp_path))
    for name in PEOPLE:
        lab.link(name, MOTHER, 1, MOTHER)
        for corner in DAUGHTERS:
            lab.link(name, corner, 3, corner)
    return lab


def test_a_cell_comes_from_where_most_of_those_who_drew_both_say(lab, tmp_path):
    for name in PEOPLE[:2]:
        lab.divide(name, DAUGHTERS[0])
    lab.divide("Ada", DAUGHTERS[1])  # alone with that
    assert lab.client.done("/api/images/0/consensus", {})["open"] == 0
    canvas = lab.server.desk.sheet(0).annotation.canvas
    (mother,) = {int(canvas[t, 25, 25]) for t in (0, 1)}
    first, second = (int(canvas[2, y + 5, 25]) for y, _ in DAUGHTERS)
    assert [int(canvas[3, y + 5, 25]) for y, _ in DAUGHTERS] == [first, second]
    written = tmp_path / "labels" / "m_tracks.csv"
    end = time.monotonic() + 60
    while not written.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    tracks = read_tracks(written)
    frames, labels = tracks.frame.tolist(), tracks.label.tolist()
    divided = [(labels[a], labels[b]) for a, b in tracks.edges.tolist() if frames[b] == 2]
    assert divided == [(mother, first)] and second != mother


def test_one_of_three_does_not_make_a_parent(lab):
    lab.divide("Cy", DAUGHTERS[0])
    lab.client.done("/api/images/0/consensus", {})
    assert set(lab.server.desk.sheet(0).annotation.facts["parent"].values()) == {0}
