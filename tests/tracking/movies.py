"""A simulated movie with its true links, and what is left of them when detections are lost."""

from functools import cache

import numpy as np

from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.tracking.detections import find_detections
from cellwright.tracking.tracks import make_tracks


@cache
def nuclei():
    """Return 20 frames with dozens of divisions, and their links."""
    return simulated(Motion(20, 4, 0.5, 18), seed=3)


def simulated(motion, seed):
    """Return the detections of a movie of nuclei, and their links."""
    sample = NucleiSimulation(size=(256, 256), diameter=16, density=0.2)
    frames, labels, table = simulate_movie(sample, motion, seed)
    detections = find_detections(list(labels), list(frames))
    parents = dict(zip(table["label"].tolist(), table["parent"].tolist(), strict=True))
    last: dict[int, int] = {}
    truth = set()
    for i, label in enumerate(detections.label.tolist()):
        before = last.get(label, last.get(parents[label]))
        if before is not None:
            truth.add((before, i))
        last[label] = i
    return detections, truth


def without(detections, truth, lost):
    """Return the detections that are not lost; links go over those that are."""
    parent = {target: source for source, target in truth}
    kept = np.setdiff1d(np.arange(len(detections)), lost)
    rank = {row: place for place, row in enumerate(kept.tolist())}
    links = set()
    for row in kept.tolist():
        before = parent.get(row)
        while before is not None and before not in rank:
            before = parent.get(before)
        if before is not None:
            links.add((rank[before], rank[row]))
    columns = {name: column[kept] for name, column in detections.properties.items()}
    rest = make_tracks(
        detections.frame[kept], detections.position[kept],
        label=detections.label[kept], properties=columns,
    )  # fmt: skip
    return rest, links


def edges(tracks):
    return set(map(tuple, tracks.edges.tolist()))


def divisions(links):
    daughters: dict[int, list[int]] = {}
    for source, target in sorted(links):
        daughters.setdefault(source, []).append(target)
    return {(mother, *pair) for mother, pair in daughters.items() if len(pair) > 1}


def f1(found, truth):
    return 2 * len(found & truth) / (len(found) + len(truth))
