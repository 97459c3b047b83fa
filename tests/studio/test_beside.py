"""Another image beside the one that is annotated, and what is chosen for its channels."""

import numpy as np
import pytest

import cellwright as cw

from .browser import Browser
from .test_accessibility import faults
from .test_page import READY, pytestmark  # noqa: F401

BESIDE = "document.getElementById('reference-view').getAttribute('aria-busy') === 'false'"
HIDDEN = "document.getElementById('reference').hidden"
NAME = "document.getElementById('reference-name').textContent"
COUNTERPART = """import('/static/counterparts.js').then(({ counterpart }) =>
  counterpart(%s, %r, %s))"""


@pytest.fixture
def pairs(tmp_path):
    """Two fields, raw and restored, an image of another size."""
    rng = np.random.default_rng(0)
    for number in range(2):
        for kind, noise in (("raw", 400), ("restored", 0)):
            plane = np.full((2, 60, 80), 1000 + number) + rng.integers(0, noise + 1, (2, 60, 80))
            image = cw.Image(plane.astype(np.uint16), "CYX", channel_names=("DAPI", "Actin"))
            cw.write(tmp_path / f"{number}_{kind}.ome.tif", image)
    cw.write(tmp_path / "small.tif", cw.Image(np.ones((20, 30), np.uint16), "YX"))
    return tmp_path


@pytest.fixture
def page(serve, pairs, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        browser.open(serve(pairs).address)
        browser.wait(READY)
        yield browser
        assert browser.complaints == []


def choose(page, text):
    """Choose what stands beside the image, as with the mouse."""
    page.run(
        "(() => { const list = document.getElementById('beside');"
        f" list.value = [...list.options].find(({{ text }}) => text === '{text}').value;"
        " list.dispatchEvent(new Event('change')); })()"
    )


def middle(page, name):
    return page.run(
        "(({left, top, width, height}) => [left + width / 2, top + height / 2])"
        f"(document.getElementById('{name}').getBoundingClientRect())"
    )


def shown_at(page, name):
    """Return what the line below the image says of the pixel in the middle of a view."""
    x, y = middle(page, name)
    page.mouse("move", x + 1, y + 1)
    page.wait("document.getElementById('values').textContent")
    return [
        page.run(f"document.getElementById('{part}').textContent") for part in ("where", "values")
    ]


def test_the_images_of_a_couple_are_seen_at_the_same_place(page):
    assert page.run(HIDDEN)
    choose(page, "0_restored")
    page.wait(f"!{HIDDEN} && {BESIDE} && {READY}")
    assert faults(page) == []
    assert shown_at(page, "reference-view") == ["y 30  x 40", "1000  1000"]  # that of the reference
    x, y = middle(page, "reference-view")
    page.drag((x, y), (x + 30, y), (x + 60, y))  # moves both
    page.mouse("move", 5, 5)
    page.wait("!document.getElementById('values').textContent")
    where, values = shown_at(page, "stage")
    assert where != "y 30  x 40" and values != "1000  1000"
    assert shown_at(page, "reference-view")[0] == where


def test_a_couple_goes_on_with_the_next_image_and_is_put_away_by_a_key(page):
    choose(page, "0_restored")
    page.wait(f"{NAME} === '0_restored' && {BESIDE}")
    page.key("d")  # to the restored one itself
    page.wait(f"{HIDDEN} && document.getElementById('beside-why').textContent")
    page.key("d")
    page.wait(f"!{HIDDEN} && {NAME} === '1_restored' && {BESIDE}")
    page.key("X", "shift")
    page.wait(HIDDEN)
    page.key("a")
    page.key("a")
    page.wait(f"document.getElementById('title').textContent === '0_raw' && {READY}")
    page.key("X", "shift")
    page.wait(f"!{HIDDEN} && {NAME} === '0_restored' && {BESIDE}")


def test_without_labels_and_never_beside_an_image_of_another_size(page):
    page.key("X", "shift")
    page.wait(f"!{HIDDEN} && {NAME} === 'without labels' && {BESIDE}")
    choose(page, "small")
    page.wait(HIDDEN)
    why = page.run("document.getElementById('beside-why').textContent")
    assert why == "It has 30 × 20 px, this image has 80 × 60."


def test_names_tell_which_image_belongs_to_another(page):
    for couple, name, found in (
        (("0_raw", "0_restored"), "1_raw", "1_restored"),
        (("raw_0", "restored_0"), "raw_1", "restored_1"),
        (("0", "0_restored"), "1", "1_restored"),
        (("a_raw_x1", "a_den_x1"), "b_raw_x1", "b_den_x1"),
        (("0_raw", "0_restored"), "0_raw", "0_restored"),
        (("0_raw", "0_restored"), "0_restored", None),
        (("0_raw", "0_restored"), "2_raw", None),  # there is no other of that name
    ):
        names = [name, "else", *([found] if found else []), "0_again"]
        number = page.run(COUNTERPART % (list(couple), name, names))
        assert number == (names.index(found) if found else None)


def test_what_is_chosen_for_channels_holds_for_all_images_that_have_them(page):
    panel = "document.querySelectorAll('.channel')"
    set_to = "(() => {{ const one = {}[1].querySelector('{}'); one.value = '{}'; one.{}(); }})()"
    for selector, value, event in (
        ("[type=color]", "#12ab34", "oninput"),
        ("[type=range]", "0.5", "oninput"),
        (".white", "1234", "onchange"),
    ):
        page.run(set_to.format(panel, selector, value, event))
    page.run(f"{panel}[0].querySelector('.channel-on').click()")
    page.key("d")
    page.wait(f"document.getElementById('title').textContent === '0_restored' && {READY}")
    told = (
        f"[...{panel}].map((one) => ['[type=color]', '[type=range]', '.white']"
        ".map((selector) => one.querySelector(selector).value))"
    )
    page.wait(f"{told}[1][2] === '1234'")
    assert page.run(told)[1] == ["#12ab34", "0.5", "1234"]
    assert page.run(f"[...{panel}].map((one) => one.querySelector('.channel-on').checked)") == [
        False,
        True,
    ]
    page.run(f"{panel}[1].querySelector('.auto').click()")
    page.wait(f"{told}[1][2] !== '1234'")
