"""Scores of models of boxes."""

import json

import numpy as np
import pytest

pytest.importorskip("onnx")

from click.testing import CliRunner
from tifffile import imwrite

from cellwright import DatasetError
from cellwright.cli.program import program
from cellwright.images.write import write
from cellwright.measure.tables import read_csv
from cellwright.runs.evaluate.run import evaluate
from models.box_oracle import KINDS, box_oracle_image, box_oracle_package

RED, WHITE = KINDS
SHAPE = (72, 90)
SHOWN = [[5, 8, 25, 30], [30, 40, 52, 61], [40, 8, 70, 30]]


def annotated(root, rows):
    """Write a dataset of two images that show the same boxes, annotated as `rows` say."""
    for name in ("p", "q"):
        write(root / f"images/{name}.tif", box_oracle_image(SHOWN, [0, 1, 1], SHAPE))
    lines = ["image,class,min_row,min_col,max_row,max_col,split"]
    lines += [f"{name},{kind},{','.join(map(str, box))},val" for name, kind, box in rows]
    (root / "boxes.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    path = tmp_path_factory.mktemp("oracle") / "oracle"
    box_oracle_package(path)
    return path


TRUTH = list(zip((RED, WHITE, WHITE), SHOWN, strict=True))


def test_the_oracle_is_perfect_where_the_annotation_is(oracle, tmp_path):
    data = annotated(tmp_path / "data", [(n, *one) for n in "pq" for one in TRUTH])
    metrics = evaluate(oracle, data, tmp_path / "out").metrics
    assert metrics == json.loads((tmp_path / "out/metrics.json").read_text())
    assert (metrics["AP"], metrics["AP50"], metrics["AP75"]) == (1, 1, 1)
    assert (metrics["precision"], metrics["recall"], metrics["true_objects"]) == (1, 1, 6)
    assert metrics["per_class"][WHITE]["true_objects"] == 4


def test_a_wrong_class_a_missing_and_an_invented_box_cost_what_they_should(oracle, tmp_path):
    rows = [("p", *one) for one in TRUTH]
    rows += [("q", WHITE, SHOWN[0]), ("q", WHITE, SHOWN[1]), ("q", RED, [50, 60, 70, 85])]
    data = annotated(tmp_path / "data", rows)
    metrics = evaluate(oracle, data, tmp_path / "out").metrics
    red, white = metrics["per_class"][RED], metrics["per_class"][WHITE]
    # Red: 2 true, 2 found, 1 right. White: 4 true, 4 found, 3 right.
    assert (red["precision"], red["recall"]) == (0.5, 0.5)
    assert (white["precision"], white["recall"]) == (0.75, 0.75)
    assert metrics["F1"] == pytest.approx(4 / 6)
    assert metrics["calibration"]["objects"] == 6
    rows = read_csv(tmp_path / "out/images.csv")
    assert rows[f"true {RED}"].tolist() == [1, 1] and rows[f"right {WHITE}"].tolist() == [2, 1]
    assert rows["F1"].tolist() == pytest.approx([1, 1 / 3])


def test_boxes_found_where_nobody_looked_are_not_false(oracle, tmp_path):
    """Of numbered objects with parts of which nothing is known."""
    rows = "image,label,class\n"
    for name in ("p", "q"):
        write(tmp_path / f"data/val/images/{name}.tif", box_oracle_image(SHOWN, [0, 1, 1], SHAPE))
        labels = np.zeros(SHAPE, np.int32)
        for number, (top, left, bottom, right) in enumerate(SHOWN[:2], 1):
            labels[top:bottom, left:right] = number
            rows += f"{name},{number},{KINDS[number - 1]}\n"
        labels[SHOWN[2][0] :, : SHOWN[2][3]] = -1 if name == "p" else 0
        (tmp_path / "data/val/labels").mkdir(exist_ok=True)
        imwrite(tmp_path / f"data/val/labels/{name}.tif", labels)
    (tmp_path / "data/classes.csv").write_text(rows, encoding="utf-8")
    metrics = evaluate(oracle, tmp_path / "data", tmp_path / "out", split="val").metrics
    assert (metrics["true_objects"], metrics["predicted_objects"]) == (4, 5)
    found = read_csv(tmp_path / "out/images.csv")
    assert found["F1"].tolist() == pytest.approx([1, 0.8])


def test_counts_depend_on_the_threshold_average_precision_does_not(oracle, tmp_path):
    data = annotated(tmp_path / "data", [(n, *one) for n in "pq" for one in TRUTH])
    metrics = evaluate(oracle, data, tmp_path / "out", threshold=1.0).metrics
    assert metrics["AP50"] == 1 and metrics["recall"] == 0


def test_classes_that_the_model_does_not_know_are_refused(oracle, tmp_path):
    data = annotated(tmp_path / "data", [("p", "mauve", SHOWN[0]), ("q", RED, SHOWN[0])])
    with pytest.raises(DatasetError, match="'mauve'"):
        evaluate(oracle, data, tmp_path / "out")


def test_the_program_prints_each_class(oracle, tmp_path):
    data = annotated(tmp_path / "data", [(n, *one) for n in "pq" for one in TRUTH])
    arguments = ["evaluate", str(oracle), str(data), "-o", str(tmp_path / "out")]
    shown = CliRunner().invoke(program, arguments)
    assert shown.exit_code == 0
    assert "6 boxes in 2 images" in shown.stdout
    assert f"{RED}: AP50 1.000" in shown.stdout
