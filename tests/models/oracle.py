"""A model that is always right: its images are the maps that its network is to return."""

from dataclasses import replace

import numpy as np

from cellwright.images.image import Image
from cellwright.images.normalise import Normalisation
from cellwright.methods.offsets.geometry import centres, offsets_to_centres
from cellwright.methods.offsets.readout import OffsetsReadout
from cellwright.models.card import InputContract, ModelCard, NetworkFacts
from cellwright.models.package import NETWORK, WEIGHTS, make_files, save_package

FARTHEST = 32.0  # px; the offsets that stand for 0 and 1 in the image
NAMES = ("foreground", "row offset", "column offset")


def oracle_package(path, **changes):
    """Save the model; `changes` are fields of its card."""
    unit = OffsetsReadout().unit
    gains = [20, 2 * FARTHEST / unit, 2 * FARTHEST / unit]
    card = ModelCard(
        name="oracle",
        version="1",
        description="Knows the truth.",
        task="instances",
        method="offsets",
        readout={},
        network=NetworkFacts({}, stride=(1, 1), halo=(0, 0), bytes_per_pixel=200),
        input=InputContract(NAMES, Normalisation(0, 100), 20.0, (2.0, 200.0)),
    )
    return save_gains(path, replace(card, **changes), gains)


def save_gains(path, card, gains):
    """Save a model whose maps are its pixels less one half, times a gain for each channel."""
    import onnx
    from onnx import TensorProto, helper

    count = len(gains)
    gains = np.array(gains, np.float32)
    sizes = ["n", count, "y", "x"]
    graph = helper.make_graph(
        [
            helper.make_node("Sub", ["pixels", "half"], ["centred"]),
            helper.make_node("Mul", ["centred", "gain"], ["maps"]),
        ],
        "oracle",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, sizes)],
        [
            helper.make_tensor("half", TensorProto.FLOAT, [], [0.5]),
            helper.make_tensor("gain", TensorProto.FLOAT, [1, count, 1, 1], gains),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    pixels = np.zeros((1, count, 8, 8), np.float32)
    maps = (pixels - 0.5) * gains[:, None, None]
    files = make_files({NETWORK: model.SerializeToString(), WEIGHTS: b""}, pixels, maps)
    return save_package(path, card, files)


def oracle_image(labels):
    """Return the image in which the oracle sees exactly `labels`; two corners must be empty."""
    labels = labels.astype(np.int32)
    centre, _ = centres(labels, max(int(labels.max()), 1))
    offsets = offsets_to_centres(labels, centre) / FARTHEST
    assert np.abs(offsets).max() <= 1 and labels[0, 0] == labels[-1, -1] == 0
    offsets[:, 0, 0], offsets[:, -1, -1] = -1, 1
    foreground = (labels > 0) * 2.0 - 1
    return Image(np.stack([foreground, *offsets]).astype(np.float32), "CYX", channel_names=NAMES)
