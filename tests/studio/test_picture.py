"""What is kept of the picture looks as if all of it had been drawn again."""

import base64
import sys
import time

import imagecodecs
import pytest

from .browser import CHROMIUM, Browser

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
READY = "document.getElementById('stage')?.getAttribute('aria-busy') === 'false'"
SAVED = "document.getElementById('saved').textContent === 'Saved'"
STAGE = (
    "(({left, top, right, bottom}) => [left, top, right, bottom])"
    "(document.getElementById('stage').getBoundingClientRect())"
)
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture
def browser(serve, folder, tmp_path):
    with Browser(tmp_path, (1000, 700)) as browser:
        browser.open(serve(folder).address)
        browser.wait(READY)
        yield browser
        assert browser.complaints == []


def shot(browser):
    """Return what is seen of the image, once it is complete.

    Beside it Chromium draws the edges of icons one grey level lighter or darker as it likes.
    """
    browser.run(DRAWN)
    browser.wait(READY)
    browser.run(DRAWN)
    time.sleep(0.1)
    page = imagecodecs.png_decode(base64.b64decode(browser.call("Page.captureScreenshot")["data"]))
    left, top, right, bottom = (round(edge) for edge in browser.run(STAGE))
    return page[top:bottom, left:right]


def press(browser, *keys):
    for key in keys:
        browser.key(key)
        browser.run(DRAWN)


def assert_as_new(browser):
    """Compare what is seen with what is drawn from nothing, as when labels come back."""
    kept = shot(browser)
    press(browser, "x")
    bare = shot(browser)
    press(browser, "x")
    new = shot(browser)
    assert (bare != new).any(-1).mean() > 0.0005  # there are outlines
    assert (kept != new).any(-1).mean() < 0.0001


def paint(browser, *points):
    browser.key("b")
    browser.drag(*points)
    browser.wait(SAVED)
    browser.key("v")
    browser.mouse("move", 990, 690)


def test_moving_zooming_and_drawing_look_as_if_all_was_drawn(browser):
    paint(browser, (400, 300), (470, 370), (500, 310))
    assert_as_new(browser)
    press(browser, *"++")
    assert_as_new(browser)
    press(browser, *["ArrowLeft"] * 3, *["ArrowUp"] * 2)
    assert_as_new(browser)
    press(browser, "ArrowRight", "ArrowDown")
    paint(browser, (420, 330), (520, 390))  # a tile arrives where the picture has moved
    assert_as_new(browser)
    press(browser, *"---")
    assert_as_new(browser)


def test_objects_keep_their_colours_until_one_of_them_has_a_class(browser):
    paint(browser, (420, 330), (520, 390))
    before = shot(browser)
    browser.run("document.querySelector('#class-new input').value = 'live'")
    browser.run("document.querySelector('#class-new button').click()")
    browser.wait("document.getElementById('classes').textContent.includes('live')")
    assert (shot(browser) != before).any(-1).mean() < 0.0001
    browser.key("q")
    browser.click(470, 360)
    browser.wait("document.getElementById('classes').textContent.includes('live1')")
    assert (shot(browser) != before).any(-1).mean() > 0.0005
