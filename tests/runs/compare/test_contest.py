"""What a contest does with its time, on a machine that is simulated: nothing is trained."""

import math
import re
import types

import numpy as np
import pytest

pytest.importorskip("torch")

from cellwright import TrainingError
from cellwright._progress import check_time
from cellwright.datasets.dataset import open_dataset
from cellwright.runs.compare import contest, rehearsal
from cellwright.runs.compare.candidates import make_candidates
from cellwright.runs.compare.contest import Clock, Contest
from cellwright.runs.compare.division import divide
from cellwright.runs.compare.options import CompareOptions
from cellwright.runs.compare.trial import Trial, prepare_fold
from cellwright.runs.results.folder import open_run
from cellwright.runs.results.plan import Plan
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.lesson import Machine
from runs.compare.test_run import make_dataset

METHODS = ("watershed", "offsets", "flows", "classical")


class Simulation:
    """A machine on which a step and a look at an image take as long as one likes, in s."""

    def __init__(self, step=1.0, image=1.0, learning=2.0, judged=(), slow=()):
        self.now, self.step, self.image, self.learning = 0.0, step, image, learning
        self.slow, self.judged, self.learned = dict(slow), list(judged), {}

    def take(self, seconds):
        self.now += seconds
        check_time()

    def run_trial(self, candidate, fold, folder, options, machine, until):
        pace, begin = self.slow.get(candidate.method, 1.0), self.now
        before, steps = self.learned.get(folder, 0.0), options.steps
        self.take(self.learning)
        if candidate.network:
            wanted = 60 * until * options.minutes - before if options.minutes else 0
            steps = steps or max(0, math.ceil(wanted / self.step))
            self.take(steps * self.step)
            self.learned[folder] = before + steps * self.step
        learned = self.now
        for _ in fold.dataset.part("val"):
            self.take(pace * self.image)
        chosen = self.now
        images = fold.dataset.part("test")
        for _ in images:
            self.take(pace * self.image)
        self.judged.append((candidate.name, fold.number, tuple(one.id for one in images)))
        values = np.full(len(images), 0.5 + 0.1 * (candidate.method == "offsets"))
        scores = dict.fromkeys(("AP@0.5", "AP@0.75", "F1@0.5", "PQ"), values)
        names = np.array([one.id for one in images])
        facts = {
            "parameters": 1,
            "bytes": 1,
            "seconds_per_megapixel": 1.0,
            "minutes": self.learned.get(folder, 0.0) / 60,
            "steps": steps,
            "patches": "",
        }
        seconds = (learned - begin, chosen - learned, self.now - chosen)
        return Trial(
            {"image": names, "group": np.full(len(names), ""), **scores},
            facts,
            {},
            dict(zip(("learning", "choosing", "judging"), seconds, strict=True)),
        )


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    dataset = open_dataset(make_dataset(tmp_path_factory.mktemp("contest") / "data", 24))
    divided = divide(dataset, 3, 0).folds
    return [prepare_fold(number, InstanceTask(), one, 0) for number, one in enumerate(divided, 1)]


@pytest.fixture
def played(folds, tmp_path, monkeypatch):
    """Return what plays a contest on a simulated machine, in a budget of minutes."""

    def play(machine, minutes):
        clock = types.SimpleNamespace(monotonic=lambda: machine.now)
        for module in ("_progress", "runs.compare.contest", "runs.compare.trial"):
            monkeypatch.setattr(f"cellwright.{module}.time", clock)
        monkeypatch.setattr(rehearsal, "run_trial", machine.run_trial)
        monkeypatch.setattr(contest, "run_trial", machine.run_trial)
        plan = Plan("compare", (), {"minutes": minutes}, ())
        options = CompareOptions(minutes=minutes)
        candidates = make_candidates(METHODS, ("unet",))
        with open_run(tmp_path / f"{minutes} min", plan, overwrite=False) as (run, _):
            clock = Clock(60 * minutes)
            found = Contest(run, folds, candidates, clock, 0.0, options, Machine())
            found.play()
            return found, clock

    return play


def advised(text):
    """Return the minutes that a sentence tells to give."""
    return int(re.search(r"With .* minutes=(\d+) there is time for 4 candidates", text).group(1))


@pytest.mark.parametrize("image", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("minutes", [4, 10, 60])
def test_it_leaves_time_for_the_final_model(played, image, minutes):
    found, clock = played(Simulation(image=image), minutes)
    best = found.standings[0].candidate
    used = 60 * minutes - clock.left
    final = 60 * found.final_minutes(best) + contest.FINAL * found._besides(best.name, 1)
    assert used + final <= 1.2 * 60 * minutes
    assert used >= 0.3 * 60 * minutes  # nor is time wasted


def test_what_is_trained_once_for_all_rounds_takes_its_time_once(played):
    machine = Simulation(image=0.1)
    found, clock = played(machine, 60)
    assert found.standings[0].last_round == 2
    assert clock.left == pytest.approx(60 * 60 - machine.now)


def test_it_says_beforehand_what_fits(played):
    found, _ = played(Simulation(image=0.1), 60)
    note = found.notes[0]
    assert note.startswith("60 min are enough for 4 candidates in 3 folds")
    assert "2 rounds, about" in note


def test_candidates_are_only_compared_on_the_same_images(played):
    for minutes in (4, 12):
        machine = Simulation(image=2.0)
        found, _ = played(machine, minutes)
        judged = [one for one in found.standings if one.rounds]
        assert len(judged) > 1
        for number in range(1, max(one.last_round for one in judged) + 1):
            images = [
                one.rounds[number]["image"].tolist() for one in judged if number in one.rounds
            ]
            assert all(names == images[0] for names in images)
        everywhere = {tuple(table["image"]) for one in judged for table in one.rounds.values()}
        assert len(everywhere) == 1  # also from round to round


def test_who_cannot_be_judged_once_in_time_is_left_out_at_once(played):
    machine = Simulation(image=0.5, slow={"flows": 400.0})
    found, _ = played(machine, 10)
    flows = found.standings[2]
    assert "share of the time" in flows.slow and not flows.rounds and flows.error is None
    assert "flows · unet" not in {name for name, _, _ in machine.judged}
    assert all(one.rounds for one in found.standings if one is not flows)


def test_who_becomes_slow_later_keeps_what_it_had(played):
    machine = Simulation(image=0.2)
    whole = machine.run_trial

    def slower(candidate, fold, folder, options, *rest):
        late = folder in machine.learned
        machine.slow = {candidate.method: 500.0 if late else 1.0}
        return whole(candidate, fold, folder, options, *rest)

    machine.run_trial = slower
    found, clock = played(machine, 20)
    assert all(one.last_round == 1 for one in found.standings if one.candidate.network)
    assert [one.slow is None for one in found.standings].count(False) >= 1
    assert clock.left > -0.2 * 60 * 20
    spent, before = machine.now, found.standings
    again, after = played(machine, 20)  # who was too slow is not tried again
    assert machine.now == spent and after.left == pytest.approx(clock.left, abs=1.0)
    assert [one.slow for one in again.standings] == [one.slow for one in before]


def test_when_all_fail_after_a_rehearsal_the_contest_ends(played):
    machine = Simulation(image=0.1)
    whole = machine.run_trial

    def failing(candidate, fold, folder, options, machine, until):
        if options.minutes:
            raise TrainingError("No luck.")
        return whole(candidate, fold, folder, options, machine, until)

    machine.run_trial = failing
    found, _ = played(machine, 60)
    assert len(found.schedule.rounds) == 2
    assert [one.error for one in found.standings] == ["No luck."] * 4


def test_rounds_that_there_was_no_time_for_are_told(played):
    machine = Simulation(image=0.1)
    whole = machine.run_trial

    def slower(candidate, fold, folder, options, *rest):
        trial = whole(candidate, fold, folder, options, *rest)
        machine.now += 300.0 if options.minutes and candidate.network is None else 0.0
        return trial

    machine.run_trial = slower
    found, _ = played(machine, 40)
    assert max(one.last_round for one in found.standings) == 1
    assert any("no time for round 2" in note for note in found.notes)


def test_a_rehearsal_that_takes_all_the_time_says_so_and_is_done_anew(played):
    machine = Simulation(image=3.0)
    with pytest.raises(TrainingError, match=r"0.2 min are too few .*With .* minutes=\d+ there"):
        played(machine, 0.2)
    machine.image = 0.01  # all is compiled now
    found, _ = played(machine, 0.5)
    assert any(one.rounds for one in found.standings)


def test_the_final_model_learns_something_however_little_time_is_left(played):
    machine = Simulation(image=0.01)
    found, clock = played(machine, 1)
    machine.now += 60.0
    assert clock.left < 0
    assert found.final_minutes(found.standings[0].candidate) > 0


def test_a_rehearsal_leaves_nothing_behind(played, tmp_path):
    found, _ = played(Simulation(image=0.1), 10)
    assert found.standings[0].rounds and not list(tmp_path.rglob("rehearsal*"))


def test_when_nothing_fits_it_says_so(played):
    with pytest.raises(
        TrainingError,
        match=r"No candidate can take part.*share of the time\)\. Give .* minutes=2 or",
    ):
        played(Simulation(image=500.0), 1)


@pytest.mark.parametrize(("image", "minutes"), [(3.0, 1.5), (5.0, 2.0)])
def test_minutes_that_are_too_few_are_refused_at_once_with_those_that_do(played, image, minutes):
    machine = Simulation(image=image)
    with pytest.raises(TrainingError, match="too few to compare") as refused:
        played(machine, minutes)
    assert machine.now < 60 * minutes  # nothing but the rehearsal
    enough = advised(str(refused.value))
    found, _ = played(Simulation(image=image), enough)
    assert found.notes[0].startswith(f"{enough} min are enough for 4 candidates")
    assert not found.schedule.left_out and not any("minutes=" in note for note in found.notes)


def test_short_trainings_are_told_with_the_minutes_that_would_do(played):
    def longer(note):
        return played(Simulation(image=0.1), advised(note))[0].notes

    found, _ = played(Simulation(image=0.1), 10)
    assert re.search(r"about \d+ steps", found.notes[0])
    assert not any("minutes=" in note for note in longer(found.notes[1]))


def test_an_interrupted_contest_keeps_its_plan_and_its_time(played):
    machine = Simulation()
    first, clock = played(machine, 10)
    before = clock.left
    machine.now += 10_000.0  # the night between
    again, after = played(machine, 10)
    assert again.schedule == first.schedule
    assert after.left == pytest.approx(before, abs=1.0)
    assert [one.rounds.keys() for one in again.standings] == [
        one.rounds.keys() for one in first.standings
    ]
