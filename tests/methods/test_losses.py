"""Each loss equals its formula in plain numpy, and what is masked has no say."""

import numpy as np
import pytest
import torch

from cellwright.methods.losses import (
    binary_cross_entropy,
    class_weights,
    cross_entropy,
    dice,
    focal,
    tversky,
)

RNG = np.random.default_rng(7)
SHAPES = [(2, 3, 5, 4), (2, 2, 3, 5, 4)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference_bce(x, t, valid):
    p = sigmoid(x)
    return np.mean((-t * np.log(p) - (1 - t) * np.log(1 - p))[valid])


def reference_focal(x, t, valid):
    p_true = np.where(t == 1, sigmoid(x), 1 - sigmoid(x))
    return np.mean(((1 - p_true) ** 2 * -np.log(p_true))[valid])


def reference_dice(x, t, valid):
    scores = []
    for image in range(len(x)):
        for channel in range(x.shape[1]):
            inside = valid[image, channel]
            p, truth = sigmoid(x[image, channel][inside]), t[image, channel][inside]
            scores.append(1 - (2 * np.sum(p * truth) + 1) / (np.sum(p) + np.sum(truth) + 1))
    return np.mean(scores)


LOSSES = [
    (binary_cross_entropy, reference_bce),
    (focal, reference_focal),
    (dice, reference_dice),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("loss", "reference"), LOSSES)
class TestPixelLosses:
    def test_equals_the_formula(self, loss, reference, shape):
        x = RNG.normal(size=shape) * 3
        t = (RNG.random(shape) > 0.5).astype(float)
        valid = RNG.random((shape[0], 1, *shape[2:])) > 0.4
        everywhere = np.broadcast_to(valid, shape)
        tensors = map(torch.from_numpy, (x, t, valid))
        assert loss(*tensors).item() == pytest.approx(reference(x, t, everywhere), rel=1e-5)
        whole = loss(torch.from_numpy(x), torch.from_numpy(t)).item()
        assert whole == pytest.approx(reference(x, t, np.ones(shape, bool)), rel=1e-5)

    def test_masked_pixels_have_no_say(self, loss, reference, shape):
        x = torch.from_numpy(RNG.normal(size=shape)).requires_grad_()
        t = torch.full(shape, float("nan"))
        valid = torch.zeros(shape, dtype=torch.bool)
        valid[0, 0] = True
        t[0, 0] = 1.0
        loss(x, t, valid).backward()
        assert x.grad.isfinite().all()
        assert (x.grad[0, 0] != 0).all()
        assert not x.grad[1:].any()

    def test_nothing_valid_is_zero(self, loss, reference, shape):
        x, t = torch.randn(shape), torch.full(shape, float("nan"))
        assert loss(x, t, torch.zeros(shape, dtype=torch.bool)).item() == 0

    def test_extreme_logits_stay_finite(self, loss, reference, shape):
        x = torch.full(shape, 1e4).requires_grad_()
        value = loss(x, torch.zeros(shape))
        value.backward()
        assert value.isfinite()
        assert x.grad.isfinite().all()


def test_focal_without_focus_is_cross_entropy():
    x, t = torch.randn(2, 1, 6, 6), torch.randint(0, 2, (2, 1, 6, 6))
    torch.testing.assert_close(focal(x, t, gamma=0.0), binary_cross_entropy(x, t))


def test_sums_run_in_float32():
    x = torch.zeros(1, 1, 512, 512, dtype=torch.bfloat16)
    assert binary_cross_entropy(x, x).item() == pytest.approx(np.log(2), rel=1e-6)


@pytest.mark.parametrize("space", [(), (4, 5)])
def test_cross_entropy_with_weights(space):
    x = RNG.normal(size=(6, 3, *space))
    t = RNG.integers(0, 3, (6, *space))
    valid = RNG.random((6, *space)) > 0.3
    weights = np.array([0.5, 2.0, 1.0])
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    picked = np.take_along_axis(p, t[:, None], axis=1)[:, 0]
    importance = weights[t] * valid
    expected = np.sum(-np.log(picked) * importance) / np.sum(importance)
    t = np.where(valid, t, 255)  # the usual mark of pixels without a class
    value = cross_entropy(*map(torch.from_numpy, (x, t, valid)), weights=torch.from_numpy(weights))
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_class_weights_by_hand():
    np.testing.assert_allclose(
        class_weights(np.array([60, 30, 10])), [100 / 180, 100 / 90, 100 / 30]
    )
    np.testing.assert_allclose(class_weights(np.array([5, 0])), [0.5, 0])


def test_tversky_weighs_what_is_missed_and_what_is_too_much():
    truth = torch.zeros(1, 1, 10, 10)
    truth[..., :5, :] = 1
    missed, too_much = truth.clone(), truth.clone()
    missed[..., 3:5, :] = 0
    too_much[..., 5:7, :] = 1
    value = tversky(missed, truth, misses=0.7, false_alarms=0.3, smooth=0.0)
    assert value.item() == pytest.approx(1 - 30 / (30 + 0.7 * 20))
    value = tversky(too_much, truth, misses=0.7, false_alarms=0.3, smooth=0.0)
    assert value.item() == pytest.approx(1 - 50 / (50 + 0.3 * 20))
    assert tversky(truth, truth, smooth=0.0).item() == pytest.approx(0)


def test_the_focal_loss_of_classes_looks_away_from_what_is_right():
    logits = torch.from_numpy(RNG.normal(size=(2, 3, 6, 6)).astype(np.float32))
    target = torch.from_numpy(RNG.integers(0, 3, (2, 6, 6)))
    p = torch.softmax(logits, 1).gather(1, target[:, None])[:, 0]
    expected = ((1 - p) ** 2 * -p.log()).mean().item()
    assert cross_entropy(logits, target, gamma=2.0).item() == pytest.approx(expected, rel=1e-5)
    sure = torch.nn.functional.one_hot(target, 3).movedim(-1, 1) * 80.0
    sure.requires_grad_()
    loss = cross_entropy(sure, target, gamma=0.5)
    (gradient,) = torch.autograd.grad(loss, sure)
    assert loss.item() < 1e-6 and torch.isfinite(gradient).all()
