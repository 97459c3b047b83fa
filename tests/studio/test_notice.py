"""What a person has to know stays to be read."""

import os
import time

import numpy as np
import pytest

import cellwright as cw

from .browser import Browser
from .test_page import SAVED, Page, pytestmark  # noqa: F401
from .test_restart import NOTICE
from .test_switching import TITLE

ASKED = (
    "performance.getEntriesByType('resource')"
    ".filter(({name}) => name.includes('/images/0/strokes')).length"
)

STAGE = "JSON.stringify(document.getElementById('stage').getBoundingClientRect())"


@pytest.fixture
def page(serve, folder, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield Page(browser, serve(folder))
        assert browser.complaints == []


def test_that_another_program_wrote_the_labels_is_said_until_it_is_read(page, folder):
    browser = page.browser

    def paint(y):
        annotation = page.server.desk.sheet(0).annotation
        before, end = annotation.latest, time.monotonic() + 60
        browser.drag(page.at(y, 100), page.at(y, 110))
        while annotation.latest == before:
            assert time.monotonic() < end
        browser.wait(SAVED)

    theirs = folder / "labels" / "field_0.tif"
    cw.write_labels(theirs, np.ones((240, 300), np.int32))
    os.utime(theirs, ns=(1, 1))
    browser.key("b")
    before = browser.run(STAGE)
    paint(30)
    said = browser.wait(NOTICE)
    assert browser.run(STAGE) == before  # the image does not jump below the brush
    assert str(theirs) in said and "is kept as" in said
    paint(60)
    assert browser.run(NOTICE) == said
    browser.key("d")
    browser.wait(f"{TITLE.format('field_1')} && !({NOTICE})")
    browser.key("a")
    browser.wait(f"({NOTICE}).includes('is kept as')")
    browser.run("document.querySelector('#notice button').click()")
    assert not browser.run(NOTICE)
    browser.key("d")
    browser.wait(TITLE.format("field_1"))
    browser.key("a")
    browser.wait(TITLE.format("field_0"))
    browser.run("performance.clearResourceTimings()")
    browser.wait(f"{ASKED} > 2")  # and was told each time
    assert not browser.run(NOTICE)
