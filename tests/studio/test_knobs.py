"""Reading the maps of a model in other ways, without its network."""

import time
from dataclasses import asdict, replace

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import UsageError
from cellwright.methods.registry import LEARNERS, METHODS
from cellwright.models.load import load_instance_model
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from cellwright.studio.knobs import SMALLEST, knobs_of, settings

PROPOSALS = "/api/images/0/proposals"


@pytest.fixture
def client(serve, tmp_path):
    pixels, _ = simulate_field(NucleiSimulation(size=(1024, 1024), diameter=24), seed=0)
    cw.write(tmp_path / "field.tif", cw.Image(pixels, "YX"))
    return serve(tmp_path).client


def proposed(client):
    client.done(PROPOSALS, {})
    end = time.monotonic() + 60
    while (told := client.done(PROPOSALS))["state"] == "running":
        assert time.monotonic() < end
        time.sleep(0.02)
    assert told["state"] == "ready", told["message"]
    return told


def turned(client, **knobs):
    return client.done(f"{PROPOSALS}/turn", {"knobs": knobs})


def foreground(client):
    found = client.done(f"{PROPOSALS}/labels?level=0&row=0&column=0")
    return np.count_nonzero(np.frombuffer(found, np.int32))


@pytest.mark.parametrize("method", [*METHODS, *LEARNERS])
def test_every_method_has_knobs_that_its_readout_takes(method):
    known = METHODS | LEARNERS
    parameters = known[method].readout_class().suited_to(2, 20.0)
    card = load_instance_model("nuclei").card
    knobs = knobs_of(replace(card, method=method, readout=asdict(parameters)))
    assert len(knobs) >= 2, f"studio/knobs.py does not say what may be turned of '{method}'"
    for knob in knobs:
        assert knob.low <= knob.value <= knob.high and knob.about.endswith(".")
        for value in (knob.low, knob.high):
            asked = settings(knobs, {knob.name: value})
            asked.pop(SMALLEST, None)
            shown = replace(parameters, **asked)
            assert shown.decode(np.zeros((len(shown.outputs), 32, 32), np.float32)) is not None


def test_what_is_found_follows_the_knobs_and_comes_back(client):
    told = proposed(client)
    before = foreground(client)
    assert {knob["name"] for knob in told["knobs"]} >= {"threshold", SMALLEST}
    assert all(knob["value"] == knob["usual"] for knob in told["knobs"])
    tight = turned(client, threshold=0.9)
    assert foreground(client) < 0.97 * before
    assert next(k for k in tight["knobs"] if k["name"] == "threshold")["value"] == 0.9
    large = turned(client, **{SMALLEST: 400})
    assert 0 < len(large["labels"]) < len(told["labels"])
    again = turned(client)
    assert again["labels"] == told["labels"] and foreground(client) == before
    np.testing.assert_allclose(again["confidences"], told["confidences"])


def test_the_network_does_not_run_again_and_a_turn_is_quick(client, monkeypatch):
    proposed(client)
    monkeypatch.setattr("cellwright.models.instances.find_maps", None)
    monkeypatch.setattr("cellwright.models.instances.find_instances", None)
    spent = []
    for threshold in (0.4, 0.6, 0.7, 0.8, 0.3):
        begun = time.process_time()
        assert turned(client, threshold=threshold)["labels"]
        spent.append(time.process_time() - begun)
    assert np.median(spent) < 0.2  # s; of a view of 1024 px


def test_what_was_rejected_stays_away_and_what_was_accepted_is_not_proposed(client):
    told = proposed(client)
    gone, taken = told["labels"][0], told["labels"][1]
    client.done(f"{PROPOSALS}/reject", {"labels": [gone]})
    client.done(f"{PROPOSALS}/accept", {"labels": [taken]})
    assert len(turned(client, threshold=0.45)["labels"]) <= len(told["labels"]) - 2
    assert len(turned(client)["labels"]) == len(told["labels"]) - 2


def test_knobs_stay_where_they_are_for_the_next_proposals(client):
    proposed(client)
    tight = turned(client, threshold=0.9)
    assert proposed(client)["labels"] == tight["labels"]


def test_wrong_numbers_and_maps_that_are_gone_are_refused(client):
    status, told = client(f"{PROPOSALS}/turn", {"knobs": {}})
    assert status == 400 and "propose again" in told["error"]
    proposed(client)
    for knobs in ({"unit": 3}, {"threshold": 2}, {"threshold": "high"}, {"threshold": True}, [1]):
        assert client(f"{PROPOSALS}/turn", {"knobs": knobs})[0] == 400
    with pytest.raises(UsageError, match="lies between"):
        settings(knobs_of(load_instance_model("nuclei").card), {"threshold": 1.5})
