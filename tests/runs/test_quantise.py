"""From a trained model to one in 8-bit integers, as a user would make it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")

from cellwright.cli.models import models
from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.images.write import write
from cellwright.models.engines import INT8
from cellwright.models.find import find_model
from cellwright.models.load import open_model
from cellwright.models.package import load_package
from cellwright.models.quantise import in_floats
from cellwright.runs import quantise as run
from cellwright.runs.compare.judging import judge
from cellwright.runs.evaluate.instances import evaluate_examples
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    root = tmp_path_factory.mktemp("fields")
    for number, split in enumerate(["train"] * 3 + ["val"] * 2):
        settings = NucleiSimulation(size=(200, 220), diameter=20, density=0.2)
        image, labels = simulate_field(settings, seed=number)
        for kind, pixels in (("images", image), ("labels", labels)):
            folder = root / split / kind
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / f"{number}.tif", Image(pixels, "YX"))
    return root


def quantise(*arguments):
    return CliRunner().invoke(models, ["quantise", *map(str, arguments), "--threads", "1"])


def test_a_model_in_integers_scores_the_same_and_says_so(fields, tmp_path):
    done = quantise("nuclei", fields, "-o", tmp_path / "fast", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["score"] == "AP@0.5" and told["images"] == 2
    assert told["after"] == pytest.approx(told["before"], abs=0.02) and told["after"] > 0.8
    facts = load_package(tmp_path / "fast").card.training["in 8-bit integers"]
    assert facts["ranges from images"] == 3
    assert facts["AP@0.5"]["8-bit integers"] == pytest.approx(told["after"], abs=1e-4)
    explained = CliRunner().invoke(models, ["info", str(tmp_path / "fast")]).output
    assert "8-bit integers on CPUs, floats on GPUs" in explained and "(2 images)" in explained


def test_a_model_that_would_lose_stays_as_it_is(fields, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "MOST_LOST", -1.0)  # no model gains as much
    with pytest.raises(run.ModelError, match=r"loses more than .* It stays as it is"):
        run.quantise("nuclei", fields, tmp_path / "fast", threads=1)
    assert not (tmp_path / "fast").exists()


def test_nothing_is_written_over(fields, tmp_path):
    (tmp_path / "fast").mkdir()
    done = quantise("nuclei", fields, "-o", tmp_path / "fast")
    assert done.exit_code != 0 and isinstance(done.exception, run.OutputError)


@pytest.mark.data
def test_what_ships_in_integers_finds_what_it_found_in_floats(data_folder):
    """Fifteen real fields that were not learned: the network is the same, its numbers coarser."""
    package = load_package(find_model("nuclei"))
    examples = [
        e for e in open_dataset(data_folder / "dsb2018").part("val") if e.kind == "fluo_small"
    ]
    scores = [
        evaluate_examples(open_model(one, device="cpu", threads=1), examples[:15]).to_json()
        for one in (in_floats(package), package)
    ]
    before, after = (one["pooled"]["0.5"]["average_precision"] for one in scores)
    assert after == pytest.approx(before, abs=0.02) and after > 0.8


def test_a_model_in_integers_is_compared_with_itself_in_floats(fields, monkeypatch):
    judged = []
    monkeypatch.setattr(
        run, "judge", lambda model, *rest: judged.append(model) or judge(model, *rest)
    )
    package, dataset = load_package(find_model("nuclei")), open_dataset(fields)
    done = run.quantised_package(package, dataset.part("train"), dataset.part("val"), 1)
    _, before, after = judged  # the first looks at the images that ranges are told from
    assert before.card.network.engine == "network" and after.card.network.engine == INT8
    assert done.package.card.network.engine == INT8


def test_the_draw_of_what_is_seen_is_the_same_every_time(fields):
    package = load_package(find_model("nuclei"))
    examples = open_dataset(fields).part("train")
    first, second = (run._seen(package, examples, 1) for _ in range(2))
    assert len(first) == len(second) > 0
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
