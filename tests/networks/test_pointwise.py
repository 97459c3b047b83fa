import pytest

torch = pytest.importorskip("torch")

from cellwright._errors import UsageError  # noqa: E402
from cellwright.networks.pointwise import Pointwise, PointwiseConfig  # noqa: E402


def _network():
    network = Pointwise(PointwiseConfig(in_channels=5, out_channels=2, width=8)).eval()
    torch.manual_seed(0)
    for weights in network.parameters():
        torch.nn.init.normal_(weights)
    return network


def test_fresh_weights_return_0():
    fresh = Pointwise(PointwiseConfig(in_channels=5, out_channels=2))
    assert not fresh(torch.randn(1, 5, 3, 4)).any()


def test_a_pixel_knows_nothing_of_others():
    network, pixels = _network(), torch.randn(1, 5, 3, 4)
    with torch.no_grad():
        maps = network(pixels)
        assert maps.shape == (1, 2, 3, 4)
        assert torch.allclose(network(pixels[..., 2:3, 1:2]), maps[..., 2:3, 1:2], atol=1e-5)


def test_volumes_are_refused():
    with pytest.raises(UsageError, match="dimensions"):
        PointwiseConfig(in_channels=5, out_channels=2, dimensions=3)
