"""What is done while another image is opened changes neither that one nor the one before."""

import numpy as np
import pytest

import cellwright as cw

from .browser import Browser
from .test_page import READY, SAVED, Page, pytestmark  # noqa: F401

TITLE = "document.getElementById('title').textContent === '{}'"


@pytest.fixture
def page(serve, folder, tmp_path_factory):
    for number in range(2):  # an object on either image, where strokes go
        labels = np.zeros((240, 300), np.int32)
        labels[100:140, 130:170] = 1
        cw.write_labels(folder / "labels" / f"field_{number}.tif", labels)
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield Page(browser, serve(folder))
        assert browser.complaints == []


def labels(page, number):
    page.browser.wait(f"{SAVED} || document.getElementById('saved').textContent === ''")
    return page.server.desk.sheet(number).annotation.canvas[:, :].copy()


def drawn(browser):
    """Wait until what was told is on the screen, with all its tiles."""
    browser.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    browser.wait(READY)


def edits(page):
    return [page.server.desk.sheet(number).annotation.latest for number in range(2)]


def test_nothing_can_be_done_while_an_image_is_on_its_way(page):
    browser = page.browser
    browser.run("document.getElementById('stage').focus()")
    browser.click(*page.at(120, 150))
    browser.wait("!document.getElementById('object').hidden")
    before = edits(page)
    browser.hold("images/1")
    browser.key("d")
    browser.wait(TITLE.format("field_1"))
    assert browser.run("document.getElementById('object').hidden")
    assert browser.run("document.getElementById('stage').getAttribute('aria-busy')") == "true"
    for key in ("Delete", "f", "1", "c", "b", "Enter"):
        browser.key(key)
    browser.key("z", "ctrl")
    browser.key("Enter", "ctrl")
    browser.drag(page.at(60, 60), page.at(60, 70), page.at(60, 90))
    browser.click(*page.at(120, 150), modifier="ctrl")
    browser.release()
    browser.wait(READY)
    assert edits(page) == before
    browser.drag(page.at(60, 100), page.at(60, 110), page.at(60, 120))
    browser.wait("!document.getElementById('undo').disabled")
    assert labels(page, 1)[60, 110] == 2 and not labels(page, 0)[60, 110]


def test_a_stroke_ends_with_the_image_that_it_began_on(page):
    browser, before = page.browser, edits(page)
    browser.key("b")
    browser.mouse("down", *page.at(60, 100))
    browser.mouse("move", *page.at(60, 110))
    browser.key("d")
    browser.wait(TITLE.format("field_1"))
    browser.wait(READY)
    for x in (150, 190):
        browser.mouse("move", *page.at(200, x))
    browser.mouse("up", *page.at(200, 190))
    drawn(browser)
    browser.wait(f"{SAVED} || document.getElementById('saved').textContent === ''")
    assert edits(page) == before


def test_a_click_counts_for_the_image_that_was_clicked(page):
    """It takes the server a moment to say whether a proposal was hit."""
    browser = page.browser
    browser.run("document.getElementById('stage').focus()")
    browser.key("s")
    browser.wait("!document.getElementById('proposed').hidden")
    drawn(browser)  # tiles of proposals come from that address, too
    browser.hold("proposals/labels")
    browser.click(*page.at(120, 150), modifier="ctrl")
    browser.wait("window.heldBack.length > 0")
    browser.key("d")
    browser.wait(TITLE.format("field_1"))
    browser.wait(READY)
    browser.release()
    browser.wait(SAVED)
    assert not labels(page, 0).any()
    assert labels(page, 1)[120, 150] == 1


@pytest.fixture
def broken(folder):
    (folder / "stack.ome.tif").write_bytes(b"II*\0gone")


def test_an_image_that_cannot_be_opened_leaves_none_to_draw_on(broken, page):
    browser, before = page.browser, edits(page)
    browser.key("d")
    browser.wait(TITLE.format("field_1"))
    browser.wait(READY)
    browser.key("s")
    browser.wait("!document.getElementById('proposed').hidden")
    browser.key("d")
    browser.wait(TITLE.format("stack"))
    browser.wait("!document.getElementById('message').hidden")
    assert browser.run("document.getElementById('proposed').hidden")
    browser.complaints.clear()  # browsers note every refused request
    browser.key("b")
    browser.drag(page.at(60, 100), page.at(60, 110), page.at(60, 120))
    browser.key("Enter")
    assert edits(page) == before
    assert page.text("saved") in ("", "Saved")
