"""What the page says of rounds of training, and the way back to an earlier one."""

import shutil

import pytest

from cellwright.models.find import find_model
from cellwright.studio.project import find_project
from cellwright.studio.rounds import Judged, Order, Rounds, Verdict

from .browser import Browser
from .test_page import Page, pytestmark  # noqa: F401

LINES = "[...document.querySelectorAll('#train-list li')].map((line) => line.innerText)"
CUT_OFF = """[...document.querySelectorAll('.round div')]
  .filter((one) => one.scrollWidth > one.clientWidth || one.offsetHeight > 36)
  .map((one) => one.textContent)"""
MODEL = "document.getElementById('model').textContent.includes('{}')"


def trained(rounds, start, before, after):
    """Put a round on the disk as a training does."""
    order = Order(1, start, None, "Ada", "2026-01-01", images=2, objects=80)
    folder = rounds.next_folder()
    shutil.copytree(find_model("nuclei"), folder / "model")
    judged = (Judged(precision, 38, 40) for precision in (before, after))
    rounds.write(folder, order).judge(Verdict(*judged, ("It is different.",)))


@pytest.fixture
def page(serve, folder, tmp_path_factory):
    rounds = Rounds(find_project(folder).rounds)
    trained(rounds, "nuclei", 0.612, 0.804)
    trained(rounds, 1, 0.751, 0.549)
    trained(rounds, "", 0.0, 0.3)
    trained(rounds, 1, 0.751, 0.753)
    rounds.use(4)
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield Page(browser, serve(folder))
        assert browser.complaints == []


def test_a_round_is_shown_beside_what_it_started_from_and_is_taken_back_by_one_press(page):
    browser = page.browser
    browser.run("document.getElementById('train-rounds').open = true")
    browser.wait(f"({LINES}).length === 5")
    lines = [" ".join(line.split()) for line in browser.run(LINES)]
    assert lines == [
        "Round 4 AP 0.75 → 0.75 in use",
        "Round 3 AP 0.30 Use",
        "Round 2 AP 0.75 → 0.55 worse Use",
        "Round 1 AP 0.61 → 0.80 better Use",
        "nuclei at the start Use",
    ]
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        **{"width": 820, "height": 1180, "deviceScaleFactor": 1, "mobile": False},
    )
    assert browser.run(CUT_OFF) == []  # nor on a tablet
    browser.wait("document.getElementById('train-start').value === '4'")
    browser.run("document.querySelector('#train-verdict button').click()")  # Back to round 1
    browser.wait(MODEL.format("round 1"))
    assert page.server.desk.trainer.rounds.in_use == 1
    # The next round goes on from there, not from what was found to be worse.
    assert browser.run("document.getElementById('train-start').value") == "1"
    browser.wait(f"({LINES})[3].includes('in use')")
    assert "The model “round 1” proposes." in page.text("train-verdict")
    assert "Back to" not in page.text("train-verdict")


def test_a_button_stays_under_the_finger_while_nothing_new_is_known(page):
    browser = page.browser
    browser.run("document.getElementById('train-rounds').open = true")
    browser.wait(f"({LINES}).length === 5")
    browser.run("document.querySelector('#train-list button').focus()")
    browser.run("document.getElementById('train-list').firstChild.seen = true")
    browser.run("performance.clearResourceTimings()")
    browser.key("D", "shift")  # which asks how things stand
    asked = "performance.getEntriesByType('resource').some(({name}) => name.endsWith('/training'))"
    browser.wait(
        f"{asked} && document.getElementById('train-known').textContent.includes('1 image')"
    )
    assert browser.run("document.getElementById('train-list').firstChild.seen === true")
