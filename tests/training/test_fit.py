"""The loop learns, survives being killed at any moment, and says what is wrong."""

import csv
import os
import signal
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from cellwright._errors import OutputError, TrainingError
from cellwright.networks.registry import network_from_dict, network_to_dict
from cellwright.training import checkpoint as checkpoint_module
from cellwright.training.fit import fit
from cellwright.training.history import CHECKPOINT, write_history
from training.toy import SETTINGS, batch, batches, network, step_loss, validate


class Killed(BaseException):
    """Stands for a process that ends without a word."""


def train(folder, settings=SETTINGS, net=None, **changes):
    net = net or network()
    parts = {"step_loss": step_loss, "train_batches": batches, "validate": validate} | changes
    return net, fit(net, settings=settings, folder=folder, **parts)


def killed_at(step, how=Killed):
    """Make a `step_loss` that ends the training in its `step`-th call."""
    calls = count(1)

    def loss(net, batch):
        parts = step_loss(net, batch)  # batch norm has taken in the batch
        if next(calls) == step:
            if how is KeyboardInterrupt:
                signal.raise_signal(signal.SIGINT)
            else:
                raise how
        return parts

    return loss


def assert_same_weights(first, second):
    for name, weights in first.state_dict().items():
        assert torch.equal(weights, second.state_dict()[name]), name


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


def test_it_learns(tmp_path):
    settings = replace(SETTINGS, steps=60, validate_every=20, ema_decay=0.9)
    net, record = train(tmp_path, settings)
    before, after = validate(network().eval())["loss"], validate(net)["loss"]
    assert after < 0.5 * before
    assert after == record.best_value == min(row["validation_loss"] for row in record.history)
    assert record.steps == 60
    assert not record.stopped_early


def test_history_is_written_for_people_and_tensorboard(tmp_path):
    _, record = train(tmp_path)
    with (tmp_path / "history.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert tuple(rows) == record.history
    assert [row["step"] for row in rows] == [4, 8, 12]
    assert {"train_loss", "train_bce", "validation_loss", "learning_rate"} <= rows[0].keys()
    assert [*(tmp_path / "tensorboard").glob("events.out.tfevents.*")]


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
@pytest.mark.parametrize("how", [Killed, KeyboardInterrupt])
@pytest.mark.parametrize("step", [1, 4, 7])
def test_killed_and_resumed_gives_the_same_bits(tmp_path, optimiser, how, step):
    settings = replace(SETTINGS, optimiser=optimiser)
    whole, whole_record = train(tmp_path / "whole", settings)
    with pytest.raises(how):
        train(tmp_path / "cut", settings, step_loss=killed_at(step, how))
    resumed, record = train(tmp_path / "cut", settings, net=network(seed=9 if step > 4 else 0))
    assert_same_weights(resumed, whole)
    untimed = [{k: v for k, v in row.items() if k != "seconds"} for row in record.history]
    expected = [{k: v for k, v in row.items() if k != "seconds"} for row in whole_record.history]
    assert untimed == expected


def test_killed_while_the_checkpoint_is_written(tmp_path, uninterrupted, monkeypatch):
    calls = count(1)

    def die_half_way(tensors, path, metadata):
        save(tensors, path, metadata)
        if next(calls) == 2:
            path.write_bytes(path.read_bytes()[:1000])
            raise Killed

    save = checkpoint_module.save_file
    monkeypatch.setattr(checkpoint_module, "save_file", die_half_way)
    with pytest.raises(Killed):
        train(tmp_path)
    resumed, record = train(tmp_path)
    assert record.steps == 12
    assert_same_weights(resumed, uninterrupted[0])


def test_ctrl_c_in_a_validation_loses_nothing(tmp_path, uninterrupted):
    calls = count(1)

    def interrupted(net):
        if next(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return validate(net)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, validate=interrupted)
    steps = []
    resumed, record = train(
        tmp_path, train_batches=lambda first: steps.append(first) or batches(first)
    )
    assert steps == [8]
    assert [row["step"] for row in record.history] == [4, 8, 12]
    assert_same_weights(resumed, uninterrupted[0])


def test_a_finished_training_takes_no_more_steps(tmp_path, uninterrupted):
    train(tmp_path)
    again, record = train(tmp_path, step_loss=killed_at(1))
    assert record.steps == 12
    assert_same_weights(again, uninterrupted[0])


def test_a_training_may_pause_on_its_way(tmp_path, uninterrupted):
    folder = tmp_path / "paused"
    for until, steps in ((0.25, 3), (0.25, 3), (0.5, 6)):
        _, record = train(folder, until=until)
        assert record.steps == steps == record.history[-1]["step"]  # judged where it stops
        assert not record.stopped_early
    last, record = train(folder)
    assert record.steps == 12
    assert_same_weights(last, uninterrupted[0])


def test_other_settings_are_refused_unless_started_over(tmp_path):
    train(tmp_path)
    other = replace(SETTINGS, learning_rate=0.5, threads=None)
    with pytest.raises(TrainingError, match=r"learning_rate was 0.01, is 0.5\)"):
        train(tmp_path, other)
    _, record = train(tmp_path, other, start_over=True)
    assert [row["step"] for row in record.history] == [4, 8, 12]


@pytest.mark.parametrize("change", [{"width": 16}, {"activation": "silu"}])
def test_another_network_is_refused(tmp_path, change):
    train(tmp_path)
    other = network_from_dict(network_to_dict(network()) | change)
    with pytest.raises(TrainingError, match="another network"):
        train(tmp_path, net=other)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        train(tmp_path / "file")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    train(tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"nonsense")
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors.*[Ss]tart over"):
        train(tmp_path)


def test_a_bad_batch_is_skipped(tmp_path):
    def with_one_bad(first):
        for step, arrays in enumerate(batches(first), first):
            if step == 5:
                arrays["image"][0, 0, 0, 0] = np.nan
            yield arrays

    settings = replace(SETTINGS, keep="last")
    net, record = train(tmp_path, settings, train_batches=with_one_bad)
    assert record.skipped_steps == 1
    assert all(weights.isfinite().all() for weights in net.state_dict().values())
    assert np.isfinite([row["train_loss"] for row in record.history]).all()


def test_endless_bad_batches_end_the_training(tmp_path):
    def all_bad(first):
        while True:
            yield {name: np.full_like(array, np.inf) for name, array in batch(0).items()}

    with pytest.raises(TrainingError, match=r"10 steps in a row.*learning rate below 0.01"):
        train(tmp_path, train_batches=all_bad)


def test_early_stopping_keeps_the_best(tmp_path):
    values = iter([3.0, 1.0, 2.0, 1.5, 0.0])
    settings = replace(SETTINGS, steps=40, patience=2)
    net, record = train(tmp_path, settings, validate=lambda net: {"loss": next(values)})
    assert (record.steps, record.best_step, record.best_value) == (16, 8, 1.0)
    assert record.stopped_early
    short = replace(settings, keep="last")
    values = iter([3.0, 1.0, 2.0, 1.5])
    last, _ = train(tmp_path / "last", short, validate=lambda net: {"loss": next(values)})
    assert not torch.equal(last.head.weight, net.head.weight)


def test_higher_can_be_better(tmp_path):
    values = iter([0.5, 0.9, 0.7])
    settings = replace(SETTINGS, monitor="ap", higher_is_better=True)
    _, record = train(tmp_path, settings, validate=lambda net: {"ap": next(values), "loss": 1.0})
    assert (record.best_step, record.best_value) == (8, 0.9)


def test_a_monitor_that_is_not_there(tmp_path):
    with pytest.raises(TrainingError, match=r"no 'ap' to monitor.*loss"):
        train(tmp_path, replace(SETTINGS, monitor="ap"))


def test_a_validation_without_numbers_is_never_the_best(tmp_path):
    _, record = train(tmp_path, validate=lambda net: {"loss": float("nan")})
    assert record.best_step is None


def test_a_budget_in_minutes_ends_in_time(tmp_path):
    settings = replace(SETTINGS, steps=None, minutes=0.5 / 60)
    _, record = train(tmp_path, settings)
    assert 0.5 <= record.seconds < 5
    assert record.history[-1]["step"] == record.steps
    assert record.history[-1]["learning_rate"] == 0
    again = train(tmp_path, settings, step_loss=killed_at(1))[1]
    assert again.steps == record.steps


def test_batches_that_end_are_an_error(tmp_path):
    with pytest.raises(TrainingError, match="ended at step 1"):
        train(tmp_path, train_batches=lambda first: iter([batch(0)]))


def test_the_callers_random_state_is_left_alone(tmp_path):
    before = torch.get_rng_state()
    train(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_progress_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CELLWRIGHT_PROGRESS", "1")
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    train(tmp_path)
    shown = capsys.readouterr().err
    assert "Training" in shown
    assert "loss" in shown
    assert os.linesep not in shown.strip()


def test_stages_near_the_pixels_learn_more_slowly_or_later(tmp_path):
    def moved(name, **changes):
        """Return how far stem and head moved from where they began."""
        start = network().state_dict()
        settings = replace(SETTINGS, ema_decay=0.0, keep="last", weight_decay=0.0, **changes)
        end = train(tmp_path / name, settings)[0].state_dict()
        return [
            (end[weights] - start[weights]).abs().max().item()
            for weights in ("stem.0.weight", "head.weight")
        ]

    stem, head = moved("alike")
    slow_stem, slow_head = moved("slow", stage_rate=0.1)
    assert slow_stem < 0.05 * stem and slow_head > 0.3 * head
    assert moved("frozen", frozen_stages=1, frozen_share=1.0)[0] == 0
    thawed = moved("thawed", frozen_stages=1, frozen_share=0.5)[0]
    assert 0 < thawed < stem


def test_killed_and_resumed_with_frozen_stages_gives_the_same_bits(tmp_path):
    settings = replace(SETTINGS, frozen_stages=2, stage_rate=0.7)
    whole, _ = train(tmp_path / "whole", settings)
    with pytest.raises(Killed):
        train(tmp_path / "cut", settings, step_loss=killed_at(7))
    assert_same_weights(train(tmp_path / "cut", settings)[0], whole)


def test_stages_that_a_part_left_frozen_learn_in_the_next(tmp_path):
    settings = replace(SETTINGS, frozen_stages=2, frozen_share=0.75)
    whole, _ = train(tmp_path / "whole", settings)
    net, _ = train(tmp_path / "parts", settings, until=0.5)
    assert_same_weights(train(tmp_path / "parts", settings, net=net)[0], whole)


def test_history_is_whole_when_killed_at_its_last_row(tmp_path, monkeypatch):
    def killed_at_the_end(path, history):
        if len(history) == 3:
            raise Killed
        write_history(path, history)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr("cellwright.training.fit.write_history", killed_at_the_end)
        train(tmp_path)
    _, record = train(tmp_path)
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 1 + len(record.history) == 4
