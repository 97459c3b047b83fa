"""Starting from the weights of another network."""

import pytest
import torch

from cellwright._errors import UsageError
from cellwright.networks.registry import (
    ENCODERS,
    NETWORKS,
    network_description,
    network_from_dict,
)
from cellwright.networks.transfer import freeze, stages, transfer_weights

SMALL = {"name": "unet", "width": 8, "depth": 2, "in_channels": 3, "out_channels": 3}


def unet(seed, **options):
    return network_from_dict({**SMALL, **options}, seed=seed).eval()


def test_the_same_kind_of_network_becomes_the_same_network():
    source, target = unet(1), unet(2)
    done = transfer_weights(source.state_dict(), target)
    assert done.share == 1 and not done.fresh and not done.adapted
    pixels = torch.rand(1, 3, 16, 16)
    assert torch.equal(source(pixels), target(pixels))


def test_another_number_of_channels_sees_grey_images_as_before():
    source, target = unet(1), unet(2, in_channels=2)
    done = transfer_weights(source.state_dict(), target)
    assert len(done.adapted) == 1 and not done.fresh
    grey = torch.rand(1, 1, 16, 16)
    expected = source(grey.expand(1, 3, 16, 16))
    torch.testing.assert_close(target(grey.expand(1, 2, 16, 16)), expected, rtol=1e-4, atol=1e-5)


def test_only_the_head_of_another_method_starts_anew():
    target = unet(2, out_channels=33)
    before = target.state_dict()["head.weight"].clone()
    done = transfer_weights(unet(1).state_dict(), target)
    assert set(done.fresh) == {"head.weight", "head.bias"}
    assert torch.equal(target.state_dict()["head.weight"], before)
    assert 0.5 < done.share < 1


def test_maps_that_mean_the_same_stay_where_others_come_to_them():
    source, target = unet(1, out_channels=3), unet(2, out_channels=5)
    done = transfer_weights(source.state_dict(), target, more=2)
    assert set(done.adapted) == {"head.weight", "head.bias"} and not done.fresh
    pixels = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(target(pixels)[:, :3], source(pixels))
    assert "2 maps more than those of before start anew" in done.summary


def test_what_was_taken_is_told_in_a_sentence():
    done = transfer_weights(unet(1).state_dict(), unet(2, in_channels=1, out_channels=5))
    total = len(unet(1).state_dict())
    assert done.summary == (
        f"{total - 3} of {total} tensors are taken as they are; the first layer is adapted from "
        "3 to 1 channels; new are: head"
    )


KINDS = [
    *({"name": name} for name in NETWORKS),
    *(network_description("unet", encoder=encoder) for encoder in ENCODERS),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_every_kind_of_network_starts_from_other_channels_and_learns_by_stages(kind):
    small = {**kind, **network_description(kind["name"], width=8)}
    source = network_from_dict({**small, "in_channels": 3, "out_channels": 3}, seed=1).eval()
    target = network_from_dict({**small, "in_channels": 1, "out_channels": 3}, seed=2).eval()
    done = transfer_weights(source.state_dict(), target)
    assert len(done.adapted) == 1 and not done.fresh
    side = 4 * max(target.stride)
    grey = torch.rand(1, 1, side, side)
    with torch.no_grad():
        expected = source(grey.expand(1, 3, side, side))
        torch.testing.assert_close(target(grey), expected, rtol=1e-3, atol=1e-3)
    freeze(target.train(), len(stages(target)) - 1)
    target(torch.rand(2, 1, side, side)).square().mean().backward()
    learning = {name for name, weights in target.named_parameters() if weights.grad is not None}
    last = {id(weights) for weights in stages(target)[-1].parameters()}
    assert learning == {n for n, weights in target.named_parameters() if id(weights) in last}


def test_a_network_of_which_nothing_learns_is_refused():
    with pytest.raises(UsageError, match="at most"):
        freeze(unet(1), len(stages(unet(1))))


def test_a_network_without_a_common_layer_is_refused():
    with pytest.raises(UsageError, match="shares no layer"):
        transfer_weights({"other": torch.zeros(3)}, unet(1))


def test_a_bias_of_the_same_length_is_no_common_layer():
    biases = {name: one for name, one in unet(1).state_dict().items() if one.ndim < 2}
    with pytest.raises(UsageError, match="shares no layer"):
        transfer_weights(biases, unet(2))


def test_stages_run_from_the_pixels_to_the_maps():
    network = unet(1, depth=3)
    parts = stages(network)
    assert parts[0] is network.stem and parts[-1] is network.head
    assert parts[1:4] == list(network.encoders) and parts[4:6] == list(network.decoders)
    learning = [id(weights) for part in parts for weights in part.parameters()]
    assert sorted(learning) == sorted(id(weights) for weights in network.parameters())


def test_frozen_stages_neither_learn_nor_change_their_statistics():
    network = unet(1).train()
    freeze(network, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.rand(2, 3, 16, 16)).square().mean().backward()
    optimiser.step()
    changed = {n for n, value in network.state_dict().items() if not torch.equal(value, before[n])}
    assert changed and not any(name.startswith(("stem", "encoders.0")) for name in changed)
    freeze(network, 0)
    assert all(weights.requires_grad for weights in network.parameters())
    assert network.stem.training
