from dataclasses import replace

import numpy as np
import pytest

from cellwright.tracking.learned.features import DIVISION_FEATURES, LINK_FEATURES
from cellwright.tracking.learned.lessons import find_lessons, joined
from cellwright.tracking.learned.movies import some_detections
from tracking.movies import nuclei


@pytest.fixture(scope="module")
def movie():
    detections, truth = nuclei()
    tracks = detections.with_edges(np.array(sorted(truth)))
    return some_detections(tracks, tracks.frame < 8)


def find_lesson(truth):
    return joined(find_lessons(truth))


@pytest.fixture(scope="module")
def lesson(movie):
    return find_lesson(movie)


def same(one, other):
    """Whether candidates have the same numbers, in any order.

    But for those that come from the duals of an assignment, which are not unique.
    """
    links = [np.delete(lesson.links, (3, 7), axis=0) for lesson in (one, other)]
    divisions = [lesson.divisions[1:, lesson.divides] for lesson in (one, other)]
    return all(
        first.shape == second.shape and np.allclose(np.sort(first), np.sort(second), atol=2e-3)
        for first, second in (links, divisions)
    )


def test_there_are_as_many_numbers_as_said_and_all_are_known(lesson):
    assert lesson.links.shape[0] == LINK_FEATURES
    assert lesson.divisions.shape[0] == DIVISION_FEATURES
    assert np.isfinite(lesson.links).all() and np.isfinite(lesson.divisions).all()
    assert np.abs(lesson.links).max() < 30 and np.abs(lesson.divisions).max() < 30


@pytest.mark.parametrize(
    "moved",
    [
        lambda place: place + np.array([700.0, -90.0]),
        lambda place: place[:, ::-1] * (1.0, -1.0),  # a quarter turn
        lambda place: place * (1.0, -1.0),
    ],
    ids=["shifted", "turned", "mirrored"],
)
def test_numbers_do_not_change_with_the_place(movie, lesson, moved):
    other = replace(movie, position=np.ascontiguousarray(moved(movie.position)))
    assert same(find_lesson(other), lesson)


def test_numbers_do_not_change_with_the_scale(movie, lesson):
    assert same(find_lesson(replace(movie, pixel_size=(0.2, 0.2))), lesson)


def test_numbers_do_not_change_with_the_gain(movie, lesson):
    brighter = {
        name: column * 3.0 if name.startswith("intensity") else column
        for name, column in movie.properties.items()
    }
    assert same(find_lesson(replace(movie, properties=brighter)), lesson)


def test_numbers_do_change_with_the_motion(movie, lesson):
    rng = np.random.default_rng(0)
    shaken = movie.position + rng.normal(0, 2, movie.position.shape)
    assert not same(find_lesson(replace(movie, position=shaken)), lesson)
