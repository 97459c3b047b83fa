"""Packages of other programs, and our own that come back."""

import io
import pickle
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import yaml

pytest.importorskip("onnx")

from scipy import ndimage
from scipy.special import expit, softmax

from cellwright import Image, ModelError, UsageError, load_model
from cellwright.images.normalise import Normalisation
from cellwright.models import find
from cellwright.models.bioimageio import export_bioimageio
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.exchange import import_model
from cellwright.models.package import load_package, save_package, verify_package
from models.foreign import (
    image,
    maps_of,
    network,
    package_04,
    package_05,
    unpacked,
    zipped,
)

SIGMOID = {"name": "sigmoid"}
RANGE = {
    "name": "scale_range",
    "kwargs": {"mode": "per_sample", "axes": "yx", "min_percentile": 1, "max_percentile": 99.0},
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLWRIGHT_MODELS", str(tmp_path / "mine"))
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "shipped")


def ranged(raw, low=1, high=99.0):
    limits = np.percentile(raw, [low, high], axis=(1, 2), keepdims=True)
    return (raw - limits[0]) / (limits[1] - limits[0] + 1e-6)


STEEP = {"name": "scale_linear", "kwargs": {"axes": "yx", "gain": 20.0, "offset": -10.0}}


def boundary_package():
    raw = image(2)
    expected = expit(maps_of(20 * ranged(raw) - 10))
    return package_04(raw, expected, network(2), before=[RANGE, STEEP], behind=[SIGMOID])


def imported(tmp_path, files, **options):
    return load_model(import_model(zipped(tmp_path / "foreign.zip", files), **options).model.path)


def described(files, change):
    """Return the files of a package with another description."""
    content = yaml.safe_load(files["rdf.yaml"])
    change(content)
    return {**files, "rdf.yaml": yaml.safe_dump(content).encode()}


# Our own


def test_an_exported_model_comes_back_as_it_was(package, tmp_path):
    export_bioimageio(package, tmp_path / "toy.zip")
    back = import_model(tmp_path / "toy.zip").model
    again = load_package(back.path)
    assert back.name == "toy" and again.sha256 == package.sha256 and again.files == package.files
    pixels = np.random.default_rng(0).normal(100, 20, (64, 64)).astype(np.float32)
    before, after = load_model(package.source).predict(pixels), load_model("toy").predict(pixels)
    np.testing.assert_array_equal(before, after)
    assert import_model(tmp_path / "toy.zip").model == back
    with pytest.raises(ModelError, match=r"another model named 'toy'"):
        other = replace(package, card=replace(package.card, version="2"))
        export_bioimageio(other, tmp_path / "other.zip")
        import_model(tmp_path / "other.zip")
    named = import_model(tmp_path / "other.zip", name="newer").model
    assert find.find_model("newer") == named.path and load_model("newer").card.version == "2"


# From elsewhere


def test_a_boundary_model_of_format_04_finds_objects(tmp_path):
    model = imported(tmp_path, boundary_package())
    card = model.card
    assert (card.name, card.task, card.method) == ("cell-boundary-u-net", "instances", "boundary")
    assert card.licence == "CC-BY-4.0" and card.authors == ("Ann Example",)
    assert card.origin["cite"] == ["Example et al. (2021) 10.1234/example"]
    assert card.origin["format"] == "BioImage.IO 0.4.10" and card.origin["covers"] == ["cover.png"]
    assert "longer than 510 px are left out" in card.limits
    inside, seam = np.zeros((2, 60, 70))
    inside[8:32, 8:48] = inside[40:56, 10:40] = 1
    seam[8:32, 27:30] = 1  # cuts the upper one in two
    pixels = np.stack([100 + 900 * inside, 5 * seam]).astype(np.float32)
    found = model.segment(Image(pixels, "CYX"), channel=(0, 1))
    truth, _ = ndimage.label(inside * (1 - seam))
    assert found.labels.max() == 3 and found.scale == 1
    for number in range(1, 4):
        values, counts = np.unique(found.labels[truth == number], return_counts=True)
        assert values[counts.argmax()] > 0 and counts.max() > 0.9 * counts.sum()
    with pytest.raises(UsageError, match=r"Leave out the argument diameter"):
        model.segment(Image(pixels, "CYX"), channel=(0, 1), diameter=20)


def test_what_is_found_does_not_depend_on_the_tiles(tmp_path):
    model = imported(tmp_path, boundary_package())
    assert model.card.network.stride == (2, 2) and model.card.network.halo == (2, 2)
    pixels = np.random.default_rng(1).normal(0, 1, (2, 301, 333)).astype(np.float32)
    pixels = ndimage.gaussian_filter(pixels, (0, 4, 4))
    whole, tiled = (
        model.segment(Image(pixels, "CYX"), channel=(0, 1), tile=tile).labels for tile in (None, 96)
    )
    assert whole.max() > 10
    np.testing.assert_array_equal(whole, tiled)


def test_a_model_of_pixel_classes_of_format_05_says_what_we_compute_by_hand(tmp_path):
    raw = image(3)
    scaled = (raw - raw.mean()) / (raw.std() + 1e-6)
    expected = softmax(maps_of(scaled), axis=0)
    before = [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["channel", "y", "x"]}}]
    names = ("background", "epithelium", "stroma")
    files = package_05(raw, expected, network(3, softmax=True), names, before=before)
    model = load_model(import_model(unpacked(tmp_path / "tissue", files)).model.path)
    assert model.names == names and model.card.version == "1.2"
    assert model.card.input.channels == ("red", "green", "blue")
    pixels = np.random.default_rng(3).normal(100, 20, (3, 40, 50))
    pixels[1] += 5
    maps = maps_of((pixels - pixels.mean()) / pixels.std())
    found = model.segment(Image(pixels, "CYX", channel_names=("red", "green", "blue"))).classes
    assert (found == maps.argmax(0)).mean() > 0.999
    again = import_model(tmp_path / "tissue" / "rdf.yaml").model  # the same by its description
    assert again.name == "tissue-classes"


@pytest.mark.parametrize("dimensions", [2, 3])
def test_what_others_see_of_our_models_computes_the_same(tmp_path, dimensions):
    pytest.importorskip("torch")
    from cellwright.models.export import export_network, network_facts
    from cellwright.networks.registry import network_from_dict

    kind = {"name": "unet", "width": 8, "depth": 2, "dimensions": dimensions}
    made = network_from_dict({**kind, "in_channels": 1, "out_channels": 3}, seed=3)
    files = export_network(made, Normalisation())
    card = ModelCard(
        name="ours",
        version="1",
        description="Random weights.",
        task="classes",
        method="classes",
        readout={"classes": ["one", "two"]},
        network=network_facts(made, files["network.onnx"]),
        input=InputContract(("grey",), Normalisation()),
    )
    package = save_package(tmp_path / "ours", card, files)
    export_bioimageio(package, tmp_path / "ours.zip")
    with pytest.raises(UsageError, match="keeps its method"):
        import_model(tmp_path / "ours.zip", method="classes")
    with zipfile.ZipFile(tmp_path / "ours.zip") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    foreign = described(content, lambda rdf: rdf.pop("attachments"))
    theirs = imported(tmp_path, foreign, method="classes")
    assert theirs.card.network.stride == card.network.stride
    assert theirs.card.network.halo <= card.network.halo
    size = (40, 48, 56)[-dimensions:]
    pixels = np.random.default_rng(0).gamma(2.0, 50.0, size).astype(np.float32)
    image = Image(pixels, "ZYX"[-dimensions:])
    ours = load_model(tmp_path / "ours").segment(image).classes
    assert (theirs.segment(image).classes == ours).mean() > 0.999
    assert theirs.names[1:] == ("one", "two")


def normal(raw, axes):
    return (raw - raw.mean(axes, keepdims=True)) / (raw.std(axes, keepdims=True) + 1e-6)


def per_channel(*values):
    return np.array(values)[:, None, None]


LINEAR = {"id": "scale_linear", "kwargs": {"gain": [0.01, 0.002], "offset": [-1.0, 0.5]}}
BEFORE = {
    "nothing": ([], lambda raw: raw),
    "percentiles of each channel": (
        [{"id": "scale_range", "kwargs": {"axes": ["y", "x"], "max_percentile": 99.0}}],
        lambda raw: ranged(raw, 0, 99.0),
    ),
    "percentiles of all, cut off": (
        [
            {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
            {"id": "scale_range", "kwargs": {"min_percentile": 5.0}},
            {"id": "clip", "kwargs": {"min": 0.1, "max": 0.6}},
        ],
        lambda raw: np.clip(
            (raw - np.percentile(raw, 5)) / np.ptp(raw[raw >= np.percentile(raw, 5)]), 0.1, 0.6
        ),
    ),
    "mean and deviation of each": (
        [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["batch", "x", "y"]}}],
        lambda raw: normal(raw, (1, 2)),
    ),
    "a gain first, which is undone": (
        [
            {"id": "scale_linear", "kwargs": {"gain": 0.5, "offset": 3.0}},
            {"id": "zero_mean_unit_variance"},
        ],
        lambda raw: normal(raw, (0, 1, 2)),
    ),
    "known mean and deviation": (
        [
            {
                "id": "fixed_zero_mean_unit_variance",
                "kwargs": {"mean": [200.0, 350.0], "std": [100.0, 210.0], "axis": "channel"},
            }
        ],
        lambda raw: (raw - per_channel(200, 350)) / per_channel(100, 210),
    ),
    "gain and offset of each": (
        [{**LINEAR, "kwargs": {**LINEAR["kwargs"], "axis": "channel"}}],
        lambda raw: raw * per_channel(0.01, 0.002) + per_channel(-1, 0.5),
    ),
    "a threshold": (
        [{"id": "binarize", "kwargs": {"threshold": 250.0}}],
        lambda raw: (raw > 250).astype(float),
    ),
}


@pytest.mark.parametrize("name", BEFORE)
def test_preprocessing_is_exact(tmp_path, name):
    before, compute = BEFORE[name]
    raw = image(2)
    expected = softmax(maps_of(compute(raw.astype(np.float64))), axis=0)
    model = network(2, softmax=True)
    files = package_05(raw, expected, model, ("background", "stuff"), before=before)
    model = imported(tmp_path, files)
    package = load_package(find.find_model("tissue-classes"))
    assert verify_package(package) < 1e-3
    other = image(2, seed=5)  # an image whose statistics differ
    maps = maps_of(compute(other.astype(np.float64)))
    found = model.segment(Image(other, "CYX"), channel=(0, 1)).classes
    assert (found == maps.argmax(0)).mean() > 0.999


@pytest.mark.parametrize("axes", ["byxc", "bcxy"])
def test_axes_in_another_order_are_turned(tmp_path, axes):
    raw = image(2)
    raw[:, :5] = 0  # rows and columns differ
    expected = expit(maps_of(raw / 1000))
    linear = {"name": "scale_linear", "kwargs": {"axes": "yx", "gain": 0.001}}
    files = package_04(
        raw, expected, network(2, axes=axes), before=[linear], behind=[SIGMOID], axes=axes
    )
    model = imported(tmp_path, files, method="classes")
    other = image(2, seed=1)[:, :30]
    found = model.segment(Image(other, "CYX"), channel=(0, 1)).classes
    maps = maps_of(other / 1000)
    assert (found == np.where(maps.max(0) > 0, 1 + maps.argmax(0), 0)).mean() > 0.999


@pytest.mark.parametrize(
    ("names", "method", "asked"),
    [
        (("foreground", "boundary"), "boundary", None),
        (("border", "interior"), "boundary", None),
        (("nuclei",), "classes", None),
        (("nuclei",), "boundary", "boundary"),
        (("membrane",), "boundary", "boundary"),
        (("foreground", "distance"), "watershed", None),
    ],
)
def test_the_method_follows_from_the_names_of_the_maps(tmp_path, names, method, asked):
    raw = image(len(names))
    sigmoid = {"id": "sigmoid"}
    files = package_05(
        raw,
        expit(maps_of(raw / 100)),
        network(len(names)),
        names,
        behind=[sigmoid],
        before=[{"id": "scale_linear", "kwargs": {"gain": 0.01}}],
    )
    assert imported(tmp_path, files, method=asked).card.method == method


def test_an_imported_model_can_be_exported_again(tmp_path):
    first = import_model(zipped(tmp_path / "foreign.zip", boundary_package())).model
    export_bioimageio(load_package(first.path), tmp_path / "again.zip")
    assert import_model(tmp_path / "again.zip").model == first
    text = zipfile.ZipFile(tmp_path / "again.zip").read("rdf.yaml").decode()
    assert "10.1234/example" in text and "CC-BY-4.0" in text


def test_a_network_from_elsewhere_is_no_start_for_a_training(tmp_path):
    pytest.importorskip("torch")
    from cellwright.models.export import restored_network

    imported(tmp_path, boundary_package())
    with pytest.raises(ModelError, match=r"cannot be trained further .*Start from"):
        restored_network(load_package(find.find_model("cell-boundary-u-net")))


# Refused


def two_outputs(content):
    content["outputs"].append({**content["outputs"][0], "name": "second"})
    content["test_outputs"] *= 2


def cropped(content):
    content["outputs"][0]["shape"]["offset"][2:] = [-4.0, -4.0]


def only_python(content):
    content["weights"] = {"pytorch_state_dict": {"source": "weights.onnx", "architecture": "x.py"}}


def step(name, **options):
    def change(content):
        content["inputs"][0]["preprocessing"] = [{"name": name, "kwargs": options}]

    return change


def one(key, value):
    return lambda content: content.__setitem__(key, value)


REFUSED = {
    "two outputs": (two_outputs, r"has 1 inputs and 2 outputs"),
    "maps are smaller": (cropped, r"not of the size of the image"),
    "code is needed": (only_python, r"as pytorch_state_dict only.*needs no code.*add-weights"),
    "per dataset": (step("scale_range", mode="per_dataset", axes="yx"), r"per_dataset scale_range"),
    "of another tensor": (
        step("scale_range", mode="per_sample", axes="yx", reference_tensor="mask"),
        r"statistics of another tensor",
    ),
    "rows for themselves": (
        step("zero_mean_unit_variance", mode="per_sample", axes="x"),
        r"statistics along x only",
    ),
    "an unknown step": (step("denoise", strength=3), r"asks for 'denoise'"),
    "another processing": (step("zero_mean_unit_variance", mode="per_sample"), r"misses its own"),
    "an old format": (one("format_version", "0.3.2"), r"format 0.4 or 0.5"),
    "a data set": (one("type", "dataset"), r"does not describe a model"),
    "no weights": (one("weights", None), r"is broken"),
    "endless text": (one("name", [["x"] * 3] * 3), r"broken: TypeError"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_exactly_is_refused(tmp_path, name):
    change, message = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        imported(tmp_path, described(boundary_package(), change))
    assert not list((tmp_path / "mine").glob("*"))


def test_maps_that_say_nothing_about_objects_are_refused(tmp_path):
    raw = image(2)
    files = package_05(raw, maps_of(raw), network(2), ("denoised", "clean"))
    with pytest.raises(ModelError, match=r"2 maps \(denoised, clean\).*the argument method"):
        imported(tmp_path, files)
    with pytest.raises(ModelError, match=r"they are no probabilities"):
        imported(tmp_path, files, method="boundary")
    with pytest.raises(ModelError, match=r"cannot be given to the method 'stars'"):
        imported(tmp_path, files, method="stars")


def one_size(content):
    content["inputs"][0]["shape"] = [1, 2, 48, 48]


def test_a_size_that_need_not_be_fixed_is_not(tmp_path):
    raw = image(2)
    expected = expit(maps_of(20 * ranged(raw) - 10))
    fixed = network(2, fixed=48)  # says one size, but would take others
    files = package_04(raw, expected, fixed, before=[RANGE, STEEP], behind=[SIGMOID])
    model = imported(tmp_path, described(files, one_size))
    assert model.card.network.stride == (16, 16) and model.card.network.halo == (2, 2)


def test_a_network_that_takes_one_size_only_is_refused(tmp_path):
    from onnx import helper, numpy_helper

    model = network(2, fixed=48)
    model.graph.node[-2].output[0] = "flexible"
    shape = numpy_helper.from_array(np.array([1, 2, 48, 48]), "shape")
    model.graph.initializer.append(shape)
    last = model.graph.node.pop()
    model.graph.node.extend([helper.make_node("Reshape", ["flexible", "shape"], ["mean"]), last])
    raw = image(2)
    expected = expit(maps_of(20 * ranged(raw) - 10))
    files = package_04(raw, expected, model, before=[RANGE, STEEP], behind=[SIGMOID])
    with pytest.raises(ModelError, match=r"takes images of 48 × 48 px only"):
        imported(tmp_path, described(files, one_size))


# Hostile


def test_a_description_cannot_name_files_outside_of_its_package(tmp_path):
    (tmp_path / "secret.onnx").write_bytes(network(2).SerializeToString())
    for name, source in (("a", "../secret.onnx"), ("b", str(tmp_path / "secret.onnx"))):
        files = described(
            boundary_package(),
            lambda content, source=source: content["weights"]["onnx"].update(
                source=source, sha256=None
            ),
        )
        with pytest.raises(ModelError, match="which is not in the package"):
            import_model(unpacked(tmp_path / name, files))
        with pytest.raises(ModelError, match=r"is missing in"):
            import_model(zipped(tmp_path / f"{name}.zip", files))


def test_links_are_not_followed(tmp_path):
    (tmp_path / "secret.npy").write_bytes(b"secret")
    files = boundary_package()
    del files["test_input.npy"]
    folder = unpacked(tmp_path / "linked", files)
    (folder / "test_input.npy").symlink_to(tmp_path / "secret.npy")
    with pytest.raises(ModelError, match="which is not in the package"):
        import_model(folder)
    path = zipped(tmp_path / "linked.zip", files)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("test_input.npy")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../secret.npy")
    with pytest.raises(ModelError, match="is a link"):
        import_model(path)


def test_a_member_that_unpacks_to_more_than_a_model_is_refused(tmp_path, monkeypatch):
    from cellwright.models import bioimageio_files

    monkeypatch.setattr(bioimageio_files, "_LARGEST", 4096)
    files = {**boundary_package(), "test_input.npy": bytes(10_000)}
    with pytest.raises(ModelError, match=r"has 10,000 bytes; a model has at most 4,096"):
        import_model(zipped(tmp_path / "bomb.zip", files))


def test_pickles_and_damage_are_refused(tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for number, (data, message) in enumerate(
        [
            (stream.getvalue(), "is not the array that is described"),
            (pickle.dumps({"a": 1}), "is not the array that is described"),
            (b"\x93NUMPY", "is not the array that is described"),
        ]
    ):
        with pytest.raises(ModelError, match=message):
            import_model(
                zipped(tmp_path / f"{number}.zip", {**boundary_package(), "test_input.npy": data})
            )
    damaged = {**boundary_package(), "weights.onnx": network(3).SerializeToString()}
    with pytest.raises(ModelError, match=r"its SHA-256 is not the one in the description"):
        import_model(zipped(tmp_path / "damaged.zip", damaged))
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ModelError, match=r"is not a model"):
        import_model(tmp_path / "text.zip")


@pytest.mark.parametrize("place", ["initializer", "constant"])
def test_weights_in_further_files_are_refused(tmp_path, place):
    import onnx

    model = network(2)
    tensor = model.graph.initializer[0]
    if place == "constant":
        model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["kernel"], value=tensor))
        del model.graph.initializer[0]
        tensor = model.graph.node[0].attribute[0].t
    onnx.external_data_helper.set_external_data(tensor, "../../secret.bin")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    raw = image(2)
    files = package_04(raw, expit(maps_of(ranged(raw))), model, before=[RANGE], behind=[SIGMOID])
    with pytest.raises(ModelError, match=r"keeps weights in further files"):
        imported(tmp_path, files)
