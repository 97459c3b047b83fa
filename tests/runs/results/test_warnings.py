import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from cellwright.images.image import Image
from cellwright.images.normalise import Normalisation
from cellwright.models.card import InputContract, ModelCard, NetworkFacts
from cellwright.quality.novelty import fit_novelty, image_features
from cellwright.runs.results.warnings import (
    image_warnings,
    kind,
    object_warnings,
    one_of_each_kind,
    without_consequences,
)
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field


@pytest.fixture(scope="module")
def card():
    settings = NucleiSimulation(size=(160, 160), diameter=20)
    images = [simulate_field(settings, seed)[0].astype(np.float32) for seed in range(6)]
    features = np.array([image_features(image[np.newaxis]) for image in images])
    return ModelCard(
        name="toy",
        version="1",
        description="",
        task="instances",
        method="offsets",
        readout={},
        network=NetworkFacts({}, (1, 1), (0, 0), 200),
        input=InputContract(("grey",), Normalisation(), 20.0, (10.0, 40.0)),
        novelty=fit_novelty(features, ["fluorescence"] * 6).to_json(),
    )


@pytest.fixture(scope="module")
def field():
    return simulate_field(NucleiSimulation(size=(300, 300), diameter=20), seed=9)


def kinds(pixels, card):
    return {kind(text) for text in image_warnings(Image(pixels, "YX"), card, (), 20.0)}


def test_a_sharp_field_is_not_warned_about_its_focus(field, card):
    assert not kinds(field[0], card) & {"Out of focus", "Labels", "Empty"}


def test_a_blurred_field_is(field, card):
    assert "Out of focus" in kinds(gaussian_filter(field[0].astype(np.float32), 8), card)


def test_labels_given_as_an_image_are_noticed(field, card):
    assert kinds(field[1].astype(np.uint16), card) == {"Labels"}


def test_many_objects_cut_off_by_the_border_are_noticed():
    table = {"label": np.arange(10), "touches_border": np.arange(10) < 4}
    assert [kind(text) for text in object_warnings(table)] == ["Border"]
    assert object_warnings({**table, "touches_border": np.zeros(10, bool)}) == []
    assert "nothing was found" in object_warnings({"label": np.zeros(0)})[0]


def test_that_an_image_shows_nothing_is_said_once(card):
    blank = np.full((200, 200), 7, np.uint16)
    nothing = object_warnings({"label": np.zeros(0)})
    unlike = ["Unlike the training data: …"]
    told = image_warnings(Image(blank, "YX"), card, (), np.nan)
    assert [kind(one) for one in told] == ["Constant"]
    assert without_consequences([*unlike, *told, *nothing]) == told
    assert without_consequences([*unlike, *nothing]) == [*unlike, *nothing]


def test_a_warning_is_not_repeated_for_every_frame():
    assert one_of_each_kind(["A: 1", "B: 2", "A: 3"]) == ("A: 1", "B: 2")


def test_a_smoothly_enlarged_image_is_not_taken_for_labels(field, card):
    enlarged = zoom(field[0] // 256, 6, order=1).astype(np.uint8)
    assert "Labels" not in kinds(enlarged, card)
    assert "Labels" not in kinds(np.full((100, 100), 65535, np.uint16), card)
