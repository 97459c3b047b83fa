"""Where there is little room nothing is cut off, and nothing that matters is out of sight."""

import numpy as np
import pytest

import cellwright as cw
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

from .browser import Browser
from .reviewing import ReviewServer
from .test_page import READY, Page, pytestmark  # noqa: F401

TABLET = (820, 1180)
CUT_OFF = """[...document.querySelectorAll('header button, header a, aside button')]
  .filter((one) => getComputedStyle(one).textOverflow !== 'ellipsis')
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.textContent)"""
DOTS = """[...document.querySelectorAll('nav .state')].map((dot) => {
  const [at, around] = [dot, dot.closest('button')].map((one) => one.getBoundingClientRect());
  const isInside = at.left >= around.left && at.right <= around.right;
  return at.width > 8 && isInside && at.bottom <= around.bottom;
})"""


@pytest.fixture
def browser(serve, tmp_path, tmp_path_factory):
    """The page of images with names as long as file systems allow them, the second one begun."""
    image = cw.Image(np.zeros((80, 100), np.uint8), "YX")
    for number in range(3):
        cw.write(tmp_path / f"{number}{'abcdef0123' * 20}.tif", image)
    with Browser(tmp_path_factory.mktemp("chromium"), TABLET) as browser:
        browser.open(serve(tmp_path).address)
        browser.wait(READY)
        yield browser
        assert browser.complaints == []


def test_what_is_pressed_keeps_its_room_beside_the_longest_name(browser):
    assert browser.run(CUT_OFF) == []
    title = browser.run("document.getElementById('title').title")
    assert title.startswith("0abc") and len(title) == 201  # all of it, for who points at it


def test_which_images_are_done_is_seen_without_their_names(browser):
    assert browser.run(DOTS) == [False] * 3  # there is nothing to say
    browser.key("D", "shift")
    browser.wait("document.getElementById('done').getAttribute('aria-pressed') === 'true'")
    assert browser.run(DOTS) == [True, False, False]


SEEN = """(() => {
  const [panel, one] = ['aside', '#object'].map((what) =>
    document.querySelector(what).getBoundingClientRect());
  return one.height > 50 && one.top >= panel.top && one.bottom <= panel.bottom;
})()"""


def test_what_is_known_of_the_selected_object_is_in_sight(serve, folder, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium"), (1280, 640)) as browser:
        page = Page(browser, serve(folder))
        browser.key("b")
        browser.drag(page.at(120, 150), page.at(120, 160))
        page.labels()
        browser.key("v")
        browser.click(*page.at(120, 155))
        browser.wait("!document.getElementById('object').hidden")
        assert browser.run(SEEN)
        browser.run("document.getElementById('find-points').scrollIntoView({ block: 'nearest' })")
        assert browser.run(SEEN)
        bottom, top = (
            browser.run(f"document.getElementById('{name}').getBoundingClientRect().{side}")
            for name, side in (("find-points", "bottom"), ("object", "top"))
        )
        assert bottom <= top  # and covers nothing that one comes to


IN_SIGHT = """(() => {
  const [panel, one] = ['aside', '#progress'].map((what) =>
    document.querySelector(what).getBoundingClientRect());
  return one.height > 5 && one.top >= panel.top && one.bottom <= panel.bottom;
})()"""


def test_what_is_proposed_is_told_wherever_one_has_scrolled_to(serve, folder, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium"), (1280, 640)) as browser:
        Page(browser, serve(folder))
        browser.run("document.querySelector('aside').scrollTo(0, 10000)")
        browser.key("s")
        browser.wait("!document.getElementById('proposed').hidden")
        assert browser.run(IN_SIGHT)


NUMBERS = """(() => {
  const [grid, head] = ['#table .grid', '#table [data-name="confidence"]'].map((what) =>
    document.querySelector(what).getBoundingClientRect());
  return head.right <= grid.right;
})()"""


def test_long_names_leave_room_for_numbers_in_the_table(tmp_path, tmp_path_factory):
    for number in range(2):
        pixels, _ = simulate_field(NucleiSimulation(size=(100, 130), diameter=24), seed=number)
        cw.write(tmp_path / "images" / f"{number}{'abcdef' * 9}.tif", cw.Image(pixels, "YX"))
    segment_images([tmp_path / "images"], tmp_path / "results", SegmentOptions())
    server = ReviewServer(tmp_path / "results")
    try:
        with Browser(tmp_path_factory.mktemp("chromium"), TABLET) as browser:
            browser.open(server.address)
            browser.wait("!!document.querySelector('#table .row:not([hidden])')")
            assert browser.run(NUMBERS)
    finally:
        server.stop()
