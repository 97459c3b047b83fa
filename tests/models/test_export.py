import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cellwright import ModelError  # noqa: E402
from cellwright.inference.runtime import OnnxNetwork  # noqa: E402
from cellwright.models.export import restored_network, weights_of  # noqa: E402
from cellwright.models.find import SHIPPED  # noqa: E402
from cellwright.models.package import load_package  # noqa: E402


def test_onnx_gives_torchs_maps_for_any_size(exported, package):
    network, files = exported
    runtime = OnnxNetwork(files["network.onnx"], stride=(8, 8), halo=(0, 0), device="cpu")
    pixels = np.random.default_rng(3).normal(size=(3, 1, 40, 88)).astype(np.float32)
    with torch.inference_mode():
        expected = network.eval()(torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(runtime(pixels), expected, atol=1e-4)


def test_batch_normalisation_is_folded(exported):
    onnx = pytest.importorskip("onnx")
    graph = onnx.load_from_string(exported[1]["network.onnx"]).graph
    assert "BatchNormalization" not in {node.op_type for node in graph.node}


def test_weights_come_back_kernels_in_half_precision(exported, package):
    network, _ = exported
    again = restored_network(package).state_dict()
    for name, value in network.state_dict().items():
        assert again[name].dtype == value.dtype
        expected = value.half().to(value.dtype) if value.ndim > 1 else value
        assert torch.equal(again[name], expected)


def test_kernels_that_half_precision_cannot_hold_stay_as_they_are(exported):
    from safetensors.torch import load

    network = copy.deepcopy(exported[0])
    name, kernel = next((n, w) for n, w in network.named_parameters() if w.ndim > 1)
    with torch.no_grad():
        kernel.view(-1)[0] = 1e6
    assert torch.equal(load(weights_of(network))[name], kernel)


@pytest.mark.parametrize("name", [entry.name for entry in SHIPPED.iterdir() if entry.is_dir()])
def test_training_starts_from_what_a_shipped_model_does(name):
    package = load_package(SHIPPED / name)
    with torch.inference_mode():
        maps = restored_network(package).eval()(torch.from_numpy(package.test_input.copy()))
    difference = np.abs(maps.numpy() - package.test_output)
    assert np.quantile(difference, 0.99) < 0.02 * np.abs(package.test_output).max()


def test_foreign_weights_are_refused(package):
    files = {**package.files, "weights.safetensors": b"\x80\x04not safetensors"}
    with pytest.raises(ModelError, match="weights do not fit"):
        restored_network(replace(package, files=files))


def test_exporting_leaves_the_network_in_training_mode():
    from cellwright.images.normalise import Normalisation
    from cellwright.models.export import export_network
    from cellwright.networks.registry import network_from_dict

    network = network_from_dict(
        {"name": "unet", "in_channels": 3, "out_channels": 2, "width": 8, "depth": 2}
    ).train()
    export_network(network, Normalisation())
    assert network.training


@pytest.mark.parametrize(("options", "expected"), [({"width": 8}, 24), ({"width": 32}, 96)])
def test_the_memory_of_the_maps_is_counted(options, expected):
    from cellwright.models.export import to_onnx
    from cellwright.models.onnx_graph import bytes_per_pixel
    from cellwright.networks.registry import network_from_dict

    # On a grid of half the resolution: block in and out, and the skip that is still needed.
    description = {"name": "unet", "in_channels": 1, "out_channels": 1, "stem": 2, "depth": 3}
    network = network_from_dict({**description, **options}, seed=0).eval()
    assert bytes_per_pixel(to_onnx(network), (8, 8)) == pytest.approx(expected, rel=0.35)
