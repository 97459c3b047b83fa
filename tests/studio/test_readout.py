"""The line below the image says what is under the pointer now, not what was."""

import sys

import numpy as np
import pytest

import cellwright as cw

from .browser import CHROMIUM, Browser

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
READY = "document.getElementById('stage')?.getAttribute('aria-busy') === 'false'"
MIDDLE = (
    "(({left, top, width, height}) => [left + width / 2, top + height / 2])"
    "(document.getElementById('stage').getBoundingClientRect())"
)
VALUES = "document.getElementById('values').textContent"

LATE = """
window.fetch = () => new Promise((done) => {
  window.answer = () => done(new Response('{"values": [100], "label": 0}'));
})
"""


@pytest.fixture
def browser(serve, tmp_path, tmp_path_factory):
    """A movie of flat frames, of which the first is 100 and the second 200."""
    frames = np.full((2, 64, 64), 100, np.uint8) * np.arange(1, 3, dtype=np.uint8)[:, None, None]
    cw.write(tmp_path / "movie.tif", cw.Image(frames, "TYX"))
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        browser.open(serve(tmp_path).address)
        browser.wait(READY)
        yield browser
        assert browser.complaints == []


def test_a_resting_pointer_is_told_of_other_frames_and_of_what_is_drawn(browser):
    browser.mouse("move", *browser.run(MIDDLE))
    browser.wait(f"{VALUES} === '100'")
    browser.key("b")
    browser.click(*browser.run(MIDDLE))
    browser.wait(f"{VALUES} === '100   object 1'")
    browser.key(".")
    browser.wait(f"{VALUES} === '200'")
    browser.key(",")
    browser.wait(f"{VALUES} === '100   object 1'")
    browser.key("z", "ctrl")
    browser.wait(f"{VALUES} === '100'")


def test_an_answer_that_comes_after_the_pointer_has_left_is_not_shown(browser):
    browser.run(LATE)
    browser.mouse("move", *browser.run(MIDDLE))
    browser.wait("Boolean(window.answer)")
    browser.mouse("move", 1270, 790)  # the settings
    browser.wait("document.getElementById('where').textContent === ''")
    browser.run("answer()")
    assert browser.run(f"new Promise((done) => setTimeout(() => done({VALUES}), 100))") == ""
