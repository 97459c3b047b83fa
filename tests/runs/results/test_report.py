import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.models.find import find_model
from cellwright.models.package import load_package
from cellwright.reports import page as pages
from cellwright.reports.annotated import ValidationExample
from cellwright.reports.page import Number
from cellwright.reports.pictures import choose_window, picture
from cellwright.runs.apply.outcome import object_facts, shown_fact
from cellwright.runs.results.classes_report import classes_report
from cellwright.runs.results.objects_report import objects_report
from cellwright.runs.results.page import MAX_PICTURES
from cellwright.runs.results.plan import Outcome
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.report import model_report
from cellwright.runs.train.tasks import Finished

RECORD = {
    "command": "segment",
    "started": "2026-11-21T10:00:00+00:00",
    "command_line": "cellwright segment images -o results",
    "parameters": {"min_size": 20, "axes": None},
    "model": {"name": "nuclei", "version": "1.0", "sha256": "ab12"},
    "versions": {"numpy": "2.0"},
    "timings": {"steps_s": {"read": 0.5, "find objects": 2.0}},
}


@pytest.fixture(scope="module")
def outcome():
    rng = np.random.default_rng(0)
    labels = np.zeros((600, 600), np.int32)
    labels[100:150, 100:150] = 1
    image = Image(rng.integers(0, 255, labels.shape).astype(np.uint8), "YX")
    shown = picture(image, labels, choose_window(600, 600, np.zeros((0, 2))))
    return Outcome("a", objects=2, picture=shown, facts={"size": "600 × 600 px"})


@pytest.fixture
def table():
    return {
        "image": np.array(["a", "a"]),
        "label": np.array([1, 2]),
        "confidence": np.array([0.9, 0.4]),
        "area": np.array([100, 200]),
        "intensity_mean-DAPI": np.array([10.0, 20.0]),
    }


def test_the_page_says_what_was_found_and_how(outcome, table):
    page = objects_report(RECORD, [outcome], table)
    for expected in ("2 objects in 1 image", "nuclei", "channel DAPI", "min size", "find objects"):
        assert expected in page
    assert "cellwright segment images -o results" in page
    assert "axes" not in re.findall(r"<td>([^<]*)</td>", page)


def test_nothing_is_loaded_from_elsewhere(outcome, table):
    page = objects_report(RECORD, [outcome], table)
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "http" not in re.sub(r"http-equiv", "", page)


def test_names_from_outside_cannot_become_markup(outcome, table):
    evil = replace(outcome, image="<img src=x onerror=alert(1)>", warnings=("<b>blurred</b>",))
    page = objects_report(RECORD, [evil, Outcome("b", error="<script>alert(1)</script>")], table)
    assert "<img src=x" not in page and "<b>blurred" not in page
    assert "<script>alert" not in page


def test_failures_and_warnings_are_at_the_top(outcome, table):
    warned = replace(outcome, warnings=("The image is blurred.",))
    page = objects_report(RECORD, [warned, Outcome("b", error="'b.tif' is empty.")], table)
    start = page.index("Distributions")
    assert page.index("&#39;b.tif&#39; is empty.") < start
    assert page.index("The image is blurred.") < start


def test_a_warning_is_about_one_image_and_names_others_like_it(outcome, table):
    warned = [
        replace(outcome, image=name, warnings=(f"Border: {share} % of the objects are cut off.",))
        for name, share in (("a", 33), ("b", 71), ("c", 40), ("d", 35))
    ]
    page = objects_report(RECORD, warned, table)
    assert "33 % of the objects are cut off." in page
    assert "(a; likewise b, c, …; 4 images in all)" in page
    assert "(a)</span>" in objects_report(RECORD, warned[:1], table)


def test_shares_of_classes_are_written_alike_everywhere(outcome):
    found = replace(outcome, facts={"shares": {"membrane": 0.0974}})
    table = {"class": np.array(["membrane"]), "share": np.array([0.0974])}
    page = classes_report(RECORD, [found], table)
    assert "9.7 % membrane" in page and "9.74 %" in page
    assert not re.search(r"\d%[^;]", page[page.index("What was found") : page.index("How it was")])


def test_what_is_not_known_of_any_image_has_no_column(outcome, table):
    known = replace(outcome, facts={"median_area": 150.0, "median_confidence": 0.7})
    assert "median confidence" in objects_report(RECORD, [known], table)
    measured = {name: column for name, column in table.items() if name != "confidence"}
    page = objects_report(RECORD | {"command": "measure"}, [outcome], measured)
    assert "median area" in page and "confidence</th>" not in page


def test_hundreds_of_images_stay_below_10_megabytes(outcome, table):
    many = [replace(outcome, image=f"image{i}") for i in range(700)]
    many[500] = replace(many[500], warnings=("blurred",))
    page = objects_report(RECORD, many, table)
    assert len(page.encode()) < 10_000_000
    shown = page.count('<figure class="card">')
    assert 10 < shown <= MAX_PICTURES
    assert f"{shown} of 700 images are shown" in page
    assert 'aria-label="Enlarge image500"' in page  # the one with a warning is among them


def test_a_run_in_which_nothing_was_found_or_done_has_a_page(table):
    empty = {name: column[:0] for name, column in table.items()}
    assert "0 objects in 1 image" in objects_report(RECORD, [Outcome("a")], empty)
    assert "0 objects in 0 images" in objects_report(RECORD, [Outcome("a", error="x")], {})


def test_the_training_page_has_curves_a_verdict_and_pictures():
    labels = np.zeros((64, 64), np.int32)
    labels[10:30, 10:30] = 1
    image = Image(np.eye(64), "YX")
    card = replace(
        load_package(find_model("nuclei")).card,
        name="phase",
        training={"images": 4, "validation images": 1, "steps": 20, "seconds": 60.0},
        evaluation={"AP@0.5 per image": 0.9},
    )
    shown = ValidationExample("best", "AP@0.5 1.00", image, labels, labels)
    page = model_report(
        InstanceTask(),
        Finished(card, [Number("AP@0.5", "0.9")], [shown]),
        [{"step": 10 * i, "train_loss": 1 / i, "validation_loss": 1 / i} for i in (1, 2)],
        ["The labels of 'a' touch & overlap."],
        {"seed": 0, "batch_size": 4, "patch": None, "strength": "light"},
        "cellwright train images -o phase",
    )
    assert "Too short to judge" in page and "touch &amp; overlap." in page
    assert page.count("<polyline") == 2 and page.count('<figure class="card">') == 1
    assert "<td>batch size</td><td>4</td>" in page and "<td>augmentation</td><td>light</td>" in page
    assert "<td>patch</td>" not in page and "Made with python" in page
    assert "TP / (TP + FP + FN)" in page and "Show outlines" in page


@pytest.mark.parametrize("score", [0.04, 0.06])
def test_curves_of_a_model_that_has_not_learned_are_not_praised(score):
    card = replace(
        load_package(find_model("nuclei")).card,
        training={"images": 4, "validation images": 1, "steps": 80, "seconds": 60.0},
        evaluation={"AP@0.5 per image": score},
    )
    page = model_report(
        InstanceTask(),
        Finished(card, [], []),
        [{"step": i, "train_loss": 0.5, "validation_loss": 0.5} for i in range(8)],
        ["What is said about it."],
        {},
        "",
    )
    failed = score < 0.05
    assert ("More steps would change little" in page) != failed
    assert ('<div class="verdict">' in page) != failed
    assert ('<div class="notice bad">' in page) == failed
    assert page.count("What is said about it.") == 1


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_light_and_dark(mode):
    style = (Path(pages.__file__).parent / "templates" / "style.css").read_text("utf-8")
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light if mode == "light" else dark))
    grounds = {"page": ("text", "soft", "accent"), "surface": ("text", "soft", "accent")}
    grounds |= {"sunken": ("text", "soft"), "warn-soft": ("text", "soft", "warn")}
    grounds |= {"bad-soft": ("text", "soft", "bad")}
    for ground, inks in grounds.items():
        for ink in inks:  # 4.5 is what WCAG 2 asks for
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for key in ("c0", "c1", "c2", "c3"):
        assert _contrast(colours[key], colours["surface"]) >= 4.5, key


def _contrast(one, other):
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour):
    sent = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(sent <= 0.04045, sent / 12.92, ((sent + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]


def test_large_numbers_are_written_without_an_exponent(outcome, table):
    large = table | {"area": np.array([1225.0, 1225.0])}
    assert "<b>1,225 <small>px</small></b>" in objects_report(RECORD, [outcome], large)


def test_sizes_of_volumes_are_volumes_in_their_own_unit(outcome, table):
    volumes = table | {"centroid-2": np.array([1.0, 2.0])}
    facts = object_facts(volumes, (10, 20, 30), "ZYX")
    page = objects_report(RECORD, [replace(outcome, facts=facts)], volumes)
    assert "median volume" in page and "volume of an object (median)" in page
    assert "<b>150 <small>voxels</small></b>" in page and "150.0 voxels" in page
    assert "median area" not in page
    in_um = volumes | {"volume_um3": np.array([4.0, 6.0])}
    page = objects_report(
        RECORD, [replace(outcome, facts=object_facts(in_um, (1, 2, 3), "ZYX"))], in_um
    )
    assert "<b>5 <small>µm³</small></b>" in page and "5.0 µm³" in page


def test_one_image_without_objects_reads_as_such(table):
    empty = {name: column[:0] for name, column in table.items()}
    page = objects_report(RECORD, [Outcome("a")], empty)
    assert "<b>1</b><span>image</span>" in page and "<b>0</b><span>objects</span>" in page
    assert "<b>–</b><span>area of an object (median)</span>" in page  # no unit of nothing


def test_pictures_of_stacks_say_which_plane_they_show():
    movie = Image(np.zeros((3, 8, 16, 16), np.uint8), "TZYX")
    assert shown_fact(movie)["shown"] == "shown: frame 2 of 3, plane 5 of 8"
    assert shown_fact(Image(np.zeros((16, 16), np.uint8), "YX")) == {}
