import numpy as np
import pytest

from cellwright._errors import UsageError
from cellwright.tracking.cycles import hurried_links
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import PROBABILITY, make_tracks
from tracking.movies import divisions, edges, nuclei

NONE = np.zeros((0, 2), np.int64)


def _family(first=0.9, second=0.6):
    """A cell divides after frame 0, and one daughter again after frame 2; its piece ends soon."""
    return make_tracks(
        frame=[0, 1, 1, 2, 2, 3, 3, 3, 4, 4],
        position=[[9, 9], [5, 5], [14, 14], [5, 5], [14, 14], [4, 4], [8, 8], [14, 14], [4, 4],
                  [14, 14]],
        edges=[[0, 1], [0, 2], [1, 3], [2, 4], [3, 5], [3, 6], [4, 7], [5, 8], [7, 9]],
        edge_properties={PROBABILITY: [first, first, 1, 1, second, second, 1, 1, 1]},
    )  # fmt: skip


def _shortest(tracks):
    tracklets = find_tracklets(tracks, tracks.branches())
    divides, parents = tracklets.child_counts() > 1, tracklets.parents()
    both = divides & (parents >= 0) & divides[parents]
    return (tracklets.end - tracklets.begin + 1)[both].min(initial=99)


def test_the_less_probable_of_two_divisions_gives_up_the_daughter_that_is_gone_sooner():
    assert hurried_links(_family(), 3, NONE).tolist() == [[3, 6]]
    assert hurried_links(_family(first=0.5), 3, NONE).tolist() == [[0, 1]]
    assert len(hurried_links(_family(), 2, NONE)) == 0
    assert len(hurried_links(_family(), 3, np.array([[3, 6]]))) == 0


def test_no_cell_divides_sooner_than_it_may():
    detections, _ = nuclei()
    usual = link(detections)
    tracks = link(detections, LinkOptions(min_cycle=16))
    assert _shortest(usual) < 16 <= _shortest(tracks)
    kept = divisions(edges(tracks)) & divisions(edges(usual))
    assert len(kept) > 0.6 * len(divisions(edges(usual)))
    short = LinkOptions(min_cycle=int(_shortest(usual)))
    assert edges(link(detections, short)) == edges(usual)


def test_what_a_person_forces_may_be_sooner():
    detections, _ = nuclei()
    linking = start_linking(detections, LinkOptions(min_cycle=16))
    lost = min(divisions(edges(link(detections))) - divisions(edges(linking.tracks())))
    forced = np.array([[lost[0], lost[1]], [lost[0], lost[2]]])
    assert lost in divisions(edges(linking.pinned(forced, NONE).tracks()))


def test_a_cycle_is_at_least_one_frame():
    with pytest.raises(UsageError, match="min_cycle must be a whole number, 1 or more"):
        LinkOptions(min_cycle=0)
