import numpy as np
import pytest

from cellwright.inference.objects import kept, relabelling, selected

OBJECTS = {
    "label": np.array([1, 2, 3, 4], np.int32),
    "area": np.array([50, 4, 0, 80]),
    "at_border": np.array([True, False, False, False]),
    "confidence": np.array([0.9, 0.8, 0.9, 0.2], np.float32),
}


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ({}, [1, 2, 4]),
        ({"min_area": 5}, [1, 4]),
        ({"min_area": 50}, [1, 4]),
        ({"min_confidence": 0.5}, [1, 2]),
        ({"exclude_border": True}, [2, 4]),
        ({"min_area": 5, "min_confidence": 0.5, "exclude_border": True}, []),
    ],
)
def test_each_rule_leaves_out_what_it_says(rule, labels):
    assert OBJECTS["label"][kept(OBJECTS, **rule)].tolist() == labels


def test_image_and_table_agree_after_relabelling():
    labels = np.array([[0, 1, 2], [2, 4, 4]], np.int32)
    keep = kept(OBJECTS, exclude_border=True)
    new = relabelling(keep)[labels]
    assert new.dtype == np.int32
    assert new.tolist() == [[0, 0, 1], [1, 2, 2]]
    table = selected(OBJECTS, keep)
    assert table["label"].tolist() == [1, 2]
    assert table["area"].tolist() == [4, 80]


def test_no_objects_are_no_special_case():
    empty = {name: column[:0] for name, column in OBJECTS.items()}
    keep = kept(empty, min_confidence=0.5)
    assert relabelling(keep).tolist() == [0]
    assert len(selected(empty, keep)["label"]) == 0
