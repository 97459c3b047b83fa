"""Models without a network: from annotated images to objects and classes."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from cellwright import ModelError, UsageError
from cellwright.cli.program import program
from cellwright.images.image import Image
from cellwright.images.read import read, read_labels
from cellwright.images.write import write, write_labels
from cellwright.metrics.matching import match
from cellwright.models.load import load_model
from cellwright.models.package import load_package, save_package, verify_package
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field, simulate_volume

FILES = {
    "classical": {"test_input.npy", "test_output.npy"},
    "pixels": {"forest.safetensors", "test_input.npy", "test_output.npy"},
}


def nuclei(seed, size=(110, 120)):
    settings = NucleiSimulation(size=size, diameter=16, density=0.2, condensed=0)
    simulate = simulate_field if len(size) == 2 else simulate_volume
    return simulate(settings, seed=seed)


def save_pair(root, name, image, labels):
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    axes = "YX" if image.ndim == 2 else "ZYX"
    write(root / f"images/{name}.tif", Image(image, axes, pixel_size=(0.5,) * image.ndim))
    if labels.min() < 0:  # where nothing was annotated
        tifffile.imwrite(root / f"labels/{name}.tif", labels.astype(np.int16))
    else:
        write_labels(root / f"labels/{name}.tif", labels)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("nuclei") / "data"
    for seed in range(10):
        image, labels = nuclei(seed)
        if seed == 9:
            image, labels = np.full_like(image, 90), np.zeros_like(labels)
        save_pair(root, str(seed), image, labels)
    return root


@pytest.fixture(scope="module", params=sorted(FILES))
def trained(request, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / request.param
    return train(data, out, TrainOptions(method=request.param))


def test_scores_on_images_that_it_learned_from_are_said_to_flatter(trained, data, tmp_path):
    (told,) = evaluate(trained.folder, data, tmp_path / "all", split="all").metrics["warnings"]
    assert told.startswith("The model learned from 8 of these 10 images")
    new = tmp_path / "new"
    for seed in (50, 51):
        save_pair(new, str(seed), *nuclei(seed))
    assert not evaluate(trained.folder, new, tmp_path / "scores", split="all").metrics["warnings"]


def test_training_makes_a_model_like_any_other(trained):
    package = load_package(trained.folder)
    card = package.card
    assert card.task == "instances" and set(package.files) == FILES[card.method]
    assert verify_package(package) == 0
    assert card.calibration and card.novelty and card.limits
    assert card.evaluation["AP@0.5 per image"] > 0.6, card.evaluation
    assert card.training["seconds"] < 60 and "AP@0.5" in trained.headline
    assert "How it was trained" in (trained.folder / "report.html").read_text()
    image, labels = nuclei(77)
    found = load_model(trained.folder).segment(Image(image, "YX"))
    assert match(labels, found.labels).counts.f1 > 0.75
    assert 0 < found.table["confidence"].min() <= found.table["confidence"].max() <= 1


def test_the_same_command_makes_the_same_model(trained, data, tmp_path):
    method = trained.package.card.method
    again = train(data, tmp_path / method, TrainOptions(method=method))
    assert again.package.files == trained.package.files
    assert again.package.card.readout == trained.package.card.readout


def test_the_result_does_not_depend_on_tiles(trained):
    model = load_model(trained.folder)
    image, _ = nuclei(78, (260, 200))
    seen = model.seen(Image(image, "YX"), None)
    found = []
    for tile in (64, 999):
        labels = np.zeros(image.shape, np.int32)
        model.find_objects(seen, 1.0, labels, tile)
        found.append(labels)
    assert found[0].max() > 10
    np.testing.assert_array_equal(*found)


def test_empty_and_strange_images(trained):
    model = load_model(trained.folder)
    assert model.segment(Image(np.full((90, 80), 7, np.uint16), "YX")).labels.max() == 0
    assert model.segment(Image(np.ones((1, 1), np.uint8), "YX")).labels.shape == (1, 1)
    noise = np.random.default_rng(0).normal(500, 20, (120, 130)).astype(np.float32)
    found = model.segment(Image(noise, "YX"))
    assert np.sum(found.labels > 0) < 0.02 * noise.size
    with pytest.raises(Exception, match="single plane"):
        model.segment(Image(np.zeros((3, 20, 20), np.uint8), "ZYX"))


def test_zips_and_tampering(trained, tmp_path):
    package = trained.package
    zipped = save_package(tmp_path / "m.zip", package.card, package.files)
    assert load_package(tmp_path / "m.zip") == zipped
    facts = replace(package.card.network, halo=(1, 1))
    lying = save_package(tmp_path / "lying", replace(package.card, network=facts), package.files)
    with pytest.raises(ModelError, match="another stride or halo"):
        load_model(lying.source)
    other = replace(package.card.network, engine="network")
    with pytest.raises(ModelError, match="A package holds the files"):
        save_package(tmp_path / "other", replace(package.card, network=other), package.files)


def test_other_programs_cannot_run_them(trained, tmp_path):
    done = CliRunner().invoke(
        program, ["models", "export", str(trained.folder), "-o", str(tmp_path / "m.zip")]
    )
    assert done.exit_code != 0, done.output
    own = [*("models", "export", str(trained.folder), "-o", str(tmp_path / "m.zip")), "--format"]
    assert CliRunner().invoke(program, [*own, "cellwright"]).exit_code == 0
    info = CliRunner().invoke(program, ["models", "info", str(tmp_path / "m.zip")])
    assert info.exit_code == 0 and trained.package.card.method in info.output, info.output


def test_what_is_for_networks_is_refused(data, trained, tmp_path):
    method = trained.package.card.method
    for options in ({"network": {"width": 8}}, {"start_from": "nuclei"}):
        with pytest.raises(UsageError, match="has no network"):
            train(data, tmp_path / next(iter(options)), TrainOptions(method=method, **options))
    pytest.importorskip("torch")
    pytest.importorskip("tensorboardX")
    options = TrainOptions(steps=1, start_from=str(trained.folder))
    with pytest.raises(UsageError, match="has no network to start from"):
        train(data, tmp_path / "n", options)


def test_no_torch_is_needed(data, tmp_path):
    code = (
        "import sys\n"
        "class No:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'onnx', 'tensorboardX'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, No())\n"
        "from cellwright.cli.program import program\n"
        f"program(['train', r'{data}', '-o', r'{tmp_path / 'm'}', '--method', 'pixels'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert load_model(tmp_path / "m").card.method == "pixels"


@pytest.mark.parametrize("method", sorted(FILES))
def test_volumes(method, tmp_path):
    for seed in range(5):
        save_pair(tmp_path / "data", str(seed), *nuclei(seed, (20, 56, 60)))
    model = load_model(train(tmp_path / "data", tmp_path / "m", TrainOptions(method=method)).folder)
    image, labels = nuclei(50, (20, 56, 60))
    found = model.segment(Image(image, "ZYX", pixel_size=(0.5, 0.5, 0.5)))
    assert match(labels, found.labels).counts.f1 > 0.4


def stripes(seed, scribbled):
    """Rough stripes on a smooth ground, and what pixels are: 0, 100; or a few strokes of it."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((90, 100), np.int32)
    truth[:, (np.arange(100) + int(rng.integers(20))) % 20 < 9] = 100
    light = 500 + rng.normal(0, 1, truth.shape) * np.where(truth, 60, 15)
    if scribbled:
        strokes = np.full_like(truth, -1)
        strokes[rng.integers(0, 90, 3)] = truth[rng.integers(0, 90, 1)]
        truth = strokes
    return light.astype(np.float32), truth


@pytest.mark.parametrize("scribbled", [False, True])
def test_classes_from_masks_and_from_strokes(scribbled, tmp_path):
    for seed in range(6):
        save_pair(tmp_path / "data", str(seed), *stripes(seed, scribbled))
    result = train(tmp_path / "data", tmp_path / "m", TrainOptions(method="pixels"))
    card = result.package.card
    assert card.task == "classes" and card.readout["classes"] == ["foreground"]
    most = 6 * 3 * 100 if scribbled else 6 * 90 * 100
    assert 0 < card.training["annotated pixels"] <= most
    # One forest, in no time, from strokes; those that see each other's maps need whole planes.
    assert card.network.config["stages"] == (1 if scribbled else 3)
    image, truth = stripes(99, False)
    found = load_model(tmp_path / "m").predict(image)
    assert (found == truth // 100).mean() > 0.85
    labels, _ = read_labels(tmp_path / "data/labels/0.tif")
    assert (labels.min() == -1) == scribbled
    assert read(tmp_path / "data/images/0.tif").shape == (90, 100)
