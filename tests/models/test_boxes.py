"""Models of boxes: what they find, whatever the tiles and the scale."""

import numpy as np
import pytest

pytest.importorskip("onnx")

from cellwright import UsageError
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.models.load import load_instance_model, load_model
from models.box_oracle import KINDS, box_oracle_image, box_oracle_package
from models.oracle import oracle_image, oracle_package

CORNERS = [[5, 8, 25, 30], [20.5, 40, 44, 61.25], [60, 10, 90, 34], [0, 60, 16, 80]]
CLASSES = [0, 1, 1, 0]
SHAPE = (97, 120)
NAMES_OF_EVIDENCE = list(BoxesReadout.evidence_names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("boxes")


@pytest.fixture(scope="module")
def model(folder):
    box_oracle_package(folder / "oracle")
    return load_model(folder / "oracle")


@pytest.fixture(scope="module")
def image():
    return box_oracle_image(CORNERS, CLASSES, SHAPE)


def by_place(boxes):
    return boxes[np.lexsort(boxes.T)]


def test_boxes_and_classes_are_those_of_the_truth(model, image):
    found = model.detect(image)
    np.testing.assert_allclose(by_place(found.boxes), by_place(np.array(CORNERS)), atol=0.01)
    for box, name in zip(found.boxes, found.table["class"], strict=True):
        nearest = np.argmin(np.abs(np.array(CORNERS) - box).sum(1))
        assert name == KINDS[CLASSES[nearest]]
    assert found.table["label"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(
        found.table["centroid-0"], (found.boxes[:, 0] + found.boxes[:, 2] - 1) / 2
    )
    assert found.table["touches_border"].tolist() == (found.boxes[:, 0] < 1).tolist()
    assert found.scale == 1 and 18 < found.diameter < 28
    assert model.predict(image).keys() == found.table.keys()


@pytest.mark.parametrize("tile", [16, 40, 64])
def test_the_tiles_change_nothing(model, image, tile):
    whole, tiled = model.detect(image), model.detect(image, tile=tile)
    assert whole.table.keys() == tiled.table.keys()
    for name, column in whole.table.items():
        np.testing.assert_array_equal(column, tiled.table[name])
    np.testing.assert_array_equal(whole.evidence, tiled.evidence)


def test_boxes_come_back_to_the_grid_of_the_image(folder, image):
    from cellwright.images.normalise import Normalisation
    from cellwright.models.card import InputContract
    from models.box_oracle import NAMES

    # Objects of 20 px are seen at 40 px, where the maps say distances twice too short.
    contract = InputContract(NAMES, Normalisation(0, 100), 40.0, (30.0, 50.0))
    box_oracle_package(folder / "large", input=contract)
    found = load_model(folder / "large").detect(image, diameter=20.0)
    assert found.scale == 2
    as_trained = InputContract(NAMES, Normalisation(0, 100), 40.0, (30.0, 50.0), scale=2.0)
    box_oracle_package(folder / "trained", input=as_trained)
    again = load_model(folder / "trained").detect(image)
    np.testing.assert_array_equal(again.boxes, found.boxes)
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    true = (np.array(CORNERS)[:, :2] + np.array(CORNERS)[:, 2:]) / 2
    inner = [np.abs(true - middle).max(1).min() for middle in middles]
    assert len(found) >= 3 and np.median(inner) < 1


def test_doubtful_objects_and_those_at_the_border_can_be_left_out(model, image):
    doubtful = box_oracle_image(CORNERS, CLASSES, SHAPE, quality=-2.0)
    assert len(model.detect(doubtful)) == 4
    assert len(model.detect(doubtful, threshold=0.9)) == 0
    assert len(model.detect(image, exclude_border=True)) == 3
    with pytest.raises(UsageError, match="between 0 and 1"):
        model.detect(image, threshold=2)
    with pytest.raises(UsageError, match="1 px or more"):
        model.detect(image, diameter=0)


def test_every_class_may_have_a_least_confidence_of_its_own(folder, image):
    strict = {KINDS[1]: 0.9}
    doubtful = box_oracle_image(CORNERS, CLASSES, SHAPE, quality=-2.0)
    calibration = {"names": NAMES_OF_EVIDENCE, "mean": [0.0] * 6, "scale": [1.0] * 6}
    calibration |= {"coefficients": [0.0] * 6, "intercept": 0.0}  # all are as likely as not
    box_oracle_package(folder / "strict", class_thresholds=strict, calibration=calibration)
    model = load_model(folder / "strict")
    assert model.card.class_thresholds == strict
    assert model.card.to_json()["format_version"] == 2
    assert set(model.detect(doubtful).table["class"]) == {KINDS[0]}
    assert set(model.detect(doubtful, threshold=0.4).table["class"]) == set(KINDS[:2])
    assert len(model.detect(doubtful, threshold=0.6)) == 0


def test_an_image_without_objects_has_an_empty_table(model):
    found = model.detect(box_oracle_image([], [], SHAPE))
    assert len(found) == 0 and found.boxes.shape == (0, 4) and np.isnan(found.diameter)
    assert found.table["class"].dtype.kind == "U"


def test_a_model_of_outlines_tells_boxes_without_keeping_labels(folder):
    from scipy.ndimage import center_of_mass, find_objects

    oracle_package(folder / "outlines")
    labels = np.zeros((80, 70), np.int32)
    labels[5:20, 3:22], labels[30:50, 40:52], labels[60:80, 8:30] = 1, 2, 3
    found = load_instance_model(folder / "outlines").detect(oracle_image(labels))
    boxes = [[*(s.start for s in box), *(s.stop for s in box)] for box in find_objects(labels)]
    np.testing.assert_array_equal(found.boxes, boxes)
    centres = np.array(center_of_mass(labels > 0, labels, [1, 2, 3]))
    np.testing.assert_allclose(found.table["centroid-0"], centres[:, 0])
    assert found.table["touches_border"].tolist() == [False, False, True]
    assert set(found.table["class"]) == {"object"}


def test_a_model_of_boxes_is_none_of_outlines(folder, model):
    from cellwright import ModelError

    with pytest.raises(ModelError, match="boxes"):
        load_instance_model(folder / "oracle")
