"""Losses per pixel, with masks, and weights against rare classes.

All are pure functions of ``(N, K, [Z,] Y, X)`` tensors and return one number. Where `valid` is
False, or 0, a pixel has no say: neither in the value nor in the gradient, whatever the target holds
there. Losses that are means over pixels take weights for `valid`, too, and are weighted means then.
Without any valid pixel a loss is 0. Sums run in float32 under mixed precision, too.
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
        Boolean, or weights from 0 on; of a shape that broadcasts to `logits`.
    """
    logits, target, valid = _prepare(logits, target, valid)
    losses = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return weighted_mean(losses, valid)


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
    return weighted_mean(losses * wrong**gamma, valid)


def dice(
    logits: Tensor, target: Tensor, valid: Tensor | None = None, *, smooth: float = 1.0
) -> Tensor:
    """Return the `soft_dice` loss of sigmoid(`logits`).

    Parameters
    ----------
    logits : Tensor
        ``(N, K, [Z,] Y, X)``, before the sigmoid.
    target, valid, smooth
        See `soft_dice`.
    """
    return soft_dice(torch.sigmoid(logits.float()), target, valid, smooth=smooth)


def soft_dice(
    probability: Tensor, target: Tensor, valid: Tensor | None = None, *, smooth: float = 1.0
) -> Tensor:
    """Return 1 - the soft Dice coefficient, averaged over images and channels.

    ``1 - (2 Σ p t + smooth) / (Σ p + Σ t + smooth)``, sums over the valid pixels of one channel of
    one image.

    Parameters
    ----------
    probability, target : Tensor
        ``(N, K, [Z,] Y, X)``, 0 to 1.
    valid : Tensor, optional
        Boolean, of a shape that broadcasts to `probability`.
    smooth : float
        In px; keeps channels without any object calm.

    References
    ----------
    Milletari et al., "V-Net", 3DV 2016.
    """
    return tversky(probability, target, valid, misses=0.5, false_alarms=0.5, smooth=smooth)


def tversky(
    probability: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    *,
    misses: float = 0.7,
    false_alarms: float = 0.3,
    smooth: float = 1.0,
) -> Tensor:
    """Return 1 - the Tversky index, averaged over images and channels.

    The Dice loss in which what is missed and what is found too much weigh differently; at 0.5
    and 0.5 it is the Dice loss.

    Parameters
    ----------
    probability, target, valid : Tensor
        See `soft_dice`.
    misses, false_alarms : float
        Weights of ``Σ (1 - p) t`` and ``Σ p (1 - t)``.
    smooth : float
        As in `soft_dice`, in px.

    References
    ----------
    Salehi, Erdogmus & Gholipour, "Tversky loss function for image segmentation using 3D fully
    convolutional deep networks", MLMI 2017, arXiv:1706.05721.
    """
    probability, target, valid = _prepare(probability, target, valid)
    probability, target = probability * valid, target * valid
    space = tuple(range(2, probability.ndim))
    shared = (probability * target).sum(space)
    missed = target.sum(space) - shared
    too_much = probability.sum(space) - shared
    least = smooth / 2
    index = (shared + least) / (shared + misses * missed + false_alarms * too_much + least)
    return (1 - index).mean()


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    *,
    weights: Tensor | None = None,
    gamma: float = 0.0,
) -> Tensor:
    """Return the mean cross-entropy of softmax(`logits`) against classes.

    Parameters
    ----------
    logits : Tensor
        ``(N, K, [Z,] Y, X)``, or ``(N, K)`` for whole images.
    target : Tensor
        Class indices ``(N, [Z,] Y, X)`` or ``(N,)``, 0 to K - 1.
    valid : Tensor, optional
        Boolean, or weights from 0 on; shape of `target`.
    weights : Tensor, optional
        ``(K,)``, such as from `class_weights`; the mean is a weighted one.
    gamma : float
        Above 0, the focal loss of several classes: a pixel counts ``(1 - p)**gamma``, with p the
        probability given to its true class (Lin et al., ICCV 2017).
    """
    if valid is None:
        valid = torch.ones_like(target, dtype=torch.bool)
    target = torch.where(valid > 0, target, 0).long()
    losses = functional.cross_entropy(logits.float(), target, reduction="none")
    if gamma > 0:
        # Not quite 0, where a root has no slope.
        losses = losses * (1 - torch.exp(-losses)).clamp(min=1e-6) ** gamma
    importance = valid.float() if weights is None else valid * weights.float()[target]
    return weighted_mean(losses, importance)


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


def _prepare(
    prediction: Tensor, target: Tensor, valid: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Bring all to float32 and one shape; clear targets that do not count (they may be NaN)."""
    prediction = prediction.float()
    if valid is None:
        return prediction, target.float(), torch.ones_like(prediction)
    valid = valid.expand_as(prediction)
    return prediction, torch.where(valid > 0, target, 0).float(), valid.float()


def weighted_mean(losses: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of `losses`, weighted; 0 where no weight is above 0."""
    total = weight.sum()
    return (losses * weight).sum() / torch.where(total > 0, total, 1)
