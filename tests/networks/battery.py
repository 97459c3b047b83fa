"""The checks that every network must pass, with every option of its own."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from cellwright.networks.network import Network
from cellwright.networks.registry import network_from_dict, network_to_dict


class NetworkBattery:
    """Subclass, and give a fixture `description` that yields descriptions of networks."""

    @pytest.fixture
    def network(self, description: dict) -> Network:
        return network_from_dict(description, seed=1).eval()

    def test_output_has_the_size_of_the_input(self, network):
        for count, repeats in [(1, 1), (2, 2), (1, 3)]:
            pixels = random_pixels(network, repeats, count)
            result = network(pixels)
            assert result.shape == (count, network.config.out_channels, *pixels.shape[2:])
            assert result.dtype == torch.float32

    def test_every_parameter_learns(self, network):
        network.train()(random_pixels(network, 2, count=2)).square().sum().backward()
        untouched = [
            name
            for name, weights in network.named_parameters()
            if weights.grad is None or not weights.grad.isfinite().all() or not weights.grad.any()
        ]
        assert untouched == []

    def test_same_seed_same_network(self, description, network):
        before = torch.get_rng_state()
        again, other = (network_from_dict(description, seed=seed).eval() for seed in (1, 2))
        pixels = random_pixels(network, 1)
        assert torch.equal(again(pixels), network(pixels))
        assert not torch.equal(other(pixels), network(pixels))
        assert torch.equal(torch.get_rng_state(), before)

    def test_description_round_trip(self, network):
        again = network_from_dict(network_to_dict(network))
        assert again.config == network.config
        again.load_state_dict(network.state_dict())
        pixels = random_pixels(network, 1)
        assert torch.equal(again.eval()(pixels), network(pixels))

    def test_halo_is_the_exact_reach_of_gradients(self, network):
        if network.uses_image_statistics:
            pytest.skip("depends on the whole input by design")
        linear_twin = make_linear(network).double()
        assert measured_reach(linear_twin) == network.halo

    def test_tile_with_halo_equals_the_whole(self, network):
        if network.uses_image_statistics:
            pytest.skip("depends on the whole input by design")
        tile, grown = [], []
        for stride, halo in zip(network.stride, network.halo, strict=True):
            margin = -(-halo // stride) * stride
            tile.append(slice(margin + stride, margin + 2 * stride))
            grown.append(slice(stride, stride + 2 * margin + stride))
        size = [part.stop + stride for part, stride in zip(grown, network.stride, strict=True)]
        pixels = torch.rand(1, network.config.in_channels, *size)
        inside = [
            slice(a.start - b.start, a.stop - b.start) for a, b in zip(tile, grown, strict=True)
        ]
        with torch.no_grad():
            whole = network(pixels)[(..., *tile)]
            alone = network(pixels[(..., *grown)])[(..., *inside)]
        torch.testing.assert_close(alone, whole, rtol=1e-5, atol=1e-5 * float(whole.abs().max()))

    # Torch warns of its own exporter, and of the shape checks in its own norms.
    @pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
    def test_onnx_runtime_gives_the_same(self, network, tmp_path: Path):
        session = onnx_session(network, tmp_path / "network.onnx")
        for repeats, count in [(1, 1), (2, 2)]:
            pixels = random_pixels(network, repeats, count)
            with torch.no_grad():
                expected = network(pixels).numpy()
            (result,) = session.run(None, {"pixels": pixels.numpy()})
            np.testing.assert_allclose(result, expected, atol=1e-5 * np.abs(expected).max())


def random_pixels(network: Network, repeats: int, count: int = 1) -> torch.Tensor:
    """Make ``(N, C, [Z,] Y, X)`` pixels; the last axis is longer, so that no axes can swap."""
    generator = torch.Generator().manual_seed(repeats)
    size = [stride * repeats for stride in network.stride]
    size[-1] += network.stride[-1]
    return torch.rand(count, network.config.in_channels, *size, generator=generator)


def make_linear(network: Network) -> Network:
    """Turn a network into one of the same connections through which every path can be seen.

    Positive weights and averages in place of maxima: no path is cut and none cancels another.
    """
    pools = {nn.MaxPool2d: nn.AvgPool2d, nn.MaxPool3d: nn.AvgPool3d}
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) in pools:
                setattr(module, name, pools[type(child)](child.kernel_size))
            elif child.__module__.endswith("activation"):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(weights.abs() + 0.01)
    return network


def measured_reach(network: Network) -> tuple[int, ...]:
    """Return the largest distance, per axis, at which an input pixel moves an output pixel."""
    dimensions = len(network.stride)
    reach = []
    for axis in range(dimensions):
        size = list(network.stride)
        margin = (-(-network.halo[axis] // size[axis]) + 1) * size[axis]
        size[axis] += 2 * margin
        farthest = 0
        for offset in range(network.stride[axis]):
            pixels = torch.zeros(1, network.config.in_channels, *size, dtype=torch.float64)
            pixels.requires_grad_()
            network(pixels).select(2 + axis, margin + offset).sum().backward()
            others = [other for other in range(2 + dimensions) if other != 2 + axis]
            (seen,) = pixels.grad.abs().sum(others).nonzero(as_tuple=True)
            distances = (seen - margin - offset).abs()
            farthest = max(farthest, int(distances.max()))
        reach.append(farthest)
    return tuple(reach)


def onnx_session(network: Network, path: Path) -> onnxruntime.InferenceSession:
    spatial = "zyx"[-len(network.stride) :]
    axes = {0: "n", **{2 + axis: name for axis, name in enumerate(spatial)}}
    torch.onnx.export(
        network,
        (random_pixels(network, 1),),
        str(path),
        input_names=["pixels"],
        output_names=["maps"],
        dynamic_axes={"pixels": axes, "maps": axes},
        opset_version=17,
        dynamo=False,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
