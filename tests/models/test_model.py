import numpy as np
import pytest

pytest.importorskip("onnx")

from dataclasses import replace

from cellwright import AxesError, InputError, UsageError
from cellwright.images.image import Image
from cellwright.images.normalise import Normalisation
from cellwright.methods.offsets.readout import OffsetsReadout
from cellwright.models.card import RGB, InputContract
from cellwright.models.load import load_model
from cellwright.quality.calibration import Calibration
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from models.oracle import NAMES, oracle_image, oracle_package

EVIDENCE = OffsetsReadout.evidence_names


def by_area(log_middle, slope):
    """Return a calibration that believes in large objects and looks at nothing else."""
    only = [float(name == "log area") for name in EVIDENCE]
    mean, slopes = [log_middle * one for one in only], [slope * one for one in only]
    return Calibration(EVIDENCE, tuple(mean), (1.0,) * len(only), tuple(slopes), 0.0)


@pytest.fixture(scope="module")
def truth():
    _, labels = simulate_field(NucleiSimulation(size=(150, 170), diameter=18), seed=2)
    labels[0, 0] = labels[-1, -1] = 0
    return labels


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    path = tmp_path_factory.mktemp("oracle") / "oracle"
    oracle_package(path)
    return load_model(path)


def same_objects(found, expected):
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
    return pairs.shape[1] == len(np.unique(expected)) == len(np.unique(found))


def test_a_network_that_knows_the_truth_gives_the_truth(oracle, truth):
    found = oracle.segment(oracle_image(truth))
    assert found.labels.dtype == np.int32
    assert same_objects(found.labels, truth)
    assert found.scale == 1 and not found.warnings


def test_what_was_found_is_told_in_one_line(oracle, truth):
    found, places = oracle.segment(oracle_image(truth)), oracle.detect(oracle_image(truth))
    objects = len(found.table["label"])
    assert repr(found).startswith(f"<Segmentation: {objects} objects, typically ")
    assert repr(found).endswith(" px across, in 150 × 170 px>")
    assert repr(places).startswith(f"<Detections: {objects} objects, typically ")
    nothing = oracle.segment(oracle_image(np.zeros_like(truth)))
    assert repr(nothing) == "<Segmentation: 0 objects, in 150 × 170 px>"


def test_what_cannot_be_put_right_in_a_mirror_is_not_averaged(tmp_path):
    oracle_package(tmp_path / "masks", method="masks")
    load_model(tmp_path / "masks")
    with pytest.raises(UsageError, match="method 'masks', whose maps cannot"):
        load_model(tmp_path / "masks", tta=True)


class Counting:
    """A network that counts how often it is asked."""

    def __init__(self, network):
        self.network, self.looks = network, 0

    def __getattr__(self, name):
        return getattr(self.network, name)

    def __call__(self, pixels):
        self.looks += 1
        return self.network(pixels)


@pytest.mark.parametrize(
    ("card", "asked", "dark", "bright"),
    [
        ("never", None, 1, 1),
        ("bright ground", None, 1, 4),
        ("always", None, 4, 4),
        ("never", True, 4, 4),
        ("always", False, 1, 1),
        ("bright ground", False, 1, 1),
    ],
)
def test_the_card_says_which_images_are_seen_in_mirrors_unless_asked(
    tmp_path, truth, card, asked, dark, bright
):
    contract = InputContract(NAMES, Normalisation(0, 100), 20.0, (2.0, 200.0), tta=card)
    oracle_package(tmp_path / "oracle", input=contract)
    model = load_model(tmp_path / "oracle", tta=asked)
    model.network = counting = Counting(model.network)
    image = oracle_image(truth)
    negative = Image(image.data.max() - image.data, image.axes)
    for one, looks in ((image, dark), (negative, bright)):
        counting.looks = 0
        seen = model.seen(one, None)
        model.find_maps(seen, 1.0)
        assert (seen.bright, counting.looks) == (one is negative, looks)


def test_the_table_describes_the_labels(oracle, truth):
    found = oracle.segment(oracle_image(truth))
    count = found.labels.max()
    assert list(found.table) == ["label", "confidence", "row", "column", "area", "at_border"]
    assert np.array_equal(found.table["label"], np.arange(1, count + 1))
    assert np.array_equal(found.table["area"], np.bincount(found.labels.ravel())[1:])
    inside = found.table["row"].astype(int), found.table["column"].astype(int)
    assert np.array_equal(found.labels[inside], found.table["label"])
    areas = np.bincount(truth.ravel())[1:]
    assert found.diameter == pytest.approx(2 * np.sqrt(np.median(areas) / np.pi), rel=0.1)


@pytest.mark.parametrize("tile", [32, 64, 100])
def test_tiles_change_nothing(oracle, truth, tile):
    image = oracle_image(truth)
    whole, tiled = oracle.segment(image, diameter=18), oracle.segment(image, diameter=18, tile=tile)
    assert np.array_equal(whole.labels, tiled.labels)


def test_small_objects_and_those_at_the_border_can_be_left_out(oracle, truth):
    image = oracle_image(truth)
    areas = np.bincount(truth.ravel())[1:]
    large = oracle.segment(image, min_size=100)
    assert large.labels.max() == np.count_nonzero(areas >= 100) < len(areas)
    inner = oracle.segment(image, exclude_border=True).labels
    border = np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]])
    assert inner.max() > 0 and not border.any()


def test_a_sink_gets_provisional_labels_and_a_key_to_the_final_ones(oracle, truth):
    image = oracle_image(truth)
    for diameter in (None, 18.0):
        sink = np.zeros(truth.shape, np.int32)
        streamed = oracle.segment(image, diameter=diameter, min_size=100, sink=sink)
        in_memory = oracle.segment(image, diameter=diameter, min_size=100)
        assert streamed.labels is None
        assert np.array_equal(streamed.relabel[sink], in_memory.labels)


def test_confidence_comes_from_the_calibration_and_the_threshold_obeys(tmp_path, truth):
    oracle_package(tmp_path, calibration=by_area(5.0, 5.0).to_json(), threshold=0.5)
    model = load_model(tmp_path)
    everything = model.segment(oracle_image(truth), threshold=0.0).table
    assert np.corrcoef(everything["confidence"], np.log(everything["area"]))[0, 1] > 0.7
    some = model.segment(oracle_image(truth)).table  # the threshold of the card
    assert 0 < len(some["label"]) < len(everything["label"])
    assert some["confidence"].min() >= 0.5


def test_a_blank_image_has_no_objects(oracle):
    for pixels in (np.zeros((3, 64, 64)), np.zeros((3, 1, 1)), np.zeros((3, 5, 200))):
        found = oracle.segment(Image(pixels.astype(np.float32), "CYX"))
        assert found.labels.shape == pixels.shape[1:] and not found.labels.any()
        assert np.isnan(found.diameter) and len(found.table["label"]) == 0


def test_images_that_do_not_fit_are_explained(oracle):
    with pytest.raises(AxesError, match="axes ZYX, but the model works on single planes"):
        oracle.segment(Image(np.zeros((2, 8, 8)), "ZYX", name="stack"))
    with pytest.raises(UsageError, match=r"has 4 channels \(0, 1, 2, 3\), but the model takes"):
        oracle.segment(Image(np.zeros((4, 8, 8)), "CYX"))
    with pytest.raises(UsageError, match="has no channel 'DAPI'"):
        oracle.segment(Image(np.zeros((4, 8, 8)), "CYX"), channel="DAPI")
    with pytest.raises(UsageError, match="diameter must be 1 px or more"):
        oracle.segment(Image(np.zeros((3, 8, 8)), "CYX"), diameter=-1)
    with pytest.raises(UsageError, match="confidence between 0 and 1"):
        oracle.segment(Image(np.zeros((3, 8, 8)), "CYX"), threshold=50)
    with pytest.raises(InputError, match="1 of 192 pixels of 'image' are NaN"):
        oracle.segment(Image(np.append(np.nan, np.zeros(191)).reshape(3, 8, 8), "CYX"))


def test_plain_arrays_are_taken_and_paths_are_not(oracle):
    pixels = np.zeros((8, 9))
    assert oracle.predict(pixels).shape == oracle.segment(pixels).labels.shape == (8, 9)
    with pytest.raises(AxesError, match="neither"):
        oracle.segment(np.zeros((4, 8, 9)))
    with pytest.raises(InputError, match=r"'cells.tif' is no image.*cellwright.read"):
        oracle.segment("cells.tif")


def test_a_package_without_weights_runs_all_the_same(oracle):
    assert oracle.card.name == "oracle" and len(oracle.sha256) == 64


@pytest.mark.parametrize("learned", [False, True])
def test_several_dyes_are_announced_unless_the_model_learned_from_such_pictures(tmp_path, learned):
    from cellwright.quality.novelty import fit_novelty

    novelty = fit_novelty(np.random.default_rng(0).normal(size=(4, 14)), ["x"] * 4)
    channels = InputContract(RGB, Normalisation(0, 100), 20.0, (2.0, 200.0))
    oracle_package(
        tmp_path, input=channels, novelty=replace(novelty, several_dyes=learned).to_json()
    )
    field = simulate_field(NucleiSimulation(size=(90, 90)), seed=1)[0]
    composite = np.stack([np.zeros_like(field), np.flip(field), field])
    found = load_model(tmp_path).segment(Image(composite, "CYX", channel_names=RGB))
    assert any(said.startswith("Several dyes") for said in found.warnings) is not learned


def test_an_image_unlike_the_training_images_is_announced(tmp_path, truth):
    from cellwright.quality.novelty import fit_novelty, image_features

    rng = np.random.default_rng(0)
    turned = [
        np.rot90(truth, quarters)[:, ::side].copy() for quarters in range(4) for side in (1, -1)
    ]
    for labels in turned:
        labels[0, 0] = labels[-1, -1] = 0
    alike = [oracle_image(labels) for labels in turned]
    features = np.stack([image_features(image.data) for image in alike])
    oracle_package(tmp_path, novelty=fit_novelty(features, ["x"] * len(alike)).to_json())
    model = load_model(tmp_path)
    usual = model.segment(alike[0])
    assert usual.novelty <= 1 and not usual.warnings
    noise = rng.normal(size=alike[0].shape).astype(np.float32)
    odd = model.segment(replace(alike[0], data=noise))
    assert odd.novelty > 1 and odd.warnings[0].startswith("Unlike the training data: ")
    assert "Look at what it found" in odd.warnings[0] and "train one" in odd.warnings[0]
