"""A model of boxes that is always right: its images are the maps that its network is to return."""

from dataclasses import replace

import numpy as np

from cellwright.images.image import Image
from cellwright.images.normalise import Normalisation
from cellwright.methods.boxes.geometry import distances_to_sides, owners_of
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.models.card import InputContract, ModelCard, NetworkFacts
from models.oracle import save_gains

KINDS = ("red", "white")
READOUT = BoxesReadout(KINDS, threshold=0.1, longest=40)
_SURE = 20.0  # logit
_FARTHEST = 4.0  # logarithm of a distance over the unit
_GAINS = [2 * _SURE] * len(KINDS) + [2 * _FARTHEST] * 4 + [2 * _SURE]
NAMES = tuple(f"map {number}" for number in range(len(_GAINS)))


def box_oracle_package(path, **changes):
    """Save the model; `changes` are fields of its card."""
    card = ModelCard(
        name="box-oracle",
        version="1",
        description="Knows the boxes.",
        task="boxes",
        method="boxes",
        readout={"classes": list(KINDS), "threshold": 0.1, "longest": 40},
        network=NetworkFacts({}, stride=(1, 1), halo=(0, 0), bytes_per_pixel=200),
        input=InputContract(NAMES, Normalisation(0, 100), 20.0, (2.0, 200.0)),
    )
    return save_gains(path, replace(card, **changes), _GAINS)


def box_oracle_image(corners, kinds, shape, quality=_SURE):
    """Return the image in which the oracle sees exactly these boxes; the corners must be empty."""
    corners = np.asarray(corners, np.float32).reshape(-1, 4)
    owners, centrality = owners_of(corners, np.ones(len(corners), bool), shape)
    sure = np.clip(centrality, 1e-7, 1 - 1e-7)
    maps = np.full((len(_GAINS), *shape), -_SURE, np.float32)
    for number in range(len(KINDS)):
        own = np.isin(owners, 1 + np.flatnonzero(np.asarray(kinds) == number))
        maps[number, own] = np.log(sure / (1 - sure))[own]
    distances = np.maximum(distances_to_sides(owners, corners), 1e-9)
    maps[-5:-1] = np.clip(np.log(distances / READOUT.unit), -_FARTHEST, _FARTHEST)
    maps[-1, owners > 0] = quality
    # The extremes of every map, where they mean nothing: what is probable has no quality.
    gains = np.array(_GAINS, np.float32)[:, None]
    maps[:, 0, 0], maps[:, -1, -1] = -gains[:, 0] / 2, gains[:, 0] / 2
    maps[-1, -1, -1], maps[-1, 0, -1], maps[: len(KINDS), 0, -1] = -_SURE, _SURE, -_SURE
    return Image(maps, "CYX", channel_names=NAMES)
