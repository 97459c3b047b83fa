"""True tracks with errors of every kind, the same in every run."""

from itertools import pairwise

import numpy as np

from cellwright.tracking.tracks import PARENT, make_tracks


def perturbed(tracks, frames, drop=17, merge=29, mislead=23, swap=19):
    """Return wrong tracks and their label frames.

    Every so many detections are lost, merged with their neighbour, and given another mother; every
    so many links trade their targets.
    """
    frames = [frame.copy() for frame in frames]
    rows = np.arange(1, len(tracks) + 1)
    kept = rows % drop > 0
    for row in np.flatnonzero(rows % merge == 0):
        near = [other for other in nearest(tracks, row, tracks.frame[row]) if kept[other]]
        if kept[row] and len(near) > 1:
            frame = frames[tracks.frame[row]]
            frame[frame == tracks.label[near[1]]] = tracks.label[row]
            kept[near[1]] = False
    for row in np.flatnonzero(rows % drop == 0):
        frame = frames[tracks.frame[row]]
        frame[frame == tracks.label[row]] = 0
    links = traded(
        {tuple(link) for link in tracks.edges[kept[tracks.edges].all(1)].tolist()}, tracks, swap
    )
    for row in np.flatnonzero(kept & (rows % mislead == 0) & (tracks.frame > 0)):
        near = [other for other in nearest(tracks, row, tracks.frame[row] - 1) if kept[other]]
        links = {link for link in links if link[1] != row} | {(near[1], int(row))}
    return rebuilt(tracks, kept, sorted(links)), frames


def nearest(tracks, row, frame):
    """Return the detections of a frame by their distance from a detection."""
    others = np.flatnonzero(tracks.frame == frame)
    distance = ((tracks.position[others] - tracks.position[row]) ** 2).sum(1)
    return others[np.argsort(distance, kind="stable")].tolist()


def traded(links, tracks, swap):
    """Let every so many links trade targets with the next one between the same frames."""
    order = sorted(links)
    for a, b in list(pairwise(order))[::swap]:
        if (
            {a, b} <= links
            and (tracks.frame[list(a)] == tracks.frame[list(b)]).all()
            and a[0] != b[0]
        ):
            links = links - {a, b} | {(a[0], b[1]), (b[0], a[1])}
    return links


def rebuilt(tracks, kept, links):
    rank = np.cumsum(kept) - 1
    true = dict(zip(map(tuple, tracks.edges.tolist()), tracks.edge_properties[PARENT], strict=True))
    return make_tracks(
        tracks.frame[kept],
        tracks.position[kept],
        rank[np.array(links)],
        label=tracks.label[kept],
        edge_properties={PARENT: [bool(true.get(link, False)) for link in links]},
        frame_count=tracks.frame_count,
    )
