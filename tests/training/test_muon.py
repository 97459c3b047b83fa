"""Muon moves all directions of a layer alike, and everything else as AdamW does."""

import pytest
import torch

from cellwright.networks.registry import network_from_dict
from cellwright.training.muon import Muon, orthogonalised
from cellwright.training.optimiser import make_optimiser
from cellwright.training.settings import FitSettings


def matrix_with(values, rows, columns, seed=0):
    """Make a matrix of given singular values, and the orthogonal one that is closest to it."""
    random = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(rows, rows, generator=random))[0][:, : len(values)]
    right = torch.linalg.qr(torch.randn(columns, columns, generator=random))[0][: len(values)]
    return left @ torch.diag(torch.tensor(values)) @ right, left @ right


@pytest.mark.parametrize(("rows", "columns"), [(16, 144), (64, 32), (24, 24), (1, 9)])
def test_the_nearest_orthogonal_matrix(rows, columns):
    least = min(rows, columns)
    matrix, nearest = matrix_with([0.97**i for i in range(least)], rows, columns)
    found = orthogonalised(matrix)
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.65 and values.max() < 1.25
    assert torch.sum(found * nearest) / least > 0.65  # along the same directions
    assert torch.allclose(orthogonalised(matrix * 1e4), found, atol=1e-4)


def test_small_directions_are_not_lost():
    matrix, nearest = matrix_with([1.0, 0.3, 0.1, 0.03, 0.01, 0.003], 6, 54)
    along = torch.linalg.svdvals(orthogonalised(matrix))
    assert along.min() > 0.65
    assert torch.allclose(torch.linalg.svdvals(nearest), torch.ones(6), atol=1e-5)


def test_no_gradient_at_all_moves_nothing():
    assert torch.equal(orthogonalised(torch.zeros(4, 36)), torch.zeros(4, 36))


@pytest.mark.parametrize("shape", [(32, 16, 3, 3), (16, 64, 1, 1), (8, 8, 3, 3, 3), (40, 20)])
def test_a_matrix_moves_as_far_as_with_adamw(shape):
    torch.manual_seed(0)
    weights = torch.nn.Parameter(torch.zeros(shape))
    weights.grad = torch.randn(shape) * 1e-5
    group = {"params": [weights], "orthogonal": True}
    Muon([group], lr=1e-2, weight_decay=0.0).step()
    step = weights.detach().square().mean().sqrt().item()
    assert step == pytest.approx(0.2 * 1e-2, rel=0.2)


def test_all_else_moves_as_with_adamw():
    def moved(make):
        weights = torch.nn.Parameter(torch.linspace(-1, 1, 24).reshape(4, 6).clone())
        optimiser = make([{"params": [weights]}])
        for step in range(8):
            optimiser.zero_grad()
            (weights.sin() * (step + 1)).square().sum().backward()
            optimiser.step()
        return weights.detach()

    ours = moved(lambda groups: Muon(groups, lr=3e-2, weight_decay=0.1))
    theirs = moved(lambda groups: torch.optim.AdamW(groups, lr=3e-2, weight_decay=0.1))
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_which_weights_are_matrices():
    network = network_from_dict(
        {"name": "unet", "in_channels": 1, "out_channels": 2, "width": 8, "depth": 2}
        | {"block": "separable"},
        seed=0,
    )
    optimiser = make_optimiser(network, FitSettings(steps=1, optimiser="muon"))
    names = {id(weights): name for name, weights in network.named_parameters()}
    groups = optimiser.param_groups
    assert sorted(names[id(one)] for group in groups for one in group["params"]) == sorted(
        names.values()
    )
    turned = [one for group in groups if group["orthogonal"] for one in group["params"]]
    assert turned
    assert all(one.ndim > 1 and one.shape[1] > 1 for one in turned)
    assert not any(names[id(one)].startswith("head") for one in turned)
    assert all(group["weight_decay"] == 0 for group in groups if _thin(group))


def _thin(group):
    return any(one.ndim <= 1 for one in group["params"])
