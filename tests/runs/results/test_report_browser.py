"""The report in a real browser: Chromium without a window and without a network."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.reports.pictures import choose_window, picture
from cellwright.runs.results.objects_report import objects_report
from cellwright.runs.results.plan import Outcome
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    pixels, labels = simulate_field(NucleiSimulation(size=(200, 300), diameter=20), seed=1)
    image = Image(pixels, "YX")
    shown = picture(image, labels, choose_window(*labels.shape, np.zeros((0, 2))))
    outcomes = [
        Outcome("b", objects=20, picture=shown, warnings=("The image is blurred.",)),
        Outcome("a", objects=3, picture=shown),
        Outcome("c", error="'c.tif' is empty."),
    ]
    record = {
        "command": "segment",
        "started": "2026-11-21T10:00:00",
        "parameters": {},
        "model": {"name": "nuclei"},
        "timings": {"steps_s": {"read": 1.0}},
    }
    table = {"area": np.arange(1, 24), "confidence": np.linspace(0.2, 1, 23)}
    html = objects_report(record, outcomes, table)
    # What a reader does: sort the table, hide the outlines, enlarge a picture.
    acts = """<script>
      document.querySelectorAll("th")[1].click();
      document.getElementById("outlines").click();
      document.querySelector(".card .view").click();
      for (const image of document.images)
        if (!image.naturalWidth) console.error("an image does not show");
    </script></body>"""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html.replace("</body>", acts), encoding="utf-8")
    return path


def visit(page, folder):
    """Return what Chromium makes of a page: its content, its console, and what it requested."""
    log = folder / "net.json"
    done = subprocess.run(
        [
            CHROMIUM,
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update"),
            *(f"--user-data-dir={folder}", f"--log-net-log={log}", "--enable-logging=stderr"),
            *("--virtual-time-budget=3000", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    events = json.loads(log.read_text(encoding="utf-8", errors="replace"))["events"]
    started = [event.get("params", {}) for event in events]
    # Chromium asks for its own updates; those requests have no page as their origin.
    urls = {p["url"] for p in started if p.get("initiator", "not an origin") != "not an origin"}
    return done.stdout, done.stderr, urls


@pytest.fixture(scope="module")
def opened(page, tmp_path_factory):
    return visit(page, tmp_path_factory.mktemp("chromium"))


def test_nothing_is_complained_about(opened):
    assert "CONSOLE" not in opened[1], opened[1]


def test_no_request_leaves_the_computer(opened, tmp_path):
    assert not [url for url in opened[2] if url.startswith("http")]
    leaky = tmp_path / "leaky.html"
    leaky.write_text('<img src="http://localhost:9/x.png">')
    assert visit(leaky, tmp_path)[2] >= {"http://localhost:9/x.png"}  # it would be seen


def test_the_content_is_there(opened):
    for expected in ("23 objects in 2 images", "The image is blurred.", "is empty", "Confidence"):
        assert expected in opened[0]


def test_the_script_ran(opened):
    assert 'aria-sort="ascending"' in opened[0]
    names = re.findall(r"<tr><td[^>]*>([abc])</td>", opened[0])
    assert names == ["c", "a", "b"]  # by the number of objects
    assert '<body class="plain">' in opened[0]
    assert re.search(r'<dialog id="zoom"[^>]* open', opened[0])
