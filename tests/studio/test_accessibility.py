"""The page for everybody: names, contrast, headings, and work with the keyboard alone."""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import cellwright as cw
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

from .browser import CHROMIUM, Browser
from .test_page import READY

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Chromium is spoken to through a pipe"),
]
LEAST_CONTRAST = 4.5  # of the Web Content Accessibility Guidelines, level AA
CONTROLS = {
    *("button", "checkbox", "slider", "combobox", "spinbutton", "textbox", "link", "ColorWell"),
    *("toolbar", "dialog", "application", "progressindicator"),
}
# Of every text that is seen: the contrast with the nearest ground that is no pane of glass.
CONTRASTS = """
(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (element.closest(":disabled, [aria-disabled=true], script, option")) continue;
    const [a, b] = [numbers(getComputedStyle(element).color), ground(element)].map(light);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([walker.currentNode.textContent.trim(), contrast]);
  }
  return found;
})()
"""
HEADINGS = "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
IDS = "[...document.querySelectorAll('[id]')].map(e => e.id)"


def faults(browser):
    """Return what is wrong with what is shown."""
    wrong = []
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    for node in tree:
        role = node.get("role", {}).get("value")
        if not node["ignored"] and role in CONTROLS and not node["name"]["value"].strip():
            wrong.append(f"{role} without a name")
    for text, contrast in browser.run(CONTRASTS):
        if contrast < LEAST_CONTRAST:
            wrong.append(f"'{text[:40]}' has a contrast of {contrast:.1f}")
    levels = browser.run(HEADINGS)
    if any(np.diff(levels) > 1) or levels[0] != 1:
        wrong.append(f"headings of levels {levels}")
    wrong += browser.run("[...document.querySelectorAll('img:not([alt])')].map(e => e.outerHTML)")
    ids = browser.run(IDS)
    wrong += [f"two elements are called '{name}'" for name in set(ids) if ids.count(name) > 1]
    return wrong + axe(browser)


def axe(browser):
    """Return what axe finds, where it is installed."""
    spec = find_spec("axe_core_python")
    if spec is None or spec.origin is None:
        return []
    browser.run((Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8") + ";0")
    told = browser.run("axe.run().then((r) => JSON.stringify(r.violations))")
    return [f"axe: {one['id']} {[n['target'] for n in one['nodes']]}" for one in json.loads(told)]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_control_has_a_name_and_every_text_contrast(serve, folder, tmp_path, dark):
    server = serve(folder)
    server.client.done("/api/images/0/edits", {"tool": "brush", "points": [[50, 50]], "radius": 9})
    server.client.done("/api/images/0/done", {"done": True})
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium", dark=dark) as browser:
        browser.open(server.address)
        browser.wait(READY)
        browser.wait("!document.getElementById('train-new').hidden")
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true")
        assert faults(browser) == []
        browser.key("s")
        browser.wait("!document.getElementById('proposed').hidden")
        assert faults(browser) == []
        histogram = "document.querySelector('.histogram').toDataURL()"
        before = browser.run(histogram)
        browser.run("document.getElementById('theme').click()")
        assert browser.run(histogram) != before  # drawn in the colours of the other theme
        browser.key("?")
        browser.wait("document.getElementById('keys').open")
        assert faults(browser) == []
        assert browser.run(TOUCHING) == []
        browser.open(server.address.partition("#")[0] + "static/docs.html")
        browser.wait("document.querySelectorAll('article').length > 5")
        assert faults(browser) == []


# Keys of the dialog that touch those above them.
TOUCHING = """(() => {
  const keys = [...document.querySelectorAll('#key-list kbd')];
  const touch = (a, b) =>
    b.top < a.top && b.bottom > a.top - 2 && b.left < a.right && b.right > a.left;
  const boxes = keys.map((key) => key.getBoundingClientRect());
  return keys.filter((_, i) => boxes.some((b) => touch(boxes[i], b))).map((k) => k.textContent);
})()"""


def test_what_is_checked_is_found(serve, folder, tmp_path):
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(serve(folder).address)
        browser.wait(READY)
        browser.run("document.getElementById('undo').removeAttribute('aria-label')")
        browser.run("document.getElementById('undo').removeAttribute('title')")
        browser.run("document.getElementById('title').style.color = '#bbb'")
        found = " ".join(faults(browser))
        assert "button without a name" in found and "'field_0' has a contrast" in found


def tab_to(browser, name):
    """Go to a control as people do who have no mouse."""
    for _ in range(120):
        if browser.run("document.activeElement.id") == name:
            return
        browser.key("Tab")
    raise AssertionError(f"Tab never comes to '{name}'")


def test_an_image_is_annotated_and_learned_with_the_keyboard_alone(serve, tmp_path):
    pytest.importorskip("torch")
    pixels, _ = simulate_field(NucleiSimulation(size=(240, 300), diameter=24), seed=0)
    cw.write(tmp_path / "data" / "field.tif", cw.Image(pixels, "YX"))
    server = serve(tmp_path / "data")
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(server.address)
        browser.wait(READY)
        tab_to(browser, "stage")
        browser.key("b")
        browser.key("Enter")  # a dab in the middle
        browser.wait("!document.getElementById('undo').disabled")
        browser.key("r")  # an area from corner to corner
        for step in ("ArrowLeft", "ArrowUp"), ("ArrowRight", "ArrowDown"):
            for key in step:
                browser.key(key)
                browser.key(key)
            browser.key("Enter")
        browser.wait("!document.getElementById('train-new').hidden")
        assert len(server.desk.journal.areas("field")) == 1
        browser.key("s")
        browser.wait("!document.getElementById('proposed').hidden")
        tab_to(browser, "accept")
        browser.key("Enter")
        browser.wait("document.getElementById('accept').disabled")
        end = time.monotonic() + 30
        while server.desk.sheet(0).annotation.canvas[:, :].max() < 10:
            assert time.monotonic() < end
        browser.key("D", "shift")
        browser.wait("document.getElementById('done').getAttribute('aria-pressed') === 'true'")
        tab_to(browser, "train")
        browser.key("Enter")
        browser.wait("!document.getElementById('train-now').hidden")
        tab_to(browser, "train-stop")
        browser.key("Enter")
        browser.wait("document.getElementById('train-now').hidden")
        assert browser.complaints == []
