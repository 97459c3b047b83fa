"""From a trained torch network to the files of a package."""

from __future__ import annotations

import copy
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from cellwright._errors import ModelError
from cellwright._types import FloatArray
from cellwright.images.normalise import Normalisation
from cellwright.inference.runtime import OnnxNetwork
from cellwright.models.card import NetworkFacts
from cellwright.models.example import example_image, smallest_size
from cellwright.models.onnx_graph import bytes_per_pixel
from cellwright.models.package import NETWORK, WEIGHTS, Package, make_files
from cellwright.networks.network import Network
from cellwright.networks.registry import network_from_dict, network_to_dict

OPSET = 17
_AGREEMENT = 1e-4  # between torch and ONNX Runtime, relative to the largest map value


def export_network(network: Network, normalisation: Normalisation) -> dict[str, bytes]:
    """Return the files of a package for a trained network.

    The test input is a simulated image, so that it looks like what the network is for and can be
    made again.

    Parameters
    ----------
    network : Network
        Its weights stay as they are.
    normalisation : Normalisation
        Applied to the test image.

    Returns
    -------
    dict of bytes
        As `make_files` returns it.

    Raises
    ------
    ModelError
        If the exported network does not agree with the original.
    """
    raw = example_image(network.config.in_channels, smallest_size(network.stride))
    return network_files(network, normalisation.apply(raw, normalisation.limits(raw))[np.newaxis])


def network_files(network: Network, pixels: FloatArray) -> dict[str, bytes]:
    """Return the files of a package for a trained network, tested with given pixels.

    Parameters
    ----------
    network : Network
        Its weights stay as they are.
    pixels : ndarray, shape (1, C, [Z,] Y, X), float32
        As the network takes them.

    Raises
    ------
    ModelError
        If the exported network does not agree with the original.
    """
    ready = copy.deepcopy(network).cpu().float().eval()
    content = to_onnx(ready)
    facts = network_facts(network, content)
    maps = _agreed_maps(ready, content, facts, pixels)
    return make_files({NETWORK: content, WEIGHTS: weights_of(ready)}, pixels, maps)


def network_facts(network: Network, content: bytes) -> NetworkFacts:
    """Return what a card says about a network.

    Parameters
    ----------
    network : Network
    content : bytes
        The same network as ONNX.
    """
    return NetworkFacts(
        config=network_to_dict(network),
        stride=network.stride,
        halo=network.halo,
        bytes_per_pixel=bytes_per_pixel(content, network.stride),
    )


def restored_network(package: Package) -> Network:
    """Build the torch network of a package with its weights, for further training.

    Raises
    ------
    ModelError
        If it has none that was made here, or the weights do not belong to it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    facts = package.card.network
    if WEIGHTS not in package.files:
        raise ModelError(
            f"The model '{package.card.name}' cannot be trained further (method "
            f"{package.card.method}). Start from a model whose network was trained here, such as "
            "'nuclei'."
        )
    network = network_from_dict(facts.config)
    try:
        network.load_state_dict(load(package.files[WEIGHTS]))
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(f"The weights do not fit the network of the model: {error}.") from error
    return network


def to_onnx(network: Network) -> bytes:
    """Return the network as ONNX, with batch normalisation folded and free image sizes.

    Parameters
    ----------
    network : Network
        On the CPU, in evaluation mode.
    """
    example = torch.zeros(1, network.config.in_channels, *(4 * step for step in network.stride))
    axes = ("z", "y", "x")[-len(network.stride) :]
    free = {0: "batch", **dict(enumerate(axes, 2))}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "network.onnx"
        # The newer exporter needs two more packages and makes the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            target,
            input_names=["pixels"],
            output_names=["maps"],
            dynamic_axes={"pixels": free, "maps": free},
            opset_version=OPSET,
            dynamo=False,
        )
        return target.read_bytes()


def weights_of(network: Network) -> bytes:
    """Return all parameters and buffers in the safetensors format.

    They are where further training starts, which moves them by more than rounding does: kernels,
    nearly all there is, are stored in half precision. What runs is the ONNX, in single precision.
    """
    from safetensors.torch import save

    content: bytes = save(
        {name: _stored(value).contiguous() for name, value in network.state_dict().items()}
    )
    return content


def _stored(value: torch.Tensor) -> torch.Tensor:
    half = value.half()
    kernel = value.is_floating_point() and value.ndim > 1
    return half if kernel and bool(half.isfinite().all()) else value


def _agreed_maps(
    network: Network, content: bytes, facts: NetworkFacts, pixels: FloatArray
) -> FloatArray:
    """Return ONNX Runtime's maps, checked against torch at two sizes and batch sizes."""
    runtime = OnnxNetwork(content, stride=facts.stride, halo=facts.halo, device="cpu")
    narrow = np.concatenate([pixels, pixels[..., ::-1]])[..., : -facts.stride[-1]]
    for probe in (np.ascontiguousarray(narrow), pixels):
        with torch.inference_mode():
            expected = network(torch.from_numpy(probe)).numpy()
        maps = runtime(probe)
        difference = np.abs(maps - expected).max() / max(1.0, np.abs(expected).max())
        if not difference <= _AGREEMENT:
            raise ModelError(
                f"The exported network differs from the trained one by {difference:.2g} of its "
                "largest output. Train with another kind of layer, and please report this."
            )
    return maps
