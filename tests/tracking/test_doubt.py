from dataclasses import replace

import numpy as np

from cellwright.tracking.doubt import doubt_table, doubtful_links, link_kinds
from cellwright.tracking.link import link
from cellwright.tracking.tracks import PROBABILITY, make_tracks
from tracking.movies import nuclei, without


def test_the_least_certain_links_come_first_and_certain_ones_not_at_all():
    tracks = make_tracks(
        frame=[0, 1, 1, 3], position=np.zeros((4, 2)), edges=[[0, 1], [0, 2], [2, 3]],
        edge_properties={PROBABILITY: [0.9, 0.9999, 0.4]},
    )  # fmt: skip
    assert doubtful_links(tracks, share=1.0).tolist() == [2, 0]
    assert doubtful_links(tracks).tolist() == [2]
    assert link_kinds(tracks).tolist() == [2, 2, 1]
    table = doubt_table(tracks, np.array([2]))
    assert (table["source_frame"][0], table["kind"][0], table[PROBABILITY][0]) == (1, "gap", 0.4)


def test_most_errors_are_among_the_doubtful_links():
    detections, truth = without(*nuclei(), np.arange(50, 2100, 4))
    tracks = link(replace(detections, properties={}))
    wrong = np.array([tuple(edge) not in truth for edge in tracks.edges.tolist()])
    doubtful = doubtful_links(tracks, share=0.1)
    assert wrong.sum() > 20
    assert wrong[doubtful].sum() > 0.5 * wrong.sum()
    sure = tracks.edge_properties[PROBABILITY]
    assert abs(sure.mean() - (1 - wrong.mean())) < 0.02
