"""The page in a real browser, with mouse and keyboard: from an image to a label file."""

import math
import sys
import time

import numpy as np
import pytest

from cellwright.images.read import read_labels

from .browser import CHROMIUM, Browser

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
READY = "document.getElementById('stage')?.getAttribute('aria-busy') === 'false'"
SAVED = "document.getElementById('saved').textContent === 'Saved'"


class Page:
    """What a person sees of the page, and where."""

    def __init__(self, browser, server):
        self.browser, self.server = browser, server
        browser.open(server.address)
        browser.wait(READY)
        left, top, width, height = browser.run(
            "(({left, top, width, height}) => [left, top, width, height])"
            "(document.getElementById('stage').getBoundingClientRect())"
        )
        self._scale = 0.94 * min(width / 300, height / 240)  # the whole image is shown
        self._middle = left + width / 2, top + height / 2

    def at(self, y, x):
        """Return where on the screen a position of the image is."""
        return (
            self._middle[0] + (x - 150) * self._scale,
            self._middle[1] + (y - 120) * self._scale,
        )

    def labels(self):
        """Return the labels once the last edit is on the disk."""
        self.browser.wait(SAVED)
        return self.server.desk.sheet(0).annotation.canvas[:, :]

    def text(self, name):
        return self.browser.run(f"document.getElementById('{name}').textContent")


@pytest.fixture
def page(serve, folder, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield Page(browser, serve(folder))
        assert browser.complaints == []


def test_from_an_image_to_a_label_file(page, folder):
    browser = page.browser
    # Paint, take it back, do it again.
    browser.key("b")
    browser.drag(page.at(30, 30), page.at(30, 40), page.at(30, 60))
    painted = page.labels()
    assert painted[30, 45] == 1 and painted[60, 45] == 0
    browser.key("z", "ctrl")
    browser.wait("document.getElementById('undo').disabled")
    assert not page.labels().any()
    browser.key("y", "ctrl")
    browser.wait("!document.getElementById('undo').disabled")
    np.testing.assert_array_equal(page.labels(), painted)
    # Let the model propose, accept one by a click and the rest with a key.
    browser.key("s")
    browser.wait("!document.getElementById('proposed').hidden")
    table = page.server.desk.sheet(0).proposals("Ada").table
    # Nearer to the left the tools lie over the image.
    sure = int(np.argmax(np.where(table["x"] > 60, table["confidence"], 0)))
    browser.key("v")
    browser.click(*page.at(table["y"][sure], table["x"][sure]))
    browser.wait("!document.getElementById('undo').disabled")
    end = time.monotonic() + 30
    while page.labels().max() < 2:
        assert time.monotonic() < end
    browser.key("c")
    browser.wait("document.getElementById('accept').disabled")
    labels = page.labels()
    assert labels.max() > 10
    # The file follows.
    file = folder / "labels" / "field_0.tif"
    assert page.text("labels-file") == str(file.resolve())
    while not file.exists() or not np.array_equal(read_labels(file)[0], labels):
        assert time.monotonic() < end
        time.sleep(0.1)


def test_outlines_cuts_selections_and_removal(page, folder):
    browser = page.browser
    corners = [page.at(y, x) for y, x in ((40, 40), (40, 120), (120, 120), (120, 40))]
    browser.key("l")
    for corner in [*corners, corners[0]]:
        browser.click(*corner)
    browser.wait("!document.getElementById('undo').disabled")
    labels = page.labels()
    assert np.count_nonzero(labels) == pytest.approx(80 * 80, rel=0.03)
    browser.key("k")
    browser.drag(page.at(150, 20), page.at(150, 60), page.at(150, 140))  # below the object
    browser.wait("!document.getElementById('message').hidden")
    assert page.text("message").startswith("Nothing was cut: the line has to run across an object")
    browser.drag(page.at(80, 20), page.at(80, 60), page.at(80, 140))
    browser.wait("document.getElementById('message').hidden")
    browser.wait("document.getElementById('saved').textContent === 'Saved'")
    assert set(np.unique(page.labels())) == {0, 1, 2}
    browser.key("v")
    browser.click(*page.at(60, 80))
    browser.wait("!document.getElementById('object').hidden")
    assert "Area" in page.text("facts")
    browser.click(*page.at(100, 80), modifier="alt")
    browser.wait(SAVED)
    end = time.monotonic() + 30
    while len(np.unique(page.labels())) != 2:
        assert time.monotonic() < end
    browser.key("Delete")
    while page.labels().any():
        assert time.monotonic() < end
    # Where the label file cannot be written, the page says so: only the journal has the edits.
    file = folder / "labels" / "field_0.tif"
    while not page.server.desk.sheet(0).annotation.is_saved:
        assert time.monotonic() < end
    file.unlink()
    file.mkdir()
    browser.key("b")
    browser.drag(page.at(200, 30), page.at(200, 60))
    notice = "document.querySelector('#notice:not([hidden]) p')?.textContent"
    browser.wait(f"{notice}?.includes('kept in the journal')")
    file.rmdir()
    browser.drag(page.at(160, 30), page.at(160, 60))
    browser.wait(f"!{notice}")
    while not (file.exists() and len(np.unique(read_labels(file)[0])) == 3):
        assert time.monotonic() < end


def test_the_keyboard_alone_is_enough(page):
    browser = page.browser
    browser.run("document.getElementById('stage').focus()")
    browser.key("b")
    browser.key("Enter")
    browser.wait("!document.getElementById('undo').disabled")
    assert page.labels()[120, 150] == 1
    browser.key("d")
    browser.wait("document.getElementById('title').textContent === 'field_1'")
    browser.key("?")
    browser.wait("document.getElementById('keys').open")
    browser.key("Escape")


def test_what_is_seen_are_the_pixels(page, folder, tmp_path):
    """The brightest place of the screen is that of the image."""
    from PIL import Image as Picture

    import cellwright as cw

    browser = page.browser
    browser.screenshot(tmp_path / "page.png")
    screen = np.asarray(Picture.open(tmp_path / "page.png").convert("L"), float)
    pixels = cw.read(folder / "field_0.tif").to_numpy().astype(float)
    places = [(y, x) for y in range(10, 230, 7) for x in range(60, 290, 7)]
    shown = [
        screen[tuple(math.floor(v) for v in page.at(y + 0.5, x + 0.5)[::-1])] for y, x in places
    ]
    assert np.corrcoef(shown, [pixels[place] for place in places])[0, 1] > 0.98


@pytest.fixture
def broken(folder):
    path = folder / "stack.ome.tif"
    path.write_bytes(b"II*\0gone")
    return path


def test_a_message_stands_for_what_went_wrong(broken, page):
    browser = page.browser
    browser.key("d")
    browser.wait("document.getElementById('title').textContent === 'field_1'")
    browser.key("d")
    browser.wait("!document.getElementById('message').hidden")
    assert broken.name in page.text("message")
    page.browser.complaints.clear()  # browsers note every refused request


def test_an_area_is_annotated_and_a_round_is_started_and_stopped(page):
    pytest.importorskip("torch")
    browser = page.browser
    assert browser.run("document.getElementById('train-new').hidden")
    browser.key("b")
    browser.drag(page.at(60, 100), page.at(60, 110), page.at(60, 120))
    browser.drag(page.at(180, 100), page.at(180, 110), page.at(180, 120))
    browser.key("r")
    browser.drag(page.at(20, 70), page.at(60, 150), page.at(220, 200))
    browser.wait("!document.getElementById('train-new').hidden")
    (area,) = page.server.desk.journal.areas("field_0")
    assert (area.y, area.x, area.height, area.width) == pytest.approx((20, 70, 200, 130), abs=2)
    browser.key("t")
    browser.wait("!document.getElementById('train-now').hidden")
    browser.run("document.getElementById('train-stop').click()")
    browser.wait("document.getElementById('train-now').hidden")
    assert "stopped" in page.text("train-list") and "Go on" in page.text("train-list")
    browser.click(*page.at(100, 130), modifier="ctrl")
    browser.wait("document.getElementById('train-new').hidden")
    assert page.server.desk.journal.areas("field_0") == []


def test_what_to_annotate_next_is_shown_and_done(page):
    browser = page.browser
    browser.key("n")
    browser.wait("!document.getElementById('next-done').hidden")
    assert "learn most" in page.text("next-state")
    name = page.text("title")
    assert name in ("field_0", "field_1")  # the stack has two channels, and none was chosen
    browser.wait(READY)
    browser.key("g")
    browser.wait("document.getElementById('next-done').hidden")
    browser.wait("document.getElementById('done').getAttribute('aria-pressed') === 'true'")
    assert page.server.desk.journal.finished() == {name}


def test_objects_get_classes_by_keys_and_by_clicks(page, folder):
    browser, annotation = page.browser, page.server.desk.sheet(0).annotation
    for name in ("live", "dead"):
        browser.run(f"document.querySelector('#class-new input').value = '{name}'")
        browser.run("document.querySelector('#class-new button').click()")
        browser.wait(f"document.getElementById('classes').textContent.includes('{name}')")
    browser.run("document.getElementById('stage').focus()")
    browser.key("b")
    for key, y in (("1", 40), ("2", 120)):
        browser.key(key)
        browser.drag(page.at(y, 100), page.at(y, 110), page.at(y, 120))
    browser.wait(SAVED)
    assert dict(annotation.facts["class"]) == {1: 1, 2: 2}
    browser.key("v")
    browser.click(*page.at(40, 110))
    browser.wait("document.getElementById('facts').textContent.includes('live')")
    browser.key("2")
    browser.wait("document.getElementById('facts').textContent.includes('dead')")
    browser.wait("document.getElementById('classes').textContent.includes('dead2')")
    browser.key("q")
    browser.key("Escape")
    browser.key("1")
    browser.click(*page.at(120, 110))
    browser.wait("document.getElementById('classes').textContent.includes('live1')")
    assert dict(annotation.facts["class"]) == {1: 2, 2: 1}
    browser.key("z", "ctrl")
    browser.wait("document.getElementById('classes').textContent.includes('dead2')")
    table = folder / "labels" / "classes.csv"
    end = time.monotonic() + 30
    while not table.exists() or table.read_text().count("dead") < 2:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_class_that_is_there_already_is_refused_and_none_chosen(page):
    browser = page.browser
    for name in ("live", "dead", "live"):
        browser.run(f"document.querySelector('#class-new input').value = '{name}'")
        browser.run("document.querySelector('#class-new button').click()")
        browser.wait(f"document.getElementById('classes').textContent.includes('{name}')")
        browser.wait("document.querySelector('#class-new input').value === '' || !message.hidden")
    browser.wait("!document.getElementById('message').hidden")
    assert browser.run("document.querySelector('#class-new input').value") == "live"
    chosen = "document.querySelector('#classes [aria-pressed=true] span').textContent"
    assert browser.run(chosen) == "dead"
    browser.complaints.clear()  # browsers note every refused request


def test_a_stroke_is_gone_from_the_overlay_once_it_is_saved(page):
    browser = page.browser
    browser.key("b")
    browser.drag(page.at(60, 100), page.at(60, 110), page.at(60, 150))
    browser.mouse("move", 600, 20)
    browser.wait("!document.getElementById('undo').disabled")
    browser.wait(SAVED)
    drawn = """(({width, height}, pen) => pen.getImageData(0, 0, width, height).data
      .filter((alpha, i) => i % 4 === 3 && alpha > 1).length)(overlay, overlay.getContext('2d'))"""
    browser.wait(f"{drawn} === 0")


@pytest.fixture
def stack(page):
    """Open the stack, and paint an object on its first slice; returns the area on each slice."""
    browser = page.browser
    browser.run("document.getElementById('stage').focus()")
    for name in ("field_1", "stack"):
        assert browser.run("document.getElementById('slices').hidden")
        browser.key("d")
        browser.wait(f"document.getElementById('title').textContent === '{name}'")
        browser.wait(READY)
    browser.wait("!document.getElementById('slices').hidden")
    canvas = page.server.desk.sheet(2).annotation.canvas

    def wait_for(*drawn):
        end = time.monotonic() + 30
        while [bool(canvas[z, :, :].any()) for z in range(3)] != list(drawn):
            assert time.monotonic() < end
            time.sleep(0.02)
        browser.wait(SAVED)

    browser.key("b")
    browser.key("Enter")
    wait_for(True, False, False)
    browser.key("v")
    browser.key("Enter")
    browser.wait("!document.getElementById('object').hidden")
    return wait_for


ON_SLICE = "document.querySelector('#sliders output').textContent.startsWith('{} ')"


def test_objects_are_copied_to_other_slices_and_brushes_reach_into_them(page, stack):
    browser = page.browser
    browser.key("y")
    browser.wait(ON_SLICE.format(1))
    stack(True, True, False)
    browser.wait("!document.getElementById('object').hidden")  # still selected
    browser.key("z", "ctrl")
    browser.wait("document.getElementById('object').hidden")
    stack(True, False, False)
    browser.run("document.getElementById('slices-ball').click()")
    browser.key("b")
    browser.key("Enter")
    stack(True, True, True)
    browser.key("z", "ctrl")
    stack(True, False, False)


def test_an_object_is_drawn_between_the_slices_that_it_is_on(page, stack):
    browser = page.browser
    for number in (1, 2):
        browser.key("y")
        browser.wait(ON_SLICE.format(number))
    stack(True, True, True)
    browser.key("PageDown")
    browser.wait(ON_SLICE.format(1))
    browser.wait("!document.getElementById('object').hidden")
    browser.key("Delete")
    stack(True, False, True)
    browser.key("PageUp")
    browser.key("Enter")
    browser.wait("!document.getElementById('object').hidden")
    browser.key("i")
    stack(True, True, True)


def test_boxes_and_points_are_drawn_moved_resized_and_removed(page, folder):
    browser, annotation = page.browser, page.server.desk.sheet(0).annotation

    def wait_for(about, *places):
        end = time.monotonic() + 30
        while True:
            there = [one["at"] for one in annotation.facts[about].values()]
            if len(there) == len(places) and np.allclose(there, places, atol=1.5):
                return browser.wait(SAVED)
            assert time.monotonic() < end, there
            time.sleep(0.02)

    browser.run("document.getElementById('stage').focus()")
    browser.key("w")
    browser.drag(page.at(40, 80), page.at(60, 100), page.at(100, 160))
    wait_for("box", (40, 80, 100, 160))
    browser.wait("!document.getElementById('mark').hidden")
    browser.drag(page.at(100, 160), page.at(110, 170), page.at(120, 200))  # a handle
    wait_for("box", (40, 80, 120, 200))
    browser.drag(page.at(40, 110), page.at(45, 115), page.at(60, 130))  # its border
    wait_for("box", (60, 100, 140, 220))
    browser.key("p")
    browser.click(*page.at(200, 150))
    wait_for("point", (200, 150))
    browser.drag(page.at(200, 150), page.at(205, 155), page.at(210, 170))
    wait_for("point", (210, 170))
    browser.key("v")
    browser.click(*page.at(100, 150))  # in the box
    browser.wait("document.getElementById('h-mark').textContent === 'Box 1'")
    browser.key("Delete")
    wait_for("box")
    browser.key("z", "ctrl")
    wait_for("box", (60, 100, 140, 220))
    browser.click(*page.at(210, 170), modifier="ctrl")
    wait_for("point")
    table = folder / "boxes.csv"
    end = time.monotonic() + 30
    while not table.exists() or (folder / "points.csv").exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    for name in ("field_1", "stack"):
        browser.key("d")
        browser.wait(f"document.getElementById('title').textContent === '{name}'")
    browser.wait("document.querySelector('#tools [data-tool=box]').hidden")  # of planes only
    browser.key("w")
    browser.wait("document.getElementById('message').textContent.includes('takes no boxes')")
    assert browser.run("document.querySelector('[data-tool=box]').ariaPressed") == "false"


@pytest.fixture
def movie(folder):
    """Add two cells that stay where they are, labelled anew in every frame."""
    import cellwright as cw

    labels = np.zeros((3, 240, 300), np.int32)
    for t in range(3):
        labels[t, 40:80, 100:140], labels[t, 140:180, 100:140] = 2 * t + 1, 2 * t + 2
    cw.write(folder / "movie.ome.tif", cw.Image((20 * labels).astype(np.uint8), "TYX"))
    cw.write_labels(folder / "labels" / "movie.tif", labels)
    return folder / "labels" / "movie_tracks.csv"


CAN = "['track-cut', 'track-orphan'].map((id) => !document.getElementById(id).disabled)"


def test_cells_are_linked_divided_and_followed_in_a_tree(movie, page):
    from cellwright.tracking.formats.files import read_tracks

    browser = page.browser
    browser.run("document.getElementById('stage').focus()")
    for name in ("field_1", "movie"):
        browser.key("d")
        browser.wait(f"document.getElementById('title').textContent === '{name}'")
        browser.wait(READY)
    browser.wait("!document.getElementById('lineage').hidden")
    canvas = page.server.desk.sheet(2).annotation.canvas

    def wait_for(*expected):
        end = time.monotonic() + 30
        while [int(canvas[t, y, 120]) for y in (60, 160) for t in range(3)] != list(expected):
            assert time.monotonic() < end
            time.sleep(0.02)
        browser.wait(SAVED)

    browser.key("v")
    browser.click(*page.at(60, 120))
    browser.wait("!document.getElementById('object').hidden")
    family = "document.querySelector('#lineage-tree canvas').getAttribute('aria-label')"
    browser.wait(f"{family} === 'Family of 1 track'")
    assert browser.run(CAN) == [False, False]  # it begins here, and comes from no other
    browser.key("o")
    browser.key(".")
    browser.click(*page.at(60, 120))
    wait_for(1, 1, 5, 2, 4, 6)
    browser.wait("!document.getElementById('object').hidden")  # still selected
    browser.key(".")
    browser.click(*page.at(60, 120), modifier="alt")
    browser.wait(SAVED)
    browser.click(*page.at(160, 120), modifier="alt")
    browser.key(",")
    browser.wait(f"{family} === 'Family of 3 tracks with 1 division'")
    assert browser.run(CAN) == [True, False]
    end = time.monotonic() + 30
    while not movie.exists() or len(divided := read_tracks(movie).out_degree()) < 6:
        assert time.monotonic() < end
        time.sleep(0.1)
    browser.wait(SAVED)
    while 2 not in (divided := read_tracks(movie).out_degree()):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert divided.tolist().count(2) == 1


def test_a_finger_that_stays_does_what_needs_a_key_with_the_mouse(page):
    browser = page.browser

    def touch(point, seconds):
        spot = {"x": round(point[0]), "y": round(point[1])}
        now = time.time()  # when it was is said, as a busy browser takes its time
        for kind, at, spots in (("touchStart", now - seconds, [spot]), ("touchEnd", now, [])):
            browser.call("Input.dispatchTouchEvent", type=kind, timestamp=at, touchPoints=spots)

    def until(found):
        end = time.monotonic() + 30
        while not found():
            assert time.monotonic() < end
            time.sleep(0.05)

    browser.key("s")
    browser.wait("!document.getElementById('proposed').hidden")
    table = page.server.desk.sheet(0).proposals("Ada").table
    first, second, *_ = np.argsort(-np.where(table["x"] > 60, table["confidence"], 0))
    shown = "document.getElementById('progress').textContent"
    before = browser.run(shown)
    touch(page.at(table["y"][first], table["x"][first]), 0.7)  # rejects it
    browser.wait(f"{shown} !== {before!r}")
    assert not page.server.desk.sheet(0).annotation.canvas[:, :].any()
    touch(page.at(table["y"][second], table["x"][second]), 0)  # accepts it
    until(lambda: page.server.desk.sheet(0).annotation.canvas[:, :].any())
    touch(page.at(table["y"][second], table["x"][second]), 0.7)  # selects, and never deletes
    browser.wait("!document.getElementById('object').hidden")
    assert page.labels().max() == 1
    browser.key("r")
    browser.drag(page.at(40, 100), page.at(90, 160), page.at(120, 180))
    areas = page.server.desk.journal.areas
    until(lambda: areas("field_0"))

    def gone():
        touch(page.at(80, 140), 0.7)  # in vain before the page has heard of the area
        return not areas("field_0")

    until(gone)
