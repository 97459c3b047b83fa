"""The pages of the people, and of what they differ on, in a real browser."""

import sys
import time

import numpy as np
import pytest
from PIL import Image as Picture

from .browser import CHROMIUM, Browser
from .test_accessibility import faults
from .test_agreement import Lab

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
DRAWN = "[...document.querySelectorAll('.view')].every((view) => view.ariaBusy === 'false')"
VIEWS = """[...document.querySelectorAll('.view')].map((view) => {
  const {left, top, right, bottom} = view.getBoundingClientRect();
  return [...[left, top, right, bottom].map(Math.round), getComputedStyle(view).backgroundColor];
})"""
# Where a place near the lower right corner is seen after the view was large for a while.
RESIZED = """import('/static/camera.js').then(({ Camera }) => {
  const camera = new Camera();
  camera.resize(600, 400);
  camera.fit([1000, 1000]);
  camera.centre(990, 990, 4);
  camera.resize(2400, 1600);
  camera.resize(600, 400);
  return camera.toView(990, 990).map(Math.trunc);
})"""

# The frame round an object in a corner of an image of 100 × 200 px, in px of the image.
FRAMED = """import('/static/camera.js').then(({ Camera }) => {
  const camera = new Camera();
  camera.resize(600, 400);
  camera.fit([100, 200]);
  const [x, y, width, height] = camera.frame([0, 190, 20, 200], 3);
  const corners = [camera.toImage(x, y), camera.toImage(x + width, y + height)];
  return corners.flat().map(Math.round);
})"""


@pytest.fixture
def lab(serve, folder):
    lab = Lab(serve(folder), ["Ada", "Bo"])
    lab.draw("Ada", (20, 20), (20, 100), (100, 20))
    lab.draw("Bo", (20, 20), (22, 102), (100, 150), (180, 40))
    return lab


def page(lab, name):
    address, _, secret = lab.server.address.partition("#")
    return f"{address}static/{name}.html#{secret}"


def chosen(browser):
    return browser.run("document.getElementById('case').textContent")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_control_has_a_name_and_every_text_contrast(lab, tmp_path, dark):
    (tmp_path / "chromium").mkdir()
    lab.client.done("/api/images/1/state", {"state": "again", "note": "blurred"})
    with Browser(tmp_path / "chromium", dark=dark) as browser:
        browser.open(page(lab, "people"))
        browser.wait("document.querySelectorAll('#among input').length === 2")
        assert faults(browser) == []
        browser.open(page(lab, "agreement"))
        browser.wait("document.querySelectorAll('#choices button').length === 3")
        assert faults(browser) == []
        assert browser.complaints == []


def test_differences_are_decided_with_the_keyboard_and_written(lab, tmp_path):
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(page(lab, "agreement"))
        browser.wait("document.querySelectorAll('#cases li').length === 4")
        assert chosen(browser) == "Only Ada drew this."
        keys = {"Only Ada drew this.": "1", "Only Bo drew this.": "n"}
        for left in (2, 1, 0):
            browser.key(keys[chosen(browser)])
            found = f"document.getElementById('hint').textContent.startsWith('{left or 'All'}')"
            browser.wait(found)
        browser.run("document.querySelector('#cases li:first-child button').click()")
        assert chosen(browser) == "Ada and Bo drew this, 68 % alike."
        browser.key("2")
        browser.wait("document.querySelector('.pane.chosen h2')?.textContent.endsWith('Bo')")
        browser.key("w")
        browser.wait("document.getElementById('saved').textContent === 'Labels written'")
        labels = lab.server.desk.sheet(0).annotation.canvas[:, :]
        assert np.count_nonzero(labels) == 3 * 400 and labels[41, 121] and labels[110, 30]
        assert lab.server.desk.journal.finished() == {"field_0"}
        assert browser.complaints == []


def test_the_view_of_an_object_at_the_border_is_filled_whatever_its_size(lab, tmp_path):
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(page(lab, "agreement"))
        browser.wait("document.querySelectorAll('#cases li').length === 4")
        assert chosen(browser) == "Only Ada drew this."  # at the left border
        for width, height in ((1280, 800), (2000, 1100), (900, 700)):
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            browser.call("Emulation.setDeviceMetricsOverride", **metrics)
            browser.wait(f"innerWidth === {width} && {DRAWN}")
            browser.screenshot(tmp_path / "page.png")
            screen = Picture.open(tmp_path / "page.png").convert("RGB")
            for left, top, right, bottom, room in browser.run(VIEWS):
                corners = [(x, y) for x in (left + 16, right - 16) for y in (top + 16, bottom - 16)]
                assert all(f"rgb{screen.getpixel(at)}" != room for at in corners)
        assert browser.run(RESIZED) == [548, 348]  # still what was asked for, not lost on the way
        assert browser.complaints == []


def test_the_frame_round_an_object_ends_with_the_image(lab, tmp_path):
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(page(lab, "agreement"))
        assert browser.run(FRAMED) == [0, 187, 23, 200]


def test_an_outline_is_drawn_anew(lab, tmp_path):
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(page(lab, "agreement"))
        browser.wait("document.querySelectorAll('#cases li').length === 4")
        browser.wait(DRAWN)
        browser.key("ArrowDown")  # its surroundings are all in the image
        second = chosen(browser)
        left, top, width, height = browser.run(
            "(({left, top, width, height}) => [left, top, width, height])"
            "(document.querySelectorAll('.view')[1].getBoundingClientRect())"
        )
        middle = left + width / 2, top + height / 2
        browser.key("d")
        around = [(-40, -40), (-40, 40), (40, 40), (40, -40), (-38, -40)]
        browser.drag(*[(middle[0] + x, middle[1] + y) for x, y in around])
        browser.wait("document.getElementById('saved').textContent === 'Saved'")
        (drawn,) = [c for c in lab.found()["cases"] if c["choice"] == "draw"]
        assert drawn["who"] == "Ada" and second == "Only Bo drew this."
        corners = np.array(drawn["outline"])
        box = np.array(drawn["box"])
        assert np.abs((corners.min(0) + corners.max(0)) / 2 - (box[:2] + box[2:]) / 2).max() < 3
        assert browser.complaints == []


def test_images_are_shared_out_and_reviewed_on_the_page(serve, folder, tmp_path):
    server = serve(folder)
    server.client.done("/api/people", {"name": "Bo"})
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(server.address)
        browser.wait("document.querySelector('#people .face') !== null")
        browser.run("document.getElementById('team').click()")
        browser.wait("document.querySelectorAll('#among input').length === 2")
        browser.run("document.getElementById('each').value = 2")
        browser.run("document.getElementById('apart').click()")
        browser.run("document.querySelector('#assign button').click()")
        end = time.monotonic() + 30
        while not server.desk.work.has_own("stack", "Bo"):
            assert time.monotonic() < end
            time.sleep(0.05)
        browser.wait("document.querySelectorAll('#images tr').length === 6")
        # The list may be drawn anew in between, and then has to be asked again.
        browser.wait(
            "document.getElementById('why').open || (() => {"
            "const list = document.querySelector('#images select'); list.value = 'again';"
            "list.dispatchEvent(new Event('change')); })()"
        )
        browser.run("document.getElementById('note').value = 'too dark'")
        browser.run("document.querySelector('#why button').click()")
        browser.wait("document.getElementById('images').textContent.includes('too dark')")
        (job,) = (
            job for job in server.client.done("/api/work")["images"][0]["jobs"] if job["note"]
        )
        assert (job["person"], job["state"], job["who"]) == ("Ada", "again", "Ada")
        assert browser.complaints == []


def test_where_nothing_can_be_compared_the_page_says_how_to_come_there(serve, folder, tmp_path):
    (tmp_path / "chromium").mkdir()
    address, _, secret = serve(folder).address.partition("#")
    with Browser(tmp_path / "chromium") as browser:
        browser.open(f"{address}static/agreement.html#{secret}")
        browser.wait("document.getElementById('none')?.textContent.includes('Nothing to compare')")
        assert not browser.run("document.querySelector('aside').checkVisibility()")
        assert faults(browser) == []
        browser.run("document.querySelector('#none a').click()")
        browser.wait("document.querySelectorAll('#among input').length === 1")
        assert browser.complaints == []
