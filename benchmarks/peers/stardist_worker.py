"""StarDist by its own code: random weights time the network, maps of the truth its selection.

Runs in an environment of its own, see `workers.STARDIST`. `grid` is how much coarser its maps are
than the image: 2 in its published models, 1 for its best outlines.
"""

from functools import cache
from typing import Any

import numpy as np
from csbdeep.utils import normalize
from serve import Clock, serve
from stardist import edt_prob, star_dist
from stardist.models import Config2D, StarDist2D
from stardist.models.model2d import StarDistData2D
from stardist.nms import non_maximum_suppression_3d_inds, non_maximum_suppression_inds
from stardist.rays3d import Rays_Explicit, reorder_faces

RAYS = 32
PROBABILITY, OVERLAP = 0.4178, 0.5  # thresholds of its published model of DSB 2018
LARGEST_TILE = 1024  # px; larger images are given to the network in tiles


@cache
def model(grid: int) -> Any:
    return StarDist2D(Config2D(n_rays=RAYS, grid=(grid, grid)), name=None, basedir=None)


@cache
def arrays(field: str) -> tuple[Any, Any]:
    loaded = np.load(field)
    return loaded["image"], loaded["labels"]


@cache
def true_maps(field: str, grid: int) -> tuple[Any, Any]:
    _, labels = arrays(field)
    return edt_prob(labels)[::grid, ::grid], star_dist(labels, RAYS, grid=(grid, grid))


def segment(clock: Clock, field: str, grid: int) -> int:
    image, network = arrays(field)[0], model(grid)
    with clock("normalise"):
        normalised = normalize(image, 1, 99.8)
    tiles = tuple(-(-side // LARGEST_TILE) for side in image.shape)
    with clock("network"):
        network.predict(normalised, n_tiles=tiles, show_tile_progress=False)
    return decode(clock, field, grid)


def decode(clock: Clock, field: str, grid: int) -> int:
    (image, _), network = arrays(field), model(grid)
    probability, distances = true_maps(field, grid)
    with clock("decode"):
        labels, _ = network._instances_from_prediction(
            image.shape, probability, distances, prob_thresh=PROBABILITY, nms_thresh=OVERLAP
        )
    return int(labels.max())


def suppress(clock: Clock, candidates: str, overlap: float, out: str) -> int:
    """Save which candidates, the best first, its non-maximum suppression keeps."""
    loaded = np.load(candidates)
    distances, centres, scores = loaded["distances"], loaded["centres"], loaded["scores"]
    options = {"scores": scores, "thresh": overlap, "verbose": False}
    if centres.shape[1] == 2:
        with clock("seconds"):
            kept = non_maximum_suppression_inds(distances, centres, **options)
    else:
        facets = reorder_faces(loaded["directions"], loaded["facets"])
        rays = Rays_Explicit(loaded["directions"], facets)
        with clock("seconds"):
            kept = non_maximum_suppression_3d_inds(distances, centres, rays=rays, **options)
    np.save(out, np.flatnonzero(kept))
    return int(kept.sum())


@cache
def training(field: str, grid: int, batch: int, side: int) -> tuple[Any, Any]:
    image, labels = arrays(field)
    network = model(grid)
    network.prepare_for_training()
    normalised = normalize(image, 1, 99.8).astype(np.float32)
    patches = StarDistData2D(
        [normalised],
        [labels],
        batch_size=batch,
        n_rays=RAYS,
        length=1,
        patch_size=(side, side),
        grid=(grid, grid),
    )
    return network.keras_model, patches[0]


def train(clock: Clock, field: str, grid: int, steps: int, batch: int, side: int) -> int:
    network, (pixels, targets) = training(field, grid, batch, side)
    with clock("steps"):
        for _ in range(steps):
            network.train_on_batch(pixels, targets)
    return steps


if __name__ == "__main__":
    serve({"segment": segment, "decode": decode, "suppress": suppress, "train": train})
