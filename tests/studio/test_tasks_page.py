"""A volunteer in a real browser: y and n, and an outline."""

import sys

import numpy as np
import pytest

from .browser import CHROMIUM, Browser
from .test_accessibility import faults
from .test_tasks import Crowd

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
READY = (
    "document.getElementById('stage')?.getAttribute('aria-busy') === 'false'"
    " && !!document.querySelector('#answers button')"
)


@pytest.fixture
def crowd(serve, folder):
    return Crowd(serve(folder))


def page(crowd, name):
    token = crowd.client.done("/api/tasks")["token"]
    return f"http://127.0.0.1:{crowd.client.port}/static/tasks.html#token={token}&as={name}"


def counted(browser, text):
    browser.wait(f"document.getElementById('count')?.textContent === '{text}'")


def test_an_object_is_found_wrong_and_drawn_anew(crowd, tmp_path):
    (tmp_path / "chromium").mkdir()
    crowd.ask(votes=1)
    # In a narrow view the object is in the middle, though it lies near the border of the image.
    with Browser(tmp_path / "chromium", (600, 800), dark=True) as browser:
        browser.open(page(crowd, "V1"))
        counted(browser, "0 done, 2 to go")
        browser.wait(READY)
        assert faults(browser) == []
        assert not browser.run("document.getElementById('how').textContent")
        browser.key("n")  # it comes again, to be drawn
        counted(browser, "1 done, 2 to go")
        browser.key("y")
        counted(browser, "2 done, 1 to go")
        browser.wait("document.getElementById('question').textContent.startsWith('Draw')")
        assert "finger" in browser.run("document.getElementById('how').textContent")
        assert faults(browser) == []
        x, y = browser.run(
            "(({left, top, width, height}) => [left + width / 2, top + height / 2])"
            "(document.getElementById('stage').getBoundingClientRect())"
        )
        around = [(-99, -99), (-99, 99), (99, 99), (99, -99), (-97, -99)]
        browser.drag(*[(x + a, y + b) for a, b in around])
        counted(browser, "3 done")
        assert "Thank you" in browser.run("document.getElementById('question').textContent")
        rows, columns = np.nonzero(crowd.labels() == 1)
        assert np.allclose([rows.mean(), columns.mean()], 29.5, atol=1)
        assert crowd.results("outline") == {"drawn": 1}
        assert browser.complaints == []


def test_a_slip_of_the_finger_is_put_right(crowd, tmp_path):
    (tmp_path / "chromium").mkdir()
    crowd.ask(votes=2)
    with Browser(tmp_path / "chromium") as browser:
        browser.open(page(crowd, "V1"))
        counted(browser, "0 done, 2 to go")
        browser.wait(READY)
        assert faults(browser) == []
        browser.key("n")
        counted(browser, "1 done, 1 to go")
        browser.key("b")
        browser.wait("document.getElementById('back').disabled")
        browser.key("y")
        browser.wait("!document.getElementById('back').disabled")
        assert [a.answer for a in crowd.server.desk.tasks.answers(1)] == ["yes"]
        browser.key("u")
        counted(browser, "2 done")
        assert browser.complaints == []
