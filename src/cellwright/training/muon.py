"""Muon: what a layer inside the network learns in a step, it learns in all directions alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

# Of the quintic that brings singular values near 1 in few rounds: see [1] in `Muon`.
_LINEAR, _CUBIC, _QUINTIC = 3.4445, -4.7750, 2.0315
_ROUNDS = 5
_LENGTH = 0.2
"""Root mean square of an update over the learning rate, about that of AdamW: see [2] in `Muon`."""


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum [1]_ for the weights inside a network, AdamW for all others.

    The gradient of a layer is, as a matrix, mostly a few large directions. Made orthogonal, its
    momentum moves small ones as far, so that a network learns as much in fewer steps.

    Parameters
    ----------
    groups : iterable of dict
        Groups of parameters. With ``"orthogonal": True``, weights of shape (out, in, ...), each of
        which is one matrix of `out` rows. Others are moved as AdamW moves them.
    lr : float
        Learning rate. A matrix moves so far that the same rate suits both kinds [2]_.
    weight_decay : float
        Decoupled, as in AdamW.
    momentum : float
        Nesterov's, of the matrices.
    betas : tuple of float
        Of AdamW.
    eps : float
        Of AdamW.

    References
    ----------
    .. [1] Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    .. [2] Liu et al., "Muon is scalable for LLM training", arXiv:2502.16982, 2025.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "betas": betas,
            "eps": eps,
            "orthogonal": False,
        }
        super().__init__(groups, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all weights that have a gradient."""
        for group in self.param_groups:
            move = _move_matrix if group["orthogonal"] else _move_each
            for weights in group["params"]:
                if weights.grad is not None:
                    weights.mul_(1 - group["lr"] * group["weight_decay"])
                    move(weights, weights.grad, self.state[weights], group)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return nearly the orthogonal matrix that is closest to a matrix.

    Its singular values lie between 0.65 and 1.25, but for those that were below about 1/700 of the
    root of the sum of their squares. The rounds of the iteration are taken on the smaller Gram
    matrix, which is not their usual form: it is 2 to 3 times as fast for convolutions.

    Parameters
    ----------
    matrix : Tensor, shape (rows, columns)
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalised(matrix.T).T
    matrix = matrix / (torch.linalg.matrix_norm(matrix) + 1e-7)
    gram = matrix @ matrix.T
    product = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    for _ in range(_ROUNDS):
        factor = torch.addmm(gram, gram, gram, beta=_CUBIC, alpha=_QUINTIC)
        factor.diagonal().add_(_LINEAR)
        product = factor @ product
        gram = factor @ gram @ factor
    return product @ matrix


def _move_matrix(
    weights: Tensor, gradient: Tensor, memory: dict[str, Tensor], group: dict[str, Any]
) -> None:
    if not memory:
        memory["momentum"] = torch.zeros_like(weights)
    mean = memory["momentum"].lerp_(gradient, 1 - group["momentum"])
    ahead = gradient.lerp(mean, group["momentum"]).flatten(1)
    length = _LENGTH * math.sqrt(max(ahead.shape))
    weights.add_(orthogonalised(ahead).view_as(weights), alpha=-group["lr"] * length)


def _move_each(
    weights: Tensor, gradient: Tensor, memory: dict[str, Tensor], group: dict[str, Any]
) -> None:
    if not memory:
        memory["step"] = torch.zeros(())
        memory["mean"], memory["square"] = torch.zeros_like(weights), torch.zeros_like(weights)
    memory["step"] += 1
    step, (first, second) = memory["step"].item(), group["betas"]
    mean = memory["mean"].lerp_(gradient, 1 - first)
    square = memory["square"].lerp_(gradient.square(), 1 - second)
    spread = (square / (1 - second**step)).sqrt_().add_(group["eps"])
    weights.addcdiv_(mean, spread, value=-group["lr"] / (1 - first**step))
