"""Averaged weights: smoother, and better on new images, than those of the last step."""

import copy

import torch
from torch import nn


class WeightAverage:
    """An exponential moving average of a network's weights.

    After step t, ``average += (1 - d) * (weights - average)`` with
    ``d = min(decay, (1 + t) / (10 + t))``: early on the average follows closely, so that it does
    not remember the random start.

    The running statistics of batch normalisation are averaged as the weights are; counters are
    copied.

    Parameters
    ----------
    network : nn.Module
        Whose weights are averaged.
    decay : float
        Share that the average keeps in a step.

    Attributes
    ----------
    network : nn.Module
        A copy with the averaged weights, in evaluation mode.

    References
    ----------
    Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control
    Optim. 1992; the warm-up as in TensorFlow's ``ExponentialMovingAverage``.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        pairs = list(
            zip(self.network.state_dict().values(), network.state_dict().values(), strict=True)
        )
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages, weights = zip(*self._floats, strict=True)
        torch._foreach_lerp_(averages, weights, 1 - decay)
        for average, counter in self._counters:
            average.copy_(counter)
