"""Networks by name, as the command line asks for them."""

import subprocess
import sys

import pytest
import torch

from cellwright._errors import UsageError
from cellwright.networks.registry import (
    ENCODERS,
    NETWORKS,
    Entry,
    network_description,
    network_from_dict,
    network_sizes,
    network_summaries,
    network_to_dict,
    registered_name,
)

POINTWISE = "cellwright.networks.pointwise:Pointwise"
CHANNELS = {"in_channels": 1, "out_channels": 2}


def test_every_network_has_one_sentence():
    summaries = network_summaries()
    assert list(summaries) == list(NETWORKS)
    assert all(text.endswith(".") and len(text) < 100 for text in summaries.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_width_and_depth_are_heeded(name):
    network = network_from_dict(network_description(name, width=16, depth=2) | CHANNELS)
    assert (network.config.width, network.config.depth) == (16, 2)


def test_random_states_of_others_stay_as_they_are(monkeypatch):
    def refused(seed):
        raise AssertionError("a GPU was seeded")

    for accelerator in ("cuda", "mps", "xpu"):
        for name in ("manual_seed", "manual_seed_all"):
            monkeypatch.setattr(f"torch.{accelerator}.{name}", refused, raising=False)
    state = torch.get_rng_state()
    network_from_dict({"name": "unet", **CHANNELS}, seed=5)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_name_may_stand_for_options_and_they_are_stored(name):
    network = network_from_dict({"name": name, **CHANNELS})
    stored = network_to_dict(network)
    assert NETWORKS[name].options.items() <= stored.items()
    assert network_from_dict(stored).config == network.config


def test_encoders_are_chosen_by_name():
    for name in ("unet", "nested", "fpn"):
        for encoder, (_, options) in ENCODERS.items():
            description = network_description(name, encoder=encoder, width=8, depth=2)
            network = network_from_dict(description | CHANNELS)
            assert options.items() <= network_to_dict(network).items()


def test_a_network_without_the_options_of_an_encoder_has_none(monkeypatch):
    blind = Entry("Sees one pixel.", f"{POINTWISE}Config", POINTWISE)
    monkeypatch.setitem(NETWORKS, "blind", blind)
    for encoder in ENCODERS:
        with pytest.raises(UsageError, match="'blind' has no encoder to choose"):
            network_description("blind", encoder=encoder)


def test_what_does_not_exist_is_named():
    with pytest.raises(UsageError, match=r"no network 'vnet'\. Choose one of: unet, light"):
        network_description("vnet")
    with pytest.raises(UsageError, match=r"no encoder 'vgg'\. Choose one of: plain, resnet"):
        network_description("unet", encoder="vgg")
    for volumes in (False, True):
        with pytest.raises(UsageError, match="no network 'vnet'"):
            network_sizes("vnet", volumes=volumes)
    with pytest.raises(UsageError, match="'msd' has no encoder"):
        network_description("msd", encoder="resnet")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_is_written_out_has_its_name_whatever_its_size(name):
    for sizes in ({}, {"width": 8, "depth": 2}):
        network = network_from_dict({"name": name, **CHANNELS, **sizes})
        assert registered_name(network_to_dict(network)) == name


def test_options_that_differ_from_those_of_a_name_are_no_network_without_a_name(monkeypatch):
    entry = NETWORKS["light"]
    monkeypatch.setitem(NETWORKS, "own", Entry("A test.", POINTWISE, POINTWISE, entry.options))
    assert registered_name({"name": "own", **entry.options}) == "own"
    assert registered_name({"name": "own", **entry.options, "stem": 2}) == "own"
    assert registered_name({"name": "unet", **entry.options, "stem": 2}) == "unet"


def test_listing_networks_needs_no_torch():
    code = (
        "import sys; from cellwright.networks.registry import network_summaries as f; f();"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
