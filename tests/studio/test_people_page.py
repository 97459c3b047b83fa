"""Two people in two browsers: each sees what the other does, and nothing gets lost."""

import sys
import time

import numpy as np
import pytest

from .browser import CHROMIUM, Browser
from .test_page import READY, SAVED, Page

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
FACES = "[...document.querySelectorAll('#people .face')].map((face) => face.title)"


@pytest.fixture
def two(serve, folder, tmp_path_factory):
    """The pages of Ada, who started the server, and of Bo."""
    server = serve(folder)
    folders = [tmp_path_factory.mktemp(name) for name in ("ada", "bo")]
    with Browser(folders[0]) as first, Browser(folders[1]) as second:
        ada = Page(first, server)
        server.address += "&as=Bo"
        yield ada, Page(second, server)
        assert first.complaints == second.complaints == []


def test_each_sees_what_the_other_draws_and_takes_back_only_what_is_theirs(two):
    ada, bo = two
    for page, y in ((ada, 60), (bo, 160)):
        page.browser.key("b")
        page.browser.drag(page.at(y, 90), page.at(y, 120), page.at(y, 150))
        page.browser.wait(SAVED)
    assert set(np.unique(ada.labels())) == {0, 1, 2}
    bo.browser.wait(f"{FACES}.some((title) => title === 'Ada: field_0')", seconds=5)
    ada.browser.wait(f"{FACES}.some((title) => title === 'Bo: field_0')", seconds=5)
    ada.browser.key("z", "ctrl")
    ada.browser.wait(SAVED)
    labels = ada.labels()
    assert not (labels == 1).any() and (labels == 2).any()
    bo.browser.key("z", "ctrl")
    bo.browser.wait("document.getElementById('undo').disabled")
    assert not bo.labels().any()
    ada.browser.run("document.getElementById('past').open = true")
    ada.browser.wait("document.querySelectorAll('#history .dot').length === 4")
    colours = ada.browser.run(
        "[...document.querySelectorAll('#history .dot')].map((dot) => dot.style.background)"
    )
    assert len(set(colours)) == 2


def test_a_stroke_of_somebody_else_is_seen_soon(two, tmp_path):
    from PIL import Image as Picture

    ada, bo = two

    def seen():
        bo.browser.screenshot(tmp_path / "page.png")
        x, y = (int(value) for value in bo.at(120, 150))
        return Picture.open(tmp_path / "page.png").convert("RGB").getpixel((x, y))

    bo.browser.key("z")  # filled
    before = seen()
    stroke = {"tool": "brush", "points": [[120, 150]], "radius": 20}
    ada.server.client.done("/api/images/0/edits", stroke)
    end = time.monotonic() + 10  # usually one second; the machine may be busy
    while seen() == before:
        assert time.monotonic() < end


def test_many_strokes_of_two_at_once_are_all_kept(two, folder):
    ada, bo = two
    for number in range(6):
        for page, x in ((ada, 80), (bo, 220)):
            page.browser.key("b")
            y = 20 + 38 * number
            page.browser.drag(page.at(y, x), page.at(y, x + 8), page.at(y, x + 16))
    for page in two:
        page.browser.wait(SAVED)
    labels = ada.labels()
    assert set(np.unique(labels)) == set(range(13))
    history = ada.server.client.done("/api/images/0/history")
    assert sorted(edit["who"] for edit in history) == ["Ada"] * 6 + ["Bo"] * 6


def test_a_page_from_elsewhere_asks_for_a_name(serve, folder, tmp_path):
    server = serve(folder, names=("elsewhere",))
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(server.address)
        browser.wait("document.getElementById('who')?.open")
        for name in ("a/b", "Bo Ek"):
            browser.run(f"document.getElementById('who-name').value = '{name}'")
            browser.run("document.querySelector('#who-form button').click()")
            if name == "a/b":
                browser.wait("!document.getElementById('who-wrong').hidden")
                browser.complaints.clear()  # browsers note every refused request
        browser.wait(READY)
        assert browser.run(FACES) == ["You are Bo Ek. Say another name"]
        assert browser.run("document.querySelector('#people .face').textContent") == "BE"
        browser.open("about:blank")
        browser.open(server.address)
        browser.wait(READY)  # it remembers
        assert [person.name for person in server.desk.people.all()] == ["Ada", "Bo Ek"]
        assert browser.complaints == []
