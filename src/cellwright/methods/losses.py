"""Losses per pixel, with masks, and weights against rare classes.

All are pure functions of ``(N, K, [Z,] Y, X)`` tensors and return one number. Where `valid` is
False a pixel has no say: neither in the value nor in the gradient, whatever the target holds
there. Without any valid pixel a loss is 0. Sums run in float32 under mixed precision, too.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellwright._types import AnyArray, DoubleArray


def binary_cross_entropy(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the mean binary cross-entropy of sigmoid(`logits`) against `target`.

    Parameters
    ----------
    logits : Tensor
        ``(N, K, [Z,] Y, X)``, before the sigmoid.
    target : Tensor
        Same shape, 0 to 1.
    valid : Tensor, optional
        Boolean, of a shape that broadcasts to `logits`.
    """
    logits, target, valid = _prepare(logits, target, valid)
    losses = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _mean(losses, valid)


def focal(
    logits: Tensor, target: Tensor, valid: Tensor | None = None, *, gamma: float = 2.0
) -> Tensor:
    """Return the mean focal loss: cross-entropy that looks away from what is already right.

    ``(1 - p)**gamma * -log(p)``, with p the probability given to the true class.

    Parameters
    ----------
    logits, target, valid : Tensor
        See `binary_cross_entropy`; `target` is 0 or 1.
    gamma : float
        0 is plain cross-entropy.

    References
    ----------
    Lin et al., "Focal loss for dense object detection", ICCV 2017.
    """
    logits, target, valid = _prepare(logits, target, valid)
    losses = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    wrong = torch.sigmoid(logits * (1 - 2 * target))  # 1 - p, without cancellation
    return _mean(losses * wrong**gamma, valid)


def dice(
    logits: Tensor, target: Tensor, valid: Tensor | None = None, *, smooth: float = 1.0
) -> Tensor:
    """Return 1 - the soft Dice coefficient, averaged over images and channels.

    ``1 - (2 Σ p t + smooth) / (Σ p + Σ t + smooth)``, sums over the valid pixels of one channel of
    one image, p = sigmoid(`logits`).

    Parameters
    ----------
    logits, target, valid : Tensor
        See `binary_cross_entropy`.
    smooth : float
        In px; keeps channels without any object calm.

    References
    ----------
    Milletari et al., "V-Net", 3DV 2016.
    """
    logits, target, valid = _prepare(logits, target, valid)
    probability = torch.sigmoid(logits) * valid
    target = target * valid
    space = tuple(range(2, logits.ndim))
    shared = (probability * target).sum(space)
    total = probability.sum(space) + target.sum(space)
    return (1 - (2 * shared + smooth) / (total + smooth)).mean()


def smooth_l1(
    prediction: Tensor, target: Tensor, valid: Tensor | None = None, *, beta: float = 1.0
) -> Tensor:
    """Return the mean Huber-like loss: quadratic below an error of `beta`, linear above.

    Parameters
    ----------
    prediction, target : Tensor
        ``(N, K, [Z,] Y, X)``.
    valid : Tensor, optional
        Boolean, of a shape that broadcasts to `prediction`.
    beta : float
        Error at which the pieces meet, in units of the target. 0 is the absolute error.
    """
    prediction, target, valid = _prepare(prediction, target, valid)
    return _mean(functional.smooth_l1_loss(prediction, target, reduction="none", beta=beta), valid)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    *,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the mean cross-entropy of softmax(`logits`) against classes.

    Parameters
    ----------
    logits : Tensor
        ``(N, K, [Z,] Y, X)``, or ``(N, K)`` for whole images.
    target : Tensor
        Class indices ``(N, [Z,] Y, X)`` or ``(N,)``, 0 to K - 1.
    valid : Tensor, optional
        Boolean, shape of `target`.
    weights : Tensor, optional
        ``(K,)``, such as from `class_weights`; the mean is a weighted one.
    """
    if valid is None:
        valid = torch.ones_like(target, dtype=torch.bool)
    target = torch.where(valid, target, 0).long()
    losses = functional.cross_entropy(logits.float(), target, reduction="none")
    importance = valid.float() if weights is None else valid * weights.float()[target]
    return _mean(losses, importance)


def class_weights(counts: AnyArray) -> DoubleArray:
    """Return one weight a class that makes all classes count alike.

    ``N_total / (N_class * classes)``; 0 for a class without examples.

    Parameters
    ----------
    counts : array
        ``(K,)`` number of pixels or examples of each class.
    """
    counts = np.asarray(counts, dtype=np.float64)
    weights = counts.sum() / (np.maximum(counts, 1) * len(counts))
    return np.where(counts > 0, weights, 0.0)


def balanced_sampling(classes: AnyArray) -> DoubleArray:
    """Return the chance of each example with which all classes are drawn equally often.

    Parameters
    ----------
    classes : array
        ``(N,)`` class of each example; any values.

    Returns
    -------
    array
        ``(N,)``, of sum 1.
    """
    _, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    chances: DoubleArray = 1.0 / (len(counts) * counts[index])
    return chances


def _prepare(
    prediction: Tensor, target: Tensor, valid: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Bring all to float32 and one shape; clear targets that do not count (they may be NaN)."""
    prediction = prediction.float()
    if valid is None:
        return prediction, target.float(), torch.ones_like(prediction)
    valid = valid.expand_as(prediction)
    return prediction, torch.where(valid, target, 0).float(), valid.float()


def _mean(losses: Tensor, importance: Tensor) -> Tensor:
    total = importance.sum()
    return (losses * importance).sum() / torch.where(total > 0, total, 1)
