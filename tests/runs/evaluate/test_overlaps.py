"""Models that find whole objects, and others, against objects that overlap."""

from types import SimpleNamespace

import numpy as np
import pytest

from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.images.layers import flattened
from cellwright.models.instances import Segmentation
from cellwright.runs.evaluate.instances import Evaluation
from cellwright.runs.evaluate.scoring import score
from cellwright.runs.segment.overlaps import write_layers
from datasets.dataset_builders import save

SIZE = (40, 60)


def discs():
    """Three in a row, each over the one before."""
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    masks = [(y - 20) ** 2 + (x - middle) ** 2 <= 144 for middle in (14, 28, 42)]
    layers = np.zeros((2, *SIZE), np.int32)
    layers[0][masks[0]], layers[0][masks[2]] = 1, 3
    layers[1][masks[1]] = 2
    return layers


class Oracle:
    """A model that knows the truth, and can, or cannot, tell what is hidden."""

    object_classes = ()

    def __init__(self, tells_overlaps):
        self.tells_overlaps = tells_overlaps
        self.card = SimpleNamespace(network=SimpleNamespace(dimensions=2))

    def segment(self, image, *, threshold=None, diameter=None, overlaps=False):
        assert overlaps == self.tells_overlaps
        layers = discs()
        labels = flattened(layers)
        layer, *place = np.nonzero((layers > 0) & (layers != labels))
        covered = np.stack([layers[layer, *place], *place], 1) if overlaps else None
        return Segmentation(
            labels=labels,
            relabel=np.arange(4),
            table={"label": np.arange(1, 4), "confidence": np.ones(3)},
            scale=1.0,
            diameter=24.0,
            evidence=np.zeros((3, 1), np.float32),
            novelty=np.nan,
            covered=covered,
        )


@pytest.fixture
def examples(tmp_path):
    """One image whose annotation is what ``segment --overlaps`` would write of it."""
    save(tmp_path / "images/a.tif", np.zeros(SIZE, np.uint8))
    (tmp_path / "overlaps").mkdir()
    write_layers(tmp_path / "overlaps/a.tif", {(): discs()}, Image(discs()[0], "YX"))
    return open_dataset(tmp_path).examples


def test_whole_objects_are_right_where_labels_cannot_be(examples):
    found = {}
    for whole in (True, False):
        evaluation = found[whole] = Evaluation()
        for scored in score(Oracle(whole), examples):
            evaluation.add(scored)
            assert scored.known.all() and scored.correct.all()
    assert found[True].scores[""].pooled("average_precision", 0.95) == 1
    assert found[False].scores[""].pooled("average_precision", 0.5) == 1
    assert found[False].scores[""].pooled("average_precision", 0.95) == pytest.approx(1 / 5)
    assert not found[True].warnings and "overlap" in found[False].warnings[0]
