import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tifffile import imwrite

pytest.importorskip("onnx")

from cellwright import DatasetError, OutputError, UsageError
from cellwright.cli.evaluate import evaluate as command
from cellwright.cli.program import program
from cellwright.images.read import read_labels
from cellwright.images.write import write, write_labels
from cellwright.measure.tables import read_csv
from cellwright.runs.evaluate.run import evaluate
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from models.oracle import oracle_image, oracle_package


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    """An oracle, and four images; the annotation of the last lacks two objects and has one more."""
    root = tmp_path_factory.mktemp("annotated")
    oracle_package(root / "oracle")
    (root / "data/images").mkdir(parents=True)
    (root / "data/labels").mkdir()
    lines = ["id,split,kind"]
    for number in range(4):
        size = NucleiSimulation(size=(96, 120), diameter=16, density=0.15)
        _, labels = simulate_field(size, seed=number)
        labels[0, 0] = labels[-1, -1] = 0
        write(root / f"data/images/{number}.tif", oracle_image(labels))
        if number == 3:
            free = np.argwhere(labels == 0)
            labels[np.isin(labels, (1, 2))] = 0
            y, x = free[len(free) // 2]
            labels[y, x] = labels.max() + 1
        write_labels(root / f"data/labels/{number}.tif", labels)
        lines.append(f"{number},{'val' if number else 'train'},{'easy' if number < 3 else 'hard'}")
    (root / "data/index.csv").write_text("\n".join(lines) + "\n")
    return root


def test_the_oracle_is_perfect_where_the_annotation_is(annotated, tmp_path):
    result = evaluate(annotated / "oracle", annotated / "data", tmp_path / "out")
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics == result.metrics
    assert metrics["images"] == 3 and metrics["split"] == "val"
    assert metrics["per_kind"]["easy"]["pooled"]["0.9"]["average_precision"] == 1
    hard = metrics["per_kind"]["hard"]["pooled"]["0.5"]
    assert (hard["false_positives"], hard["false_negatives"]) == (2, 1)
    true = hard["true_positives"]
    assert hard["average_precision"] == pytest.approx(true / (true + 3))
    pooled = metrics["pooled"]["0.5"]
    assert pooled["false_positives"] == 2 and pooled["false_negatives"] == 1
    mean = (2 + hard["average_precision"]) / 3
    assert metrics["per_image"]["0.5"]["average_precision"] == pytest.approx(mean)
    assert metrics["calibration"]["objects"] == metrics["predicted_objects"]
    assert metrics["calibration"]["auroc"] == 0.5  # the oracle is sure of everything


def test_every_image_has_a_row(annotated, tmp_path):
    evaluate(annotated / "oracle", annotated / "data", tmp_path / "out", split="all")
    table = read_csv(tmp_path / "out/images.csv", text_columns=("image",))
    assert list(table["image"]) == ["0", "1", "2", "3"]
    assert table["AP@0.5"][:3].tolist() == [1, 1, 1] and table["AP@0.5"][3] < 1
    assert table["predicted_objects"][3] == table["true_objects"][3] + 1


def test_the_same_evaluation_is_not_done_twice_and_another_not_mixed_in(annotated, tmp_path):
    model, data, out = annotated / "oracle", annotated / "data", tmp_path / "out"
    evaluate(model, data, out)
    before = (out / "metrics.json").stat().st_mtime_ns
    evaluate(model, data, out)
    assert (out / "metrics.json").stat().st_mtime_ns == before
    with pytest.raises(OutputError, match="another run"):
        evaluate(model, data, out, split="train")
    evaluate(model, data, out, split="train", overwrite=True)


def test_model_and_dataset_that_were_swapped_are_told(annotated, tmp_path):
    model, data, out = annotated / "oracle", annotated / "data", tmp_path / "out"
    with pytest.raises(UsageError, match=r"swapped: '.*oracle' is a model, and '.*data' is none"):
        evaluate(data, model, out)
    printed = CliRunner().invoke(program, ["evaluate", str(data), "nuclei", "-o", str(out)])
    assert printed.exit_code == 2 and "swapped: 'nuclei' is a model" in printed.output
    printed = CliRunner().invoke(program, ["evaluate", "nuclei", str(data) + "x", "-o", str(out)])
    assert printed.exit_code == 2 and "Did you mean" in printed.output
    assert not out.exists()


def test_a_missing_split_is_explained(annotated, tmp_path):
    with pytest.raises(
        DatasetError, match=r"no images of the split 'test', only .*the argument split='all'"
    ):
        evaluate(annotated / "oracle", annotated / "data", tmp_path / "out", split="test")


def test_the_command_prints_the_figures(annotated, tmp_path):
    arguments = [str(annotated / "oracle"), str(annotated / "data"), "-o", str(tmp_path / "out")]
    printed = CliRunner().invoke(command, arguments)
    assert printed.exit_code == 0, printed.output
    assert "AP@0.5 per image 0." in printed.output and "in 3 images" in printed.output
    as_json = CliRunner().invoke(command, [*arguments, "--json"])
    assert json.loads(as_json.stdout)["images"] == 3


def test_images_of_which_nothing_is_known_have_no_scores(annotated, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(annotated / "data", data)
    usual = evaluate(annotated / "oracle", data, tmp_path / "usual", split="all").metrics
    for number in (0, 1):
        labels, _ = read_labels(data / f"labels/{number}.tif")
        imwrite(data / f"labels/{number}.tif", np.full(labels.shape, -1, np.int32))
    metrics = evaluate(annotated / "oracle", data, tmp_path / "out", split="all").metrics
    assert metrics["images"] == usual["images"] - 2
    assert metrics["per_image"]["0.5"]["f1"] < usual["per_image"]["0.5"]["f1"] < 1
    assert next(w for w in metrics["warnings"] if "Nothing is known" in w).startswith(
        "Nothing is known of '0'"
    )
    rows = read_csv(tmp_path / "out/images.csv")
    assert np.isnan(rows["AP@0.5"]).tolist() == [True, True, False, False]
    for number in (2, 3):
        labels, _ = read_labels(data / f"labels/{number}.tif")
        imwrite(data / f"labels/{number}.tif", np.full(labels.shape, -1, np.int32))
    arguments = [str(annotated / "oracle"), str(data), "-o", str(tmp_path / "none")]
    printed = CliRunner().invoke(command, arguments)
    assert printed.exit_code == 0 and "No image of which anything is known" in printed.output


def test_masks_and_images_in_two_splits_are_not_scored_in_silence(annotated, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(annotated / "data", data)
    labels, _ = read_labels(data / "labels/1.tif")
    write_labels(data / "labels/1.tif", (labels > 0) * np.int32(255), overwrite=True)
    shutil.copy(data / "images/0.tif", data / "images/2.tif")  # 0 is for training
    result = evaluate(annotated / "oracle", data, tmp_path / "out")
    leak, mask = result.metrics["warnings"]
    assert "not independent" in leak and "0.tif" in leak
    assert "labels/1.tif" in Path(mask.split("'")[1]).as_posix() and "a mask" in mask
    arguments = [str(annotated / "oracle"), str(data), "-o", str(tmp_path / "out")]
    assert "Note: " + mask in CliRunner().invoke(command, arguments).output
