"""The page that reviews, in a real browser: table, image and plots are one."""

import math
import shutil
import sys

import numpy as np
import pytest

from cellwright.measure.tables import read_csv

from .browser import CHROMIUM, Browser
from .reviewing import ReviewServer, detected, segmented, tracked

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
READY = "document.getElementById('stage')?.getAttribute('aria-busy') === 'false'"


class Page:
    """What a person sees of the page, and where."""

    def __init__(self, browser, server):
        self.browser, self.server = browser, server
        browser.open(server.address)
        browser.wait(READY)
        browser.wait("!!document.querySelector('#table .row:not([hidden])')")

    def text(self, name):
        return self.browser.run(f"document.getElementById('{name}').textContent")

    def says(self, name, text):
        self.browser.wait(f"document.getElementById('{name}').textContent.includes('{text}')")

    def box(self, selector):
        return self.browser.run(
            "(({left, top, width, height}) => [left, top, width, height])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )

    def click(self, selector, modifier=None):
        self.browser.wait(f"!!document.querySelector({selector!r})")
        left, top, width, height = self.box(selector)
        self.browser.click(left + min(width, 90) / 2, top + height / 2, modifier)

    def write(self, name, text):
        self.browser.run(
            f"(field => {{ field.value = {text!r}; field.dispatchEvent(new Event('input')); }})"
            f"(document.getElementById('{name}'))"
        )


@pytest.fixture(scope="module")
def outlines(tmp_path_factory):
    return segmented(tmp_path_factory.mktemp("outlines"))


@pytest.fixture
def results(outlines, tmp_path):
    """A copy of a result of two images, which are where they were."""
    return shutil.copytree(outlines, tmp_path / "results")


@pytest.fixture
def open_page(tmp_path_factory):
    """Open results in browsers that end with the test, without complaint."""
    opened = []

    def start(folder, **how):
        browser = Browser(tmp_path_factory.mktemp("chromium"), **how)
        server = ReviewServer(folder)
        opened.append((browser, server))
        return Page(browser, server)

    yield start
    complaints = []
    for browser, server in opened:
        complaints += browser.complaints
        browser.__exit__()
        server.stop()
    assert complaints == []


DRAWN = (
    "(canvas => canvas.width && canvas.getContext('2d')"
    ".getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean))"
    "(document.getElementById('histogram'))"
)


def row(number):
    """Return how a row of the table is found, from its place in the table."""
    return f"#table .row[aria-rowindex='{number + 2}']"


def scroll(browser, top):
    """Scroll the table, and wait until rows stand where they say: they are used again."""
    browser.run(
        f"new Promise(done => {{ document.querySelector('#table .grid').scrollTop = {top}; "
        "let frames = 4; const next = () => frames-- ? requestAnimationFrame(next) : done(true); "
        "next(); })"
    )


def test_table_and_image_are_linked_both_ways(open_page, results):
    page = open_page(results)
    browser, places = page.browser, page.server.desk.result.places
    field = places.image == 0
    central = int(
        np.argmin(np.abs(places.centre[field, 0] - 100) + np.abs(places.centre[field, 1] - 130))
    )
    for _ in range(6):
        browser.key("+")
    scroll(browser, 26 * central)
    page.click(row(central))
    page.says("selected-count", f"object {central + 1}")
    browser.wait(READY)
    # It is in the middle of the view now, where a click finds it.
    left, top, width, height = page.box("#stage")
    browser.key("Escape")
    page.says("selected-count", "Nothing")
    browser.click(left + width / 2, top + height / 2)
    page.says("selected-count", f"object {central + 1}")
    browser.wait(f"document.querySelector(\"{row(central)}\").classList.contains('chosen')")
    # An object of the other image opens it.
    other = int(np.flatnonzero(places.image == 1)[0])
    scroll(browser, 1e6)
    page.click(row(len(places.image) - 1))
    page.says("title", "field_1")
    assert other > 0


def test_the_view_stays_filled_where_an_object_lies_at_the_border(open_page, results):
    page = open_page(results)
    browser, places = page.browser, page.server.desk.result.places
    for _ in range(8):
        browser.key("+")
    outermost = int(np.argmin(places.centre[places.image == 0, 1]))
    scroll(browser, 26 * outermost)
    page.click(row(outermost))
    page.says("selected-count", f"object {outermost + 1}")
    browser.wait(READY)
    left, top, _, height = page.box("#stage")
    browser.mouse("move", left + 1, top + height / 2)
    page.says("where", "x ")
    scale = float(page.text("zoom").replace(" %", "")) / 100
    assert -70 / scale <= int(page.text("where").rpartition("x ")[2]) < places.centre[outermost, 1]


def test_what_is_brushed_and_lassoed_is_selected(open_page, results):
    page = open_page(results)
    browser, desk = page.browser, page.server.desk
    browser.wait(DRAWN)
    left, top, width, _ = page.box("#histogram")
    browser.drag((left + 30, top + 40), (left + width / 2, top + 40), (left + width - 1, top + 40))
    count = len(desk.result.places.label)
    page.says("selected-count", f"{count} objects")
    low = browser.run("Number(document.getElementById('from').value)")
    confidence = desk.column("objects", "confidence")
    assert low == pytest.approx(confidence.min(), rel=1e-3)
    # A lasso round the left half of the scatter holds the small objects.
    left, top, width, _ = page.box("#scatter")
    middle = left + 42 + (width - 50) / 2
    corners = ((left + 30, top + 1), (middle, top + 1), (middle, top + 185), (left + 30, top + 185))
    browser.drag(*corners, corners[0])
    area = desk.column("objects", "area")
    expected = np.count_nonzero(area < (area.min() + area.max()) / 2)
    browser.wait(f"document.getElementById('count').textContent.includes('{expected} selected')")


def test_a_far_value_does_not_spoil_the_axes(open_page, results):
    script = """(async () => {
      const { usual } = await import("/static/review/plots.js");
      const values = Float64Array.from({ length: 100 }, (_, i) => i);
      const order = Int32Array.from(values.keys());
      const whole = usual(values, order);
      values[99] = 1e6;
      return [whole, usual(values, order)];
    })()"""
    whole, most = open_page(results).browser.run(script)
    assert whole == [0, 99]
    assert most[0] == 0 and 98 <= most[1] < 400


def test_values_far_off_are_told_of_and_within_reach(open_page, results):
    page = open_page(results)
    browser, desk = page.browser, page.server.desk
    far = desk.column("objects", "area").copy()
    far[3] = 1e6
    desk.tables["objects"] = desk.tables["objects"] | {"area": far}
    browser.run("location.reload()")
    browser.wait("document.getElementById('scatter-outside')?.textContent === '1 lies far off'")
    browser.run("document.getElementById('histogram-of').value = 'area'")
    browser.run("document.getElementById('histogram-of').dispatchEvent(new Event('change'))")
    page.says("histogram-outside", "1 lies far off")
    page.says("selected-count", "Nothing")  # what is above the plot has its height
    left, top, width, _ = page.box("#histogram")
    ends = (left + 42, top + 40), (left + width / 2, top + 40), (left + width - 8, top + 40)
    browser.drag(*ends)
    page.says("count", f"{len(desk.column('objects', 'area')) - 1} selected")
    page.write("to", "")
    page.write("from", "100000")
    browser.run("document.getElementById('from').dispatchEvent(new Event('change'))")
    page.says("count", "1 selected")
    browser.run("document.getElementById('histogram-all').click()")
    browser.wait("document.getElementById('histogram-outside').textContent === ''")
    browser.drag(*ends)
    page.says("count", f"{len(desk.column('objects', 'area'))} selected")


def test_exclude_undo_filter_export_with_the_keyboard_alone(open_page, results):
    page = open_page(results)
    browser, desk = page.browser, page.server.desk
    browser.key("ArrowDown")
    page.says("selected-count", "object 1")
    browser.key("ArrowDown", "shift")
    page.says("selected-count", "2 objects")
    browser.key("f")
    page.says("flag", "Remove flag")
    assert page.server.client.done("/api/marks")["flagged"] == [0, 1]
    browser.key("f")
    page.says("flag", "Flag")
    browser.key("e")
    page.says("count", "2 excluded")
    browser.key("z", "ctrl")
    browser.wait("!document.getElementById('count').textContent.includes('excluded')")
    browser.key("y", "ctrl")
    page.says("count", "2 excluded")
    # Sort by the keys, from the smallest area on.
    browser.run("document.querySelector('#table .head button[tabindex=\"0\"]').focus()")
    while browser.run("document.activeElement.parentElement.dataset.name") != "area":
        browser.key("ArrowRight")
    browser.key("Enter")
    smallest = int(np.argmin(desk.column("objects", "area")))
    browser.wait(f"document.querySelector(\"{row(0)}\").dataset.row === '{smallest}'")
    browser.key("/")
    browser.wait("document.activeElement.id === 'condition'")
    page.write("condition", "not excluded")
    page.says("count", f"{len(desk.result.places.label) - 2} of")
    page.write("condition", "not exclude")
    browser.wait("!document.getElementById('wrong').hidden")
    page.write("condition", "")
    page.says("count", "2 excluded")
    browser.run("document.activeElement.blur()")
    browser.key("e", "ctrl")
    browser.wait("document.getElementById('export-dialog').open")
    browser.run("document.getElementById('export-go').click()")
    browser.wait("!document.getElementById('export-done').hidden")
    table = read_csv(results.parent / "results-reviewed" / "objects.csv")
    assert table["excluded"].sum() == 2


def test_boxes_are_found_by_a_click_and_shown_in_the_gallery(open_page, tmp_path):
    page = open_page(detected(tmp_path), dark=True)
    browser, places = page.browser, page.server.desk.result.places
    # Of the first crops, the one whose object lies farthest from the border of the field.
    inner = int(np.argmin(np.abs(places.centre[:12] - (100, 130)).max(axis=1)))
    for _ in range(6):
        browser.key("+")
    browser.key("g")
    drawn = "[...document.querySelectorAll('.crop canvas')].filter(one => one.width > 1).length"
    browser.wait(f"{drawn} > 3")
    page.says("count", "below each its confidence")
    page.click(f".crop[data-row='{inner}']")
    page.says("selected-count", f"object {inner + 1}")
    left, top, width, height = page.box("#stage")
    browser.key("Escape")
    browser.wait(READY)
    browser.click(left + width / 2, top + height / 2)
    page.says("selected-count", f"object {inner + 1}")


def test_a_doubtful_link_leads_to_its_frame_and_family(open_page, tmp_path):
    page = open_page(tracked(tmp_path), size=(2560, 1440))
    browser, links = page.browser, page.server.desk.result.links
    browser.key("d")
    page.click("#links .row[aria-rowindex='2']")
    page.says("selected-count", "2 objects")
    frame = int(links["target_frame"][0])
    browser.wait(f"document.querySelector('#sliders input').valueAsNumber === {frame}")
    browser.key("y")
    browser.wait("document.querySelector('#family canvas').ariaLabel?.startsWith('Family')")
    browser.key(".")
    shown = "document.querySelector('#sliders output').textContent"
    assert browser.run(shown) == f"{min(frame + 1, 4)} of 0–4"


@pytest.mark.parametrize("size", [(1280, 800), (820, 1180)])
def test_nothing_is_cut_off(open_page, results, size):
    page = open_page(results, size=size)
    assert page.browser.run("document.documentElement.scrollWidth") == size[0]
    for part in ("header", "#stage", "#dock", "aside"):
        left, top, width, height = page.box(part)
        assert left >= 0 and top >= 0 and width > 100 and height > 40
        assert math.ceil(left + width) <= size[0] and math.ceil(top + height) <= size[1] + 1


def test_links_are_cut_and_joined_with_the_keyboard_alone(open_page, tmp_path):
    page = open_page(tracked(tmp_path))
    browser, desk = page.browser, page.server.desk

    def can(kind):
        browser.wait(f"!document.getElementById('{kind}').disabled")

    def linked():
        table = desk.tables["links"]
        return link in zip(table["source"].tolist(), table["target"].tolist(), strict=True)

    browser.key("d")
    browser.wait("!!document.querySelector('#links .row:not([hidden])')")
    browser.key("n")
    can("cut")
    assert browser.run("document.getElementById('join').disabled")
    link = tuple(int(desk.tables["links"][end][0]) for end in ("source", "target"))
    assert linked()
    for key, modifier, then, there, said in (
        ("c", None, "join", False, "Save the correction"),
        ("b", None, "cut", True, "Save 2 corrections"),
        ("z", "ctrl", "join", False, "Save the correction"),
        ("z", "ctrl", "cut", True, ""),
    ):
        browser.key(key, modifier)
        can(then)
        page.says("save-pins", said)
        assert linked() == there
    browser.wait("document.getElementById('save-pins').hidden")


def test_a_condition_says_which_images_hold_what_it_leaves(open_page, results):
    page = open_page(results)
    shown = "[...document.querySelectorAll('#images .shown')].map(e => e.textContent).join()"
    assert page.browser.run(shown) == ","
    page.write("condition", 'image = "field_1"')
    here = int((page.server.desk.result.places.image == 1).sum())
    page.browser.wait(f"{shown} === '0,{here}'")
    page.write("condition", "")
    page.browser.wait(f"{shown} === ','")


def test_axes_have_two_numbers_at_least(open_page, results):
    ask = "import('/static/review/plots.js').then(({ticks}) => ticks([%s, %s], 2))"
    told = {(24, 498): [200, 400], (0, 16): [0, 10], (1, 9): [2, 4, 6, 8]}
    browser = open_page(results).browser
    for ends, expected in told.items():
        assert browser.run(ask % ends) == pytest.approx(expected)
