"""The page with the keyboard alone: proposals and classes, slices, tracks."""

import sys
import time

import numpy as np
import pytest

import cellwright as cw

from .browser import CHROMIUM, Browser
from .test_page import READY

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
IMAGES = ("field", "movie", "stack")


class Hands:
    """Somebody at the keyboard, and what lies in the middle of the images."""

    def __init__(self, browser, server):
        self.browser, self.desk = browser, server.desk
        browser.open(server.address)
        browser.wait(READY)

    def go_to(self, name):
        for image in IMAGES[1 : IMAGES.index(name) + 1]:
            self.browser.key("d")
            slider = "Frame" if image == "movie" else "Z"
            self.browser.wait(f"document.querySelector('#sliders span')?.innerText === '{slider}'")

    def canvas(self):
        number = IMAGES.index(self.browser.run("document.getElementById('title').textContent"))
        return self.desk.sheet(number).annotation.canvas

    def middle(self, *place):
        return int(self.canvas()[(*place, 120, 150)])

    def until(self, found):
        end = time.monotonic() + 60
        while not found():
            assert time.monotonic() < end, self.browser.run("document.body.innerText")
            time.sleep(0.05)


@pytest.fixture
def hands(serve, tmp_path):
    """A field of three discs, one in the middle; a movie of one, labelled anew; a stack of it."""
    y, x = np.mgrid[:240, :300]
    centres = ((120, 150), (50, 60), (190, 240))
    discs = sum(1 / (1 + np.exp(np.hypot(y - a, x - b) - 12)) for a, b in centres)
    noise = np.random.default_rng(0).normal(0, 0.02, discs.shape)
    pixels = (2000 * (discs + noise) + 500).clip(0).astype(np.uint16)
    folder = tmp_path / "data"
    cw.write(folder / "field.tif", cw.Image(pixels, "YX"))
    cw.write(folder / "stack.ome.tif", cw.Image(np.stack([pixels] * 3), "ZYX"))
    cw.write(folder / "movie.ome.tif", cw.Image(np.stack([pixels] * 3), "TYX"))
    cells = np.zeros((3, 240, 300), np.int32)
    cells[:, 110:130, 140:160] = np.arange(1, 4)[:, None, None]
    cw.write_labels(folder / "labels" / "movie.tif", cells)
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        yield Hands(browser, serve(folder))
        assert browser.complaints == []


def test_proposals_are_accepted_refused_and_get_a_class(hands):
    browser = hands.browser
    for _ in range(120):
        browser.key("Tab")
        if browser.run("document.activeElement.name === 'name'"):
            break
    for letter in "round":
        browser.key(letter)
    browser.key("Enter")
    browser.wait("document.querySelector('.class-pick')?.ariaPressed === 'true'")
    browser.key("Escape")  # out of the field, in which letters are letters
    browser.key("s")
    browser.wait("!document.getElementById('proposed').hidden")
    browser.key("Enter", "ctrl")
    browser.wait("document.getElementById('progress').textContent.startsWith('2 of 2')")
    assert hands.middle() == 0
    browser.key("s")
    browser.wait("document.getElementById('progress').textContent.startsWith('3 of 3')")
    browser.key("Enter")
    hands.until(hands.middle)
    browser.key("Enter")
    browser.wait("document.getElementById('facts').textContent.includes('round')")
    browser.key("c")
    hands.until(lambda: hands.canvas()[:, :].max() == 3)
    browser.key("Enter", "ctrl")
    hands.until(lambda: not hands.middle())


def test_an_object_goes_on_in_the_next_slice(hands):
    browser = hands.browser
    hands.go_to("stack")
    browser.key("b")
    browser.key("Enter")
    hands.until(lambda: hands.middle(0))
    browser.key("v")
    browser.key("Enter")
    browser.wait("!document.getElementById('slices-follow').disabled")
    browser.key("y")
    hands.until(lambda: hands.middle(1))
    shown = "document.querySelector('#sliders output').textContent"
    browser.wait(f"{shown} === '1 of 0–2'")
    browser.key("PageUp")
    browser.wait(f"{shown} === '2 of 0–2'")
    browser.wait("document.getElementById('slices-copy').disabled")


def test_cells_are_linked_divided_and_cut(hands):
    browser = hands.browser
    hands.go_to("movie")
    browser.key("Enter")
    browser.wait("!document.getElementById('object').hidden")
    browser.key("o")
    browser.key(".")
    browser.wait("document.getElementById('object').hidden")  # it is not on this frame
    browser.key("Enter")
    hands.until(lambda: hands.middle(1) == 1)
    browser.key(".")
    browser.wait("document.getElementById('object').hidden")
    browser.key("Enter", "alt")
    tree = "document.querySelector('#lineage-tree canvas').ariaLabel"
    browser.wait(f"{tree} === 'Family of 2 tracks with 1 division'")
    frame = "document.querySelector('#sliders output').textContent"
    browser.run("document.querySelector('#lineage-tree .tree').focus()")
    for way, shown in (("Left", 1), ("Left", 0), ("Right", 1), ("Right", 2), ("Left", 1)):
        browser.key(f"Arrow{way}")  # to the mother, on to the daughter, and back
        browser.wait(f"{frame} === '{shown} of 0–2' && !document.getElementById('object').hidden")
    picture = "document.querySelector('#lineage-tree canvas').toDataURL()"
    before = browser.run(picture)
    browser.run("document.getElementById('theme').click()")
    browser.wait(f"{picture} !== {before!r}")
    browser.key("K", "shift")
    hands.until(lambda: hands.middle(1) not in (0, 1))


@pytest.mark.parametrize("slow", ["object", "where", "values"])
def test_keys_that_come_before_the_answers_do_what_they_would_have_done_after(hands, slow):
    browser = hands.browser
    hands.go_to("movie")
    browser.hold(f"/{slow}")
    for key, modifier in [("Enter", None), ("o", None), (".", None), ("Enter", None)]:
        browser.key(key, modifier)
    for key, modifier in [(".", None), ("Enter", "alt"), ("z", "ctrl"), ("Enter", "alt")]:
        browser.key(key, modifier)
    browser.release()
    done = hands.desk.sheet(1).annotation.history
    hands.until(lambda: [e.kind for e in done()][-4:] == ["link", "divide", "undo", "divide"])
    assert [hands.middle(t) for t in range(3)] == [1, 1, 3]
    tree = "document.querySelector('#lineage-tree canvas')?.ariaLabel"
    browser.wait(f"{tree} === 'Family of 2 tracks with 1 division'")


def test_nothing_is_deleted_in_the_place_of_a_cell_that_a_frame_lacks(hands):
    browser = hands.browser
    hands.go_to("movie")
    for key in ("Enter", "o", ".", "Enter"):
        browser.key(key)
    hands.until(lambda: hands.middle(1) == 1)
    browser.key(",")
    browser.wait("!document.getElementById('object').hidden")
    browser.hold("/object")
    browser.key(".")
    browser.wait("heldBack.length > 0")
    browser.key(".")
    browser.key("Delete")
    browser.release()
    browser.key("b")
    browser.key("ArrowLeft")
    browser.key("ArrowLeft")
    browser.key("Enter")  # whatever comes next comes after all of that
    hands.until(lambda: hands.canvas()[2].max() > 3)
    assert hands.middle(2) == 3
