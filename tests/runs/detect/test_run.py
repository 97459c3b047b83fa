"""``cellwright detect``: what is where, counted."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")

from cellwright import UsageError
from cellwright.cli.program import program
from cellwright.datasets.coco import read_coco
from cellwright.images.image import Image
from cellwright.images.write import write
from cellwright.measure.tables import read_csv, read_parquet
from cellwright.runs.detect.options import DetectOptions
from cellwright.runs.detect.run import detect
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import preview_segmentation, segment_images
from models.box_oracle import KINDS, NAMES, box_oracle_image, box_oracle_package
from models.oracle import oracle_image, oracle_package

SHAPE = (72, 90)
FIELDS = {
    "a": ([[5, 8, 25, 30], [30, 40, 52, 61], [40, 8, 70, 30]], [0, 1, 1]),
    "b": ([[10, 20, 33, 45]], [0]),
    "empty": ([], []),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("detect")
    box_oracle_package(root / "boxes")
    oracle_package(root / "outlines")
    oracle_package(
        root / "classes", task="classes", method="classes", readout={"classes": ["x", "y"]}
    )
    for name, (corners, kinds) in FIELDS.items():
        image = box_oracle_image(corners, kinds, SHAPE)
        pixels = Image(image.data, "CYX", (0.5, 0.5), channel_names=NAMES)
        write(root / f"images/{name}.tif", pixels)
    (root / "images/broken.tif").write_bytes(b"II*\0 nothing")
    return root


@pytest.fixture(scope="module")
def result(root):
    return detect(root / "images", root / "out", model=root / "boxes")


def test_there_is_a_row_for_each_object_and_broken_files_are_named(root, result):
    assert (result.images, result.objects, list(result.failures)) == (3, 4, ["broken"])
    table = read_csv(root / "out/objects.csv")
    assert list(table)[:5] == ["image", "label", "class", "class_prob", "confidence"]
    assert table["image"].tolist() == ["a", "a", "a", "b"]
    assert table["label"].tolist() == [1, 2, 3, 1]
    assert table["class"].tolist() == [KINDS[0], KINDS[1], KINDS[1], KINDS[0]]
    np.testing.assert_allclose(table["height"], [20, 22, 30, 23], atol=0.01)
    np.testing.assert_allclose(table["width_um"], table["width"] / 2)
    np.testing.assert_allclose(table["centroid_um-1"], table["centroid-1"] / 2)
    np.testing.assert_allclose(table["bbox-3"] - table["bbox-1"], table["width"])
    assert read_parquet(root / "out/objects.parquet").keys() == table.keys()


def test_other_programs_read_the_boxes(root, result):
    coco = read_coco(root / "out/coco.json")
    assert [image.file_name for image in coco.images] == ["a.tif", "b.tif", "empty.tif"]
    assert {(image.height, image.width) for image in coco.images} == {SHAPE}
    boxes = coco.objects[1]
    assert [box.category for box in boxes] == [KINDS[0], KINDS[1], KINDS[1]]
    np.testing.assert_allclose(boxes[0].box, [8, 5, 22, 20], atol=0.02)
    content = json.loads((root / "out/coco.json").read_text())
    assert all(0 <= one["score"] <= 1 for one in content["annotations"])
    assert [one["name"] for one in content["categories"]] == list(KINDS)


def test_the_report_counts_classes_and_shows_frames(root, result):
    page = (root / "out/report.html").read_text(encoding="utf-8")
    assert "Show boxes" in page
    assert "4 objects in 3 images" in page
    assert f"{KINDS[0]}: 1 · {KINDS[1]}: 2" in page
    assert page.count("data:image/png") >= 3 and "broken" in page
    record = json.loads((root / "out/run.json").read_text())
    assert record["command"] == "detect" and record["model"]["name"] == "box-oracle"


def test_the_same_command_again_does_what_is_left(root, tmp_path):
    images = [root / "images/a.tif", root / "images/b.tif"]
    detect(images, tmp_path / "out", model=root / "boxes")
    before = (tmp_path / "out/objects.csv").stat().st_mtime_ns
    again = detect(images, tmp_path / "out", model=root / "boxes")
    assert again.seconds == 0 and again.objects == 4
    assert (tmp_path / "out/objects.csv").stat().st_mtime_ns == before


def test_every_frame_of_a_movie_is_an_image_of_its_own(root, tmp_path):
    frames = [box_oracle_image(*FIELDS[name], SHAPE).data for name in ("a", "b")]
    write(tmp_path / "movie.tif", Image(np.stack(frames), "TCYX", channel_names=NAMES))
    detect(tmp_path / "movie.tif", tmp_path / "out", model=root / "boxes")
    table = read_csv(tmp_path / "out/objects.csv")
    assert table["frame"].tolist() == [0, 0, 0, 1]
    assert table["label"].tolist() == [1, 2, 3, 4]
    content = json.loads((tmp_path / "out/coco.json").read_text())
    assert [image["frame"] for image in content["images"]] == [0, 1]
    assert [one["image_id"] for one in content["annotations"]] == [1, 1, 1, 2]


def test_models_of_outlines_tell_boxes_too(root, tmp_path):
    labels = np.zeros((60, 50), np.int32)
    labels[5:20, 3:22] = 1
    write(tmp_path / "image.tif", oracle_image(labels))
    result = detect(tmp_path / "image.tif", tmp_path / "out", model=root / "outlines")
    table = read_csv(tmp_path / "out/objects.csv")
    assert result.objects == 1
    assert [int(table[f"bbox-{side}"][0]) for side in range(4)] == [5, 3, 20, 22]


def test_models_are_sent_to_the_command_that_they_are_for(root, tmp_path):
    image = root / "images/a.tif"
    with pytest.raises(UsageError, match="use 'cellwright segment'"):
        detect(image, tmp_path / "out", model=root / "classes")
    for wrong in (segment_images, preview_segmentation):
        with pytest.raises(UsageError, match="use 'cellwright detect'"):
            wrong([image], tmp_path / "out", SegmentOptions(), model=root / "boxes")


def test_what_is_asked_for_is_done(root, tmp_path):
    image = root / "images/a.tif"
    few = detect(
        image,
        tmp_path / "few",
        model=root / "boxes",
        options=DetectOptions(threshold=1.0, pixel_size=2.0),
    )
    assert few.objects == 0
    assert read_csv(tmp_path / "few/objects.csv")["width_um"].size == 0


def test_the_program_says_what_was_found_and_what_failed(root, tmp_path):
    arguments = ["detect", str(root / "images"), "-o", str(tmp_path / "out")]
    shown = CliRunner().invoke(program, [*arguments, "--model", str(root / "boxes")])
    assert shown.exit_code == 1
    assert "4 objects in 3 images" in shown.stdout and "1 of 4 images failed" in shown.stderr
