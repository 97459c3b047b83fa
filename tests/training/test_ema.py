import pytest
import torch
from torch import nn

from cellwright.training.ema import WeightAverage


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))


def test_the_average_by_hand():
    net = network()
    average = WeightAverage(net, decay=0.5)
    expected = start = net[0].weight.detach().clone()
    for step, value in enumerate([1.0, 5.0, -2.0, 4.0], 1):
        with torch.no_grad():
            net[0].weight.fill_(value)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    torch.testing.assert_close(average.network[0].weight, expected)
    assert not torch.allclose(expected, start)


def test_statistics_are_averaged_and_counters_copied():
    net = network()
    average = WeightAverage(net, decay=0.9)
    net(torch.randn(2, 1, 8, 8) + 3)
    average.update(1000)
    torch.testing.assert_close(average.network[1].running_mean, 0.1 * net[1].running_mean)
    assert average.network[1].num_batches_tracked == 1


def test_the_average_predicts_and_never_learns():
    average = WeightAverage(network(), decay=0.9).network
    assert not average.training
    assert not any(weights.requires_grad for weights in average.parameters())


@pytest.mark.parametrize("constant", [0.0, 2.5])
def test_constant_weights_stay(constant):
    net = network()
    with torch.no_grad():
        net[0].weight.fill_(constant)
    average = WeightAverage(net, decay=0.99)
    for step in range(1, 50):
        average.update(step)
    assert (average.network[0].weight == constant).all()
