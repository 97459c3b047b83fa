import numpy as np
import pytest

from cellwright.tracking.learned.lessons import find_lessons, joined
from cellwright.tracking.learned.movies import (
    simulated_tracks,
    some_detections,
    some_features,
    some_frames,
    variants,
)
from cellwright.tracking.tracks import SHARED, make_tracks
from tracking.movies import nuclei


def test_a_false_link_takes_the_place_of_both_true_ones():
    pair = make_tracks([0, 0, 1, 1], [[0, 0], [2, 0], [0, 1], [2, 1]], [[0, 2], [1, 3]])
    lesson = joined(find_lessons(pair))
    assert lesson.true.tolist() == [True, False, True, False]
    assert lesson.instead[lesson.true].tolist() == [[0, 0, -1], [2, 2, -1]]
    assert lesson.instead[~lesson.true].tolist() == [[0, 2, 3], [2, 0, 1]]
    assert lesson.judged.all() and not lesson.divides.any()


def test_links_around_a_division_are_not_judged_and_the_division_is_true():
    detections, truth = nuclei()
    movie = detections.with_edges(np.array(sorted(truth)))
    lesson = joined(find_lessons(movie))
    assert lesson.divides.sum() > 0.9 * movie.divides().sum()
    # Where one daughter is first seen later, the link to the other is like any.
    known = len(truth) - 2 * lesson.divides.sum()
    assert 0.97 * known <= (lesson.true & lesson.judged).sum() <= known
    assert len(find_lessons(movie)) == movie.frame_count - 1


def _merger(columns):
    """Two cells are one object in frame 2."""
    frame = [0, 0, 1, 1, 2, 3, 3]
    place = [[0, 0], [9, 0], [1, 0], [8, 0], [4, 0], [1, 0], [9, 0]]
    edges = [[0, 2], [1, 3], [2, 4], [3, 4], [4, 5], [4, 6]]
    return make_tracks(frame, place, edges, edge_properties=columns)


def test_an_object_that_two_cells_share_teaches_no_division():
    shared = {SHARED: np.array([False, False, False, True, False, True])}
    movie = _merger(shared)
    lessons = find_lessons(movie)
    assert lessons[1].true.tolist() == [True, False]
    assert lessons[2].true.tolist() == [True, False] and not lessons[2].divides.any()
    every = some_detections(movie, np.ones(len(movie), bool))
    assert every.edges.tolist() == movie.unshared().edges.tolist()


def test_other_mergers_are_not_judged():
    lessons = find_lessons(_merger({}))
    assert not lessons[1].judged.any()


def test_links_go_over_what_is_left_out():
    row = make_tracks([0, 1, 2, 3], np.zeros((4, 2)), [[0, 1], [1, 2], [2, 3]])
    assert some_detections(row, np.array([True, False, False, True])).edges.tolist() == [[0, 1]]
    every = some_frames(row, np.array([0, 2]))
    assert every.edges.tolist() == [[0, 1]] and every.frame.tolist() == [0, 1]
    assert every.frame_count == 2


def test_a_simulated_movie_is_the_same_for_the_same_seed_and_has_a_lineage():
    movie = simulated_tracks(113)
    assert (simulated_tracks(113).edges == movie.edges).all()
    assert movie.in_degree().max() == 1
    assert set(movie.properties) >= {"area", "intensity_mean"}


def test_what_is_left_of_a_movie_keeps_its_seed():
    detections, truth = nuclei()
    movie = detections.with_edges(np.array(sorted(truth)))
    first, again = list(variants(movie, 3)), list(variants(movie, 3))
    assert [len(one) for one in first] == [len(one) for one in again]
    assert first[0] is movie and len(first[3]) < len(movie)
    assert "area" not in some_features(movie, ()).properties


@pytest.mark.parametrize("frames", [[0, 2], [0, 0], [0]])
def test_movies_without_a_pair_of_frames_teach_nothing(frames):
    movie = make_tracks(frames, np.arange(2.0 * len(frames)).reshape(-1, 2))
    assert not any(len(one.odds) for one in find_lessons(movie))


@pytest.mark.parametrize("seed", range(5))
def test_what_is_left_of_a_movie_is_never_empty(seed):
    rare = make_tracks([1], [[5, 5]], frame_count=7)
    assert all(len(rest) for rest in variants(rare, seed))
