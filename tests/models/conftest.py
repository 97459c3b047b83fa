import numpy as np
import pytest

from cellwright.images.normalise import Normalisation
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.package import save_package


@pytest.fixture(scope="session")
def exported():
    """A tiny network with random weights and its exported files."""
    pytest.importorskip("torch")
    from cellwright.models.export import export_network
    from cellwright.networks.registry import network_from_dict

    description = {"name": "unet", "in_channels": 1, "out_channels": 3, "width": 8, "depth": 2}
    network = network_from_dict(description, seed=1)
    rng = np.random.default_rng(0)
    import torch

    for name, buffer in network.named_buffers():  # batch statistics that folding must respect
        if buffer.is_floating_point():
            spread = 1 if "mean" in name else 0
            noise = rng.uniform(0.5 - spread, 1.5 - spread, buffer.shape)
            buffer.copy_(torch.from_numpy(noise.astype(np.float32)))
    return network, export_network(network, Normalisation())


@pytest.fixture(scope="session")
def card(exported):
    from cellwright.models.export import network_facts

    return ModelCard(
        name="toy",
        version="0.1.0",
        description="Random weights.",
        task="instances",
        method="offsets",
        readout={"threshold": 0.5},
        network=network_facts(exported[0], exported[1]["network.onnx"]),
        input=InputContract(("grey",), Normalisation(), 20.0, (10.0, 40.0)),
        training={"steps": 0},
        limits="Knows nothing.",
        authors=("Ann Example",),
    )


@pytest.fixture(scope="session")
def package(card, exported, tmp_path_factory):
    return save_package(tmp_path_factory.mktemp("models") / "toy.zip", card, exported[1])
