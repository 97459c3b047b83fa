import numpy as np
import pytest

from cellwright.tracking.learned.features import LINK_FEATURES
from cellwright.tracking.learned.movies import some_detections, some_features
from cellwright.tracking.learned.scorer import CHANNELS, make_scorer
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.links import child_counts
from cellwright.tracking.tracks import make_tracks
from tracking.movies import edges, nuclei


def nothing(pixels):
    return np.zeros_like(pixels[:, :1])


def no_divisions(pixels):
    return np.where(is_division(pixels), -50.0, 0.0)


def is_division(pixels):
    return (pixels[:, LINK_FEATURES:] != 0).any(axis=1, keepdims=True)


def test_a_network_that_adds_nothing_changes_nothing(monkeypatch):
    # What is estimated is taken to be too sure of itself, what a scorer says is not.
    monkeypatch.setattr("cellwright.tracking.link._TEMPERATURE", 1.0)
    detections, _ = nuclei()
    seen = []

    def network(pixels):
        seen.append(pixels.shape)
        return nothing(pixels)

    scored, plain = link(detections, scorer=make_scorer(network)), link(detections)
    assert edges(scored) == edges(plain)
    for name, column in plain.edge_properties.items():
        assert np.allclose(scored.edge_properties[name], column)
    assert {shape[:3] for shape in seen} == {(1, CHANNELS, 1)}


def test_divisions_are_what_the_network_says():
    detections, _ = nuclei()
    assert link(detections).divides().any()
    found = start_linking(detections, scorer=make_scorer(no_divisions))
    assert child_counts(found.parents.row).max() == 1


def test_links_are_what_the_network_says():
    detections, _ = nuclei()
    never = make_scorer(lambda pixels: nothing(pixels) - 100.0)
    assert not len(start_linking(detections, scorer=never).parents.links().edges)


def test_a_pin_counts_more_than_the_network():
    detections, truth = nuclei()
    never = make_scorer(lambda pixels: nothing(pixels) - 100.0)
    wanted = next(edge for edge in sorted(truth) if detections.frame[edge[0]] == 4)
    linking = start_linking(detections, scorer=never)
    pinned = linking.pinned(np.array([wanted]), np.zeros((0, 2), np.int64))
    assert wanted in edges(pinned.tracks())


@pytest.mark.parametrize("known", [(), ("area",), ("intensity_mean",)])
def test_movies_of_which_less_is_known_are_scored_as_well(known):
    detections, _ = nuclei()
    less = some_features(some_detections(detections, detections.frame < 5), known)
    assert edges(link(less, scorer=make_scorer(nothing))) == edges(link(less))


@pytest.mark.parametrize("frames", [[0], [0, 3], [0, 1, 1, 3, 4], [2, 2, 2]])
def test_single_and_empty_frames_are_no_trouble(frames):
    few = make_tracks(frames, np.arange(2.0 * len(frames)).reshape(-1, 2), frame_count=6)
    assert edges(link(few, scorer=make_scorer(nothing))) == edges(link(few))


def test_volumes_are_scored_as_well():
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 20, (40, 3))
    frames = np.repeat(np.arange(4), 40)
    moved = np.tile(place, (4, 1)) + rng.normal(0, 0.1, (160, 3))
    points = make_tracks(frames, moved)
    assert edges(link(points, scorer=make_scorer(nothing))) == edges(link(points))


def test_what_lies_still_at_one_place_is_one_track():
    still = make_tracks([0, 1, 2], [[5, 5]] * 3)
    seen = []

    def network(pixels):
        seen.append(pixels)
        return nothing(pixels)

    assert edges(link(still, scorer=make_scorer(network))) == {(0, 1), (1, 2)}
    assert all(np.isfinite(pixels).all() for pixels in seen)
