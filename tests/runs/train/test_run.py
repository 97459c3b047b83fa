import json
import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from safetensors.torch import load

from cellwright import DatasetError, ModelError, OutputError, TrainingError, UsageError
from cellwright.cli.train import train as command
from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.images.read import read, read_labels
from cellwright.images.write import write, write_labels
from cellwright.methods.registry import METHODS
from cellwright.metrics.matching import match
from cellwright.models.load import load_model
from cellwright.models.package import load_package, verify_package
from cellwright.networks.registry import network_summaries
from cellwright.quality.calibration import Calibration, fit_calibration
from cellwright.runs.evaluate.instances import evaluate_examples
from cellwright.runs.results import folder
from cellwright.runs.train import run as module
from cellwright.runs.train import tuning
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.prepare import divided_dataset
from cellwright.runs.train.run import TrainOptions, train
from cellwright.runs.train.tuning import best_confidence
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

QUICK = TrainOptions(
    network={"width": 8, "depth": 3}, steps=40, batch_size=4, patch=64, learning_rate=0.02
)


def make_dataset(root, count):
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for number in range(count):
        settings = NucleiSimulation(size=(96, 96), diameter=16, density=0.25, condensed=0)
        image, labels = simulate_field(settings, seed=number)
        write(root / f"images/{number}.tif", Image(image, "YX"))
        write_labels(root / f"labels/{number}.tif", labels)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("nuclei") / "data", 8)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train(data, tmp_path_factory.mktemp("run") / "My model", QUICK)


def test_a_training_makes_a_model_that_works(trained, data):
    package = load_package(trained.folder)
    assert package == trained.package
    assert verify_package(package) < 1e-3
    assert package.card.name == "my-model"
    assert package.card.input.channels == ("grey",)
    assert 14 < package.card.input.diameter < 18
    model = load_model(trained.folder)
    found = model.segment(read(data / "images/0.tif"))
    _, truth = simulate_field(
        NucleiSimulation(size=(96, 96), diameter=16, density=0.25, condensed=0), seed=0
    )
    assert match(truth, found.labels, 0.5).counts.f1 > 0.4


def test_the_card_and_the_report_tell_how_it_went(trained):
    card = trained.package.card
    assert card.training["steps"] == 40 and card.training["images"] == 6
    assert card.evaluation["images"] == 2 and 0.2 < card.evaluation["AP@0.5 pooled"] <= 1
    assert "also chosen" in card.evaluation["of"]
    assert card.calibration is not None
    report = (trained.folder / "report.html").read_text(encoding="utf-8")
    assert "AP@0.5 per image" in report and "set aside by chance" in report
    assert (trained.folder / "training/history.csv").read_text().startswith("step,")
    record = json.loads((trained.folder / "run.json").read_text())
    assert record["command"] == "train" and record["parameters"]["steps"] == 40


def test_confidence_means_what_it_says_also_where_the_model_estimates_the_size(trained, data):
    divided, _ = divided_dataset(open_dataset(data), QUICK.seed)
    model = load_model(trained.folder)
    judged = evaluate_examples(model, divided.part("val"), threshold=0.0).calibration()
    assert judged["objects"] >= 20
    assert judged["expected_calibration_error"] < 0.15


def test_a_finished_training_is_not_repeated_and_another_not_mixed_in(trained, data, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(folder, "remark", said.append)
    before = (trained.folder / "model.json").stat().st_mtime_ns
    assert train(data, trained.folder, QUICK) == trained
    assert said == [f"'{trained.folder}' holds these results already: nothing is done again."]
    assert (trained.folder / "model.json").stat().st_mtime_ns == before
    with pytest.raises(OutputError, match="another run"):
        train(data, trained.folder, replace(QUICK, seed=1))


@pytest.mark.parametrize("where", ["in the loop", "after it"])
def test_an_interrupted_training_ends_with_the_same_model(where, trained, data, tmp_path):
    out = tmp_path / "My model"

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        if where == "after it":
            patch.setattr(module.InstanceTask, "finished", stop)
        else:
            steps = iter(range(10))
            whole = Learning.step_loss
            patch.setattr(
                Learning,
                "step_loss",
                lambda *a: whole(*a) if next(steps, None) is not None else stop(),
            )
        with pytest.raises(KeyboardInterrupt):
            train(data, out, QUICK)
    assert not (out / "model.json").exists()
    again = train(data, out, QUICK)
    weights = "weights.safetensors"
    assert again.package.files[weights] == trained.package.files[weights]


def test_splits_that_are_there_are_kept(data):
    dataset = open_dataset(data)
    named = ("train",) * 5 + ("val", "val", "test")
    examples = zip(dataset.examples, named, strict=True)
    given = replace(dataset, examples=tuple(replace(e, split=s) for e, s in examples))
    divided, notes = divided_dataset(given, seed=0)
    assert divided == given and notes == []
    other = tuple(replace(e, split=e.split.replace("val", "train")) for e in given.examples)
    without_val = replace(given, examples=other)
    divided, notes = divided_dataset(without_val, seed=0)
    assert divided.splits["test"] == 1 and divided.splits["val"] >= 1
    assert [e.id for e in divided.part("test")] == [e.id for e in given.part("test")]
    assert "set aside by chance" in notes[0]


def test_the_same_picture_in_two_splits_is_reported(data):
    dataset = open_dataset(data)
    twin = replace(dataset.examples[0], id="twin", split="val")
    rest = tuple(replace(e, split="train") for e in dataset.examples)
    _, notes = divided_dataset(replace(dataset, examples=(*rest, twin)), seed=0)
    assert "not independent" in notes[-1]


def test_too_few_images_are_refused(tmp_path):
    with pytest.raises(DatasetError):
        train(make_dataset(tmp_path / "one", 1), tmp_path / "out", QUICK)


def test_a_gpu_with_too_little_memory_is_told(data, tmp_path, monkeypatch):
    import torch

    def fit(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("cellwright.runs.train.network.fit", fit)
    with pytest.raises(TrainingError, match=r"too little memory.*smaller .* patch or batch_size"):
        train(data, tmp_path / "out", TrainOptions(steps=1))


def test_an_unknown_method_lists_those_there_are():
    with pytest.raises(UsageError, match=r"There is no method .*choose from .*offsets"):
        TrainOptions(method="magic")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"network": {"widht": 8}}, "No network has an option 'widht'. Did you mean 'width'?"),
        ({"network": {"name": "fpn", "dpeth": 8}}, "'fpn' has no option 'dpeth'. Did you mean 'd"),
        ({"method": "stars", "recipe": {"ray": 8}}, "'stars' has no 'ray'. Did you mean 'rays'?"),
    ],
)
def test_names_that_nothing_has_are_told_before_the_images_are_read(options, said, tmp_path):
    with pytest.raises(UsageError, match=re.escape(said)):
        train(tmp_path / "no such dataset", tmp_path / "out", TrainOptions(**options))


@pytest.mark.parametrize("method", [name for name in METHODS if name != QUICK.method])
def test_every_method_learns_to_find_nuclei(method, data, tmp_path):
    result = train(data, tmp_path / "model", replace(QUICK, method=method, steps=200))
    assert result.package.card.evaluation["AP@0.5 pooled"] > 0.3
    model = load_model(tmp_path / "model")
    image = read(data / "images/0.tif")
    found = model.segment(image)
    truth = read(data / "labels/0.tif").data
    assert match(np.asarray(truth), found.labels, 0.5).counts.true_positives >= 1
    tiled = model.segment(image, tile=model.card.network.stride[0] * 4, diameter=16.0)
    whole = model.segment(image, diameter=16.0)
    assert np.mean(tiled.labels != whole.labels) < 1e-3


def test_a_training_can_start_from_a_model(trained, data, tmp_path, monkeypatch):
    source = load_package(trained.folder)
    begun = []

    def fitted(*arguments, earlier=None):
        begun.append(earlier)
        return fit_calibration(*arguments, earlier=earlier)

    monkeypatch.setattr(tuning, "fit_calibration", fitted)
    barely = replace(QUICK, network={}, steps=1, learning_rate=1e-9, start_from=str(trained.folder))
    again = train(data, tmp_path / "again", barely).package
    assert again.card.network.config == source.card.network.config
    assert again.card.training["started from"]["sha256"] == source.sha256
    figures = [package.card.evaluation["AP@0.5 pooled"] for package in (again, source)]
    # Thresholds are chosen anew, so that figures on a few dozen objects differ by some of them.
    assert figures[0] == pytest.approx(figures[1], abs=0.1)
    begin, end = (load(one.files["weights.safetensors"]) for one in (source, again))
    assert begin.keys() == end.keys()
    for name, one in begin.items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            assert end[name].numpy() == pytest.approx(one.numpy(), abs=1e-4), name
    # What evidence means is learned on from there, too.
    assert begun == [Calibration.from_json(source.card.calibration)]
    other = replace(barely, start_from="nuclei")
    with pytest.raises(OutputError):
        train(data, tmp_path / "again", other)


def test_another_kind_of_network_than_that_to_start_from_is_no_silent_copy_of_it(
    trained, data, tmp_path
):
    def config(**network):
        made = train(
            data, tmp_path / "-".join(map(str, network.values())), replace(start, network=network)
        )
        little = [one for one in made.warnings if "weights could be taken from" in one]
        return made.package.card.network.config, len(little)

    start = replace(QUICK, steps=1, start_from=str(trained.folder))
    known = trained.package.card.network.config
    assert config(name="unet", norm="none") == (known | {"norm": "none"}, 0)
    nested, warned = config(name="nested", width=8, depth=2)
    assert (nested["name"], nested["skip"], nested["depth"], warned) == ("nested", "concat", 2, 0)
    dense, warned = config(name="msd", width=8)  # has the same stem
    assert (dense["name"], warned) == ("msd", 1)
    with pytest.raises(UsageError, match="shares no layer"):
        config(name="light", width=12)
    light = train(
        data, tmp_path / "first", replace(QUICK, steps=1, network={"name": "light", "width": 12})
    )
    start = replace(start, start_from=str(light.folder))
    own = light.package.card.network.config
    assert own["width"] == 12 and config(name="light") == (own, 0)
    with pytest.raises(UsageError, match="shares no layer"):
        config(name="unet", width=12)


def test_a_model_to_start_from_must_be_there(data, tmp_path):
    with pytest.raises(ModelError, match="gone"):
        train(data, tmp_path / "out", replace(QUICK, start_from="gone"))
    assert not (tmp_path / "out").exists()


def test_the_help_tells_methods_and_networks_apart():
    text = CliRunner().invoke(command, ["--help"]).output
    for summary in (
        *(method.summary for method in METHODS.values()),
        *network_summaries().values(),
    ):
        assert summary in text


def test_the_command_makes_the_network_that_is_asked_for(data, tmp_path):
    arguments = [str(data), "-o", str(tmp_path / "out"), "--steps", "2", "--patch", "64"]
    chosen = ["--network", "light", "--width", "8", "--depth", "2", "--method", "watershed"]
    result = CliRunner().invoke(command, [*arguments, *chosen])
    assert result.exit_code == 0, result.output
    card = load_package(tmp_path / "out").card
    assert card.method == "watershed"
    assert card.network.config["name"] == "unet" and card.network.config["stem"] == 4
    assert card.network.config["width"] == 8 and card.network.config["block"] == "inverted"


def found_and_right(share_right, objects):
    """Objects whose confidence is spread evenly, right where it is high enough."""
    confidence = np.linspace(0.01, 0.99, objects)
    return confidence, confidence > 1 - share_right


def test_the_least_confidence_is_where_precision_is_highest():
    for share_right, expected in ((0.45, 0.55), (0.9, 0.1), (1.0, 0.0)):
        confidence, correct = found_and_right(share_right, objects=2000)
        found = best_confidence(confidence, correct, int(np.sum(correct)))
        assert found == pytest.approx(expected)


def test_few_objects_do_not_move_the_least_confidence_far():
    confidence = np.array([0.9] * 22 + [0.68] + [0.65] * 3)
    correct = np.array([True] * 23 + [False] * 3)
    assert best_confidence(confidence, correct, 24) == pytest.approx(0.3)
    assert best_confidence(confidence, correct, 240) < 0.1  # most are missed: confidences are low
    often = np.repeat(confidence, 50), np.repeat(correct, 50), 50 * 24
    assert best_confidence(*often) == pytest.approx(0.7)
    assert best_confidence(np.empty(0), np.empty(0, bool), 3) == 0


def test_the_command_trains_and_says_what_to_do_next(trained, data, tmp_path):
    arguments = f"--learning-rate 1e-9 --steps 1 --patch 64 -o {tmp_path}/m {data}"
    done = CliRunner().invoke(command, ["--from", str(trained.folder), *arguments.split()])
    assert done.exit_code == 0, done.output
    assert "set aside by chance" in done.output and f"--model {tmp_path}" in done.output


def test_a_model_that_learned_nothing_is_not_recommended(tmp_path):
    data = make_dataset(tmp_path / "data", 4)
    for path in (data / "labels").iterdir():  # as if labels and images had been mixed up
        labels, _ = read_labels(path)
        write_labels(path, np.roll(labels, (11, 37), axis=(0, 1)), overwrite=True)
    arguments = f"--steps 1 --patch 64 --width 8 --depth 2 -o {tmp_path}/m {data}"
    for _ in ("trained", "done before"):
        done = CliRunner().invoke(command, arguments.split())
        assert done.exit_code == 0, done.output
        assert "has not learned" in done.output and "Use it" not in done.output
    assert "has not learned" in (tmp_path / "m/report.html").read_text(encoding="utf-8")


def test_masks_are_refused_before_hours_of_training(tmp_path):
    root = make_dataset(tmp_path / "data", 3)
    for path in (root / "labels").iterdir():
        labels, _ = read_labels(path)
        write_labels(path, (labels > 0) * np.int32(255), overwrite=True)
    with pytest.raises(DatasetError, match=r"every training image.*a mask"):
        train(root, tmp_path / "out", QUICK)


def test_a_bad_name_is_refused_before_hours_of_training():
    with pytest.raises(ModelError, match="not a name for a model"):
        TrainOptions(name="My model")
