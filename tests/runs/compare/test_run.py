import csv
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from cellwright import DatasetError, OutputError, TrainingError, UsageError
from cellwright.cli.compare import compare as command
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.models.load import load_model
from cellwright.runs.compare import contest, search, trial
from cellwright.runs.compare.options import CompareOptions
from cellwright.runs.compare.rehearsal import Cost, Rehearsal
from cellwright.runs.compare.run import compare
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

QUICK = CompareOptions(
    methods=("watershed", "offsets", "boundary", "classical"),
    networks=("light",),
    minutes=0.04,
    folds=2,
)
STEP = Cost(learning=0.0, step=0.01, choosing=0.0, judging=0.0)


def pretend_a_quick_machine(patch):
    """Tell comparisons that all but learning takes no time, and let the clock stand still."""
    patch.setattr(
        contest,
        "rehearse",
        lambda candidates, *_: Rehearsal({one.name: STEP for one in candidates}),
    )
    patch.setattr(contest.Clock, "left", property(lambda clock: 60 * QUICK.minutes))
    patch.setattr(contest, "_LEAST", 1000.0)
    patch.setattr(trial, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture
def quick_machine(monkeypatch):
    pretend_a_quick_machine(monkeypatch)


def make_dataset(root, count):
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for number in range(count):
        settings = NucleiSimulation(size=(64, 64), diameter=14, density=0.3, condensed=0)
        image, labels = simulate_field(settings, seed=number)
        write(root / f"images/{number:02}.tif", Image(image, "YX"))
        write_labels(root / f"labels/{number:02}.tif", labels)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("nuclei") / "data", 12)


@pytest.fixture(scope="module")
def compared(data, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        pretend_a_quick_machine(patch)
        return compare(data, tmp_path_factory.mktemp("run") / "My comparison", QUICK)


def rows_of(folder):
    with (folder / "leaderboard.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_it_ends_with_a_leaderboard_and_a_model_that_works(compared, data):
    metrics = compared.metrics
    assert metrics == json.loads((compared.folder / "metrics.json").read_text("utf-8"))
    rows = rows_of(compared.folder)
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0]["candidate"] == metrics["recommended"]
    # Networks that saw a few batches are no match for what needs none, and it is said.
    results = ["recommended", "finalist", "finalist", "left out after round 1"]
    assert [row["result"] for row in rows] == results
    assert rows[0]["candidate"] == "classical" and float(rows[0]["AP@0.5"]) > 0.6
    assert any("which needs no network" in sentence for sentence in metrics["said"])
    assert float(rows[1]["AP@0.5"]) >= float(rows[2]["AP@0.5"])
    assert float(rows[0]["low"]) <= float(rows[0]["AP@0.5"]) <= float(rows[0]["high"])
    assert {row["images"] for row in rows} == {"10"}  # 2 of 12 are kept back
    assert all(float(row["seconds_per_megapixel"]) > 0 for row in rows)
    assert [int(row["parameters"]) > 1000 for row in rows] == [False, True, True, True]
    model = load_model(compared.folder / "model")
    assert model.card.name == "my-comparison" and model.card.method == rows[0]["method"]
    assert model.segment(read(data / "images/00.tif")).labels.shape == (64, 64)


def test_the_score_on_images_kept_back_is_told_beside_the_one_that_flatters(compared):
    assert compared.metrics["held_out"]["images"] == 2
    assert "optimistic" in compared.metrics["cross_validation"]["of"]
    page = (compared.folder / "report.html").read_text("utf-8")
    assert "kept back" in page and "flatters" in page and "Leaderboard" in page
    assert page.count("data:image/jpeg") == 3 * 4  # the same three images for every candidate
    assert not (compared.folder / ".parts").exists()


def test_a_finished_comparison_is_not_repeated_and_another_not_mixed_in(compared, data):
    before = (compared.folder / "metrics.json").stat().st_mtime_ns
    assert compare(data, compared.folder, QUICK) == compared
    assert (compared.folder / "metrics.json").stat().st_mtime_ns == before
    with pytest.raises(OutputError, match="another run"):
        compare(data, compared.folder, replace(QUICK, seed=1))


@pytest.fixture
def quick_trials(monkeypatch, quick_machine):
    """Make trials that are counted, and that stop or fail where they are told to."""
    whole = contest.run_trial

    def install(stop_after=None, failing=()):
        calls = []

        def counted(candidate, fold, *rest):
            if len(calls) == stop_after:
                raise KeyboardInterrupt
            calls.append(f"{candidate.method} {fold.number}")
            if candidate.method in failing:
                raise failing[candidate.method]
            return whole(candidate, fold, *rest)

        monkeypatch.setattr(contest, "run_trial", counted)
        return calls

    return install


def test_an_interrupted_comparison_goes_on_where_it_was(data, tmp_path, quick_trials):
    options = replace(QUICK, methods=("watershed", "offsets"))
    calls = quick_trials(stop_after=3)
    with pytest.raises(KeyboardInterrupt):
        compare(data, tmp_path / "out", options)
    assert calls == ["watershed 1", "offsets 1", "watershed 2"]
    done = quick_trials()
    result = compare(data, tmp_path / "out", options)
    assert done == ["offsets 2"]
    assert len(result.metrics["candidates"]) == 2


def test_what_fails_is_named_and_does_not_stop_the_others(data, tmp_path, quick_trials):
    quick_trials(failing={"offsets": TrainingError("No luck."), "boundary": ValueError("odd")})
    called = [
        *(str(data), "-o", str(tmp_path / "out"), "--minutes", "0.02", "--folds", "2"),
        *("--methods", "watershed,offsets,boundary", "--networks", "light", "--json"),
    ]
    result = CliRunner().invoke(command, called)
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    assert told["failed"]["offsets · light"] == "No luck."
    assert "bug" in told["failed"]["boundary · light"]
    assert told["recommended"] == "watershed · light"
    assert "Failed: offsets · light: No luck." in result.stderr
    assert "2 candidates failed" in (tmp_path / "out/report.html").read_text("utf-8")


def test_what_is_not_installed_is_told_before_anything_is_trained(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"needs Optuna: pip install 'cellwright\[search\]'"):
        compare(data, tmp_path / "out", replace(QUICK, search=True))
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "cellwright.runs.train.network")
    with pytest.raises(UsageError, match=r"pip install 'cellwright\[train\]'"):
        compare(data, tmp_path / "out", QUICK)
    assert not (tmp_path / "out").exists()


def test_it_says_where_no_settings_can_be_searched_for(data, tmp_path, quick_machine):
    pytest.importorskip("optuna")
    options = replace(QUICK, methods=("classical",), search=True)
    notes = compare(data, tmp_path / "out", options).metrics["notes"]
    assert "No settings were searched for: classical has no network." in notes


def test_when_all_fail_nothing_is_recommended(data, tmp_path, quick_trials):
    quick_trials(failing={"watershed": TrainingError("No luck.")})
    with pytest.raises(TrainingError, match=r"Every candidate failed.*No luck"):
        compare(data, tmp_path / "out", replace(QUICK, methods=("watershed",)))


@pytest.mark.slow
def test_settings_are_searched_for_and_the_same_again(data, tmp_path, quick_trials, monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setattr(search, "TRIALS", 2)
    options = replace(QUICK, methods=("watershed",), search=True, minutes=0.05)
    quick_trials(stop_after=5)
    with pytest.raises(KeyboardInterrupt):
        compare(data, tmp_path / "out", options)
    calls = quick_trials()
    metrics = compare(data, tmp_path / "out", options).metrics
    tried = metrics["settings_tried"]
    assert len(tried) >= 4
    assert tried[0]["learning rate"] == 1e-2 and tried[0]["result"] == "complete"
    assert len({row["learning rate"] for row in tried}) == len(tried)
    trainings = sum(2 if row["result"] == "complete" else 1 for row in tried)
    assert len(calls) == 2 + trainings - 5  # the contest's two, less those done before
    best = max((row for row in tried if row["AP@0.5"] is not None), key=lambda r: r["AP@0.5"])
    network = load_model(tmp_path / "out/model").card.network.config
    assert network["depth"] in {row["depth"] for row in tried if row["AP@0.5"] == best["AP@0.5"]}


def test_what_cannot_be_compared_is_told(data, tmp_path):
    for mixed in (("watershed", "classes"), ("classes", "classical")):
        with pytest.raises(UsageError, match="of one kind"):
            compare(data, tmp_path / "a", replace(QUICK, methods=mixed))
    with pytest.raises(UsageError, match=r"methods=\('classical',\)"):
        CompareOptions(methods="classical")
    with pytest.raises(UsageError, match="folds must be a whole number, 2 or more"):
        CompareOptions(folds=1)
    with pytest.raises(UsageError, match="no method 'magic'"):
        CompareOptions(methods=("magic",))
    with pytest.raises(UsageError, match="no network 'magic'"):
        CompareOptions(networks=("magic",))
    few = make_dataset(tmp_path / "few", 2)
    with pytest.raises(DatasetError, match="groups"):
        compare(few, tmp_path / "b", QUICK)
