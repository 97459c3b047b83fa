"""The README says what is so."""

import json
from pathlib import Path

import pytest

from cellwright.models.find import SHIPPED

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("fluorescence | 57", "fluorescence (57 images)"),
        ("stained tissue | 7", "stained (7 images)"),
        ("brightfield | 1", "brightfield (1 image)"),
    ],
)
def test_the_accuracy_of_the_shipped_model_is_that_of_its_card(row, kind):
    figures = json.loads((SHIPPED / "nuclei" / "model.json").read_text("utf-8"))["evaluation"]
    cells = (
        f"{figures[f'AP@{iou} per image, {kind}']:.2f} / {figures[f'AP@{iou} pooled, {kind}']:.2f}"
        for iou in ("0.5", "0.8", "0.9")
    )
    assert f"| {row} | {' | '.join(cells)} |" in README


def test_the_accuracy_of_the_model_of_blood_is_that_of_its_card():
    figures = json.loads((SHIPPED / "blood" / "model.json").read_text("utf-8"))["evaluation"]
    assert f"on {figures['images']} others: {figures['AP50']:.2f}" in README
