"""All of it on real images in a browser: open, paint, propose, correct, train, export."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cellwright as cw
from cellwright.images.read import read_labels
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images

from .browser import CHROMIUM, Browser
from .reviewing import ReviewServer
from .test_accessibility import faults
from .test_page import READY

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
SIDE = 448
MINUTES = float(os.environ.get("CELLWRIGHT_CHAIN_MINUTES", "1"))
KNOWN, DRAWN, NEW = ("set10", "set20", "set33"), "set01", "set36"
FONTS = "document.fonts.ready.then(() => true)"


class Chain:
    """A person before the page, who knows where the cells are."""

    def __init__(self, browser, address, artefacts):
        self.browser, self.artefacts = browser, artefacts
        browser.open(address)
        browser.wait(READY)

    def at(self, y, x):
        """Return where on the screen a position of the image is, which is shown as a whole."""
        left, top, width, height = self.browser.run(
            "(({left, top, width, height}) => [left, top, width, height])"
            "(document.getElementById('stage').getBoundingClientRect())"
        )
        scale = 0.94 * min(width, height) / SIDE
        return left + width / 2 + (x - SIDE / 2) * scale, top + height / 2 + (y - SIDE / 2) * scale

    def text(self, name):
        return self.browser.run(f"document.getElementById('{name}').textContent")

    def saved(self):
        self.browser.wait("document.getElementById('saved').textContent === 'Saved'")

    def go(self, name):
        """Open an image as people do: by a click on it."""
        fetched = "performance.getEntriesByType('resource').map((entry) => entry.name)"
        number = self.browser.run(
            "(() => { performance.clearResourceTimings();"
            "const buttons = [...document.querySelectorAll('#images button')];"
            f"const at = buttons.findIndex((button) => button.title.startsWith('{name}'));"
            "buttons[at].click(); return at; })()"
        )
        self.browser.wait(f"{fetched}.some((name) => name.includes('/images/{number}/pixels'))")
        self.browser.wait(READY)

    def propose(self):
        self.browser.run("document.getElementById('stage').focus()")
        self.browser.key("s")
        self.browser.wait("document.getElementById('propose').disabled")
        self.browser.wait("!document.getElementById('propose').disabled", seconds=180)
        self.browser.wait(READY)

    def outline(self, cell):
        """Draw round a cell."""
        self.browser.key("l")
        self.browser.drag(*(self.at(y, x) for y, x in _outline(cell)))

    def look(self, step):
        self.browser.run(FONTS)
        self.browser.screenshot(self.artefacts / f"{step}.png")


@pytest.fixture
def artefacts(tmp_path):
    """Where pictures of every step are kept: in CELLWRIGHT_ARTEFACTS, where that is set."""
    folder = Path(os.environ.get("CELLWRIGHT_ARTEFACTS", tmp_path / "artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def fields(data_folder, tmp_path):
    """Parts of phase-contrast fields, most of them annotated already; returns all true labels."""
    source, project, truth = data_folder / "usiigaci_phase", tmp_path / "project", {}
    part = slice(0, SIDE), slice(0, SIDE)
    for name in (*KNOWN, DRAWN, NEW):
        pixels = cw.read(source / "images" / f"{name}.tif").to_numpy()[part]
        cw.write(project / f"{name}.tif", cw.Image(pixels, "YX"))
        (labels,) = (source / "labels").glob(f"{name}.*")
        truth[name] = read_labels(labels)[0][part].astype(np.int32)
        if name in KNOWN:
            cw.write_labels(project / "labels" / f"{name}.tif", truth[name])
    return project, truth


def test_from_images_to_a_better_model_and_an_export(serve, fields, artefacts, tmp_path):
    pytest.importorskip("torch")
    project, truth = fields
    server = serve(project)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with Browser(folders[0]) as browser, Browser(folders[1], dark=True) as other:
        page = Chain(browser, server.address, artefacts)
        page.look("01-open")
        page.go(NEW)
        page.propose()
        before = _covered(truth[NEW], _proposed(server, NEW))

        page.go(DRAWN)
        _draw_two_at_once(page, Chain(other, server.address, artefacts), server, truth[DRAWN])
        page.propose()
        page.look("03-propose")
        assert faults(browser) == []
        browser.key("C", "shift")  # for such cells it was not made
        _correct(page, server, truth[DRAWN])
        page.look("04-correct")

        for name in KNOWN:
            page.go(name)
            browser.key("D", "shift")
            browser.wait("document.getElementById('done').getAttribute('aria-pressed') === 'true'")
        _train(page)
        page.look("06-trained")
        assert faults(browser) == []

        page.go(NEW)
        page.propose()
        page.look("07-better")
        after = _covered(truth[NEW], _proposed(server, NEW))
        assert after > before + 0.1, (before, after)
        browser.run(
            "(slider => { slider.value = 0; slider.dispatchEvent(new Event('input')); })"
            "(document.getElementById('threshold'))"
        )
        browser.key("c")
        browser.wait("document.getElementById('accept').disabled")
        page.saved()
        assert browser.complaints == [] and other.complaints == []
    _is_written(project / "labels" / f"{NEW}.tif", server, NEW)
    _export(server, project, artefacts, tmp_path)


def _draw_two_at_once(page, other, server, truth):
    """Paint in two browsers; nothing is lost."""
    other.go(DRAWN)
    places = [np.argwhere(truth == label).mean(0) for label in _largest(truth, 2)]
    for chain, (y, x) in zip((page, other), places, strict=True):
        chain.browser.key("b")
        chain.browser.drag(chain.at(y, x), chain.at(y, x + 4))
    for chain in (page, other):
        chain.saved()
    labels = _labels(server, DRAWN)
    assert len({labels[tuple(np.floor(place).astype(int))] for place in places} - {0}) == 2
    page.look("02-paint")


def _correct(page, server, truth):
    """Draw round the cells; what was painted before is removed first."""
    for place in [np.argwhere(truth == label).mean(0) for label in _largest(truth, 2)]:
        page.browser.key("v")
        page.browser.click(*page.at(*place), modifier="ctrl")
        page.saved()
    cells = _largest(truth, 4)
    for label in cells:
        page.outline(truth == label)
        page.saved()
    drawn = _labels(server, DRAWN)
    right = [_overlap(truth == label, drawn) for label in cells]
    assert np.median(right) > 0.8, right


def _train(page):
    browser = page.browser
    browser.wait("!document.getElementById('train-new').hidden")
    browser.run(f"document.getElementById('train-minutes').value = {MINUTES}")
    browser.key("t")
    browser.wait("!document.getElementById('train-now').hidden", seconds=120)
    browser.wait("!document.getElementById('train-curves').hidden", seconds=600)
    page.look("05-training")
    browser.wait("document.getElementById('train-now').hidden", seconds=900)
    assert "average precision" in page.text("train-verdict"), page.text("train-list")
    browser.wait("document.getElementById('model').textContent.includes('round 1')")


def _export(server, project, artefacts, tmp_path):
    """Segment with the model that was made, look through the result and export it."""
    model = server.desk.trainer.rounds.round(1).model
    images = sorted(project.glob("*.tif"))
    options = SegmentOptions(threshold=0.0)
    segment_images(images, tmp_path / "results", options, model=model)
    review = ReviewServer(tmp_path / "results")
    try:
        for number, (width, dark) in enumerate([(1280, False), (2560, True)]):
            folder = tmp_path / f"review-{number}"
            folder.mkdir()
            with Browser(folder, (width, width * 10 // 16), dark=dark) as browser:
                browser.open(review.address)
                browser.wait(READY)
                browser.wait("!!document.querySelector('#table .row:not([hidden])')")
                browser.screenshot(artefacts / f"08-review-{width}.png")
                assert faults(browser) == []
                if not number:
                    browser.key("e", "ctrl")
                    browser.wait("document.getElementById('export-dialog').open")
                    browser.key("Enter")
                    browser.wait("!document.getElementById('export-done').hidden", seconds=120)
                assert browser.complaints == []
    finally:
        review.stop()
    exported = tmp_path / "results-reviewed"
    assert (exported / "objects.csv").is_file()
    assert sorted(path.stem for path in (exported / "labels").iterdir()) == sorted(
        (*KNOWN, DRAWN, NEW)
    )


def _is_written(file, server, name):
    end = time.monotonic() + 60
    while not file.exists() or not np.array_equal(read_labels(file)[0], _labels(server, name)):
        assert time.monotonic() < end, file
        time.sleep(0.1)


def _number(server, name):
    return [item.name for item in server.desk.project.items].index(name)


def _labels(server, name):
    return server.desk.sheet(_number(server, name)).annotation.canvas[:, :]


def _proposed(server, name):
    """Return all proposals: after so short a training none is sure."""
    return server.desk.sheet(_number(server, name)).proposals("Ada").canvas[:, :]


def _covered(truth, found):
    """Return the mean overlap of true cells with what fits them best."""
    cells = set(np.unique(truth)) - {0}
    return np.mean([_overlap(truth == label, found) for label in cells])


def _largest(truth, count):
    """Return the largest objects that touch no border and do not lie under the tools."""
    inside = set(np.unique(truth)) - {0}
    inside -= set(np.concatenate([truth[[0, -1]].ravel(), truth[:, :40].ravel(), truth[:, -1]]))
    return sorted(inside, key=lambda label: -np.count_nonzero(truth == label))[:count]


def _overlap(cell, drawn):
    """Return the best intersection over union of a cell with what was drawn."""
    best = 0.0
    for label in set(np.unique(drawn[cell])) - {0}:
        own = drawn == label
        best = max(best, np.count_nonzero(own & cell) / np.count_nonzero(own | cell))
    return best


def _outline(cell):
    """Return corners [y, x] round a cell, in px, that end where they begin."""
    from skimage.measure import find_contours

    longest = max(find_contours(np.pad(cell, 1).astype(float), 0.5), key=len) - 0.5
    return [*longest[:: max(1, len(longest) // 40)], longest[0]]
