"""Filters against the textbook, and models of motion that are found again."""

import numpy as np
import pytest

from cellwright._errors import UsageError
from cellwright.simulation.particles import ParticleMotion, ParticleSimulation, simulate_courses
from cellwright.tracking import kalman
from cellwright.tracking.kalman import (
    RUN_ON,
    Motion,
    first_states,
    forecast,
    log_density,
    log_evidence,
    updated,
)
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracks import make_tracks

NORMAL = 1e7  # degrees of freedom at which Student's t is a normal distribution
DIRECTED = Motion(0.5, 1.0, 3.0, 0.9, 1.0, 0.0, NORMAL)
SWITCHING = Motion(0.3, 1.0, 4.0, 0.98, 0.1, 0.2, 8.0)


def matrices(motion):
    """The same filter in matrices, along one axis: place and velocity."""
    kept, new = motion.persistence, (1 - motion.persistence**2) * motion.speed**2
    return np.array([[1, kept], [0, kept]]), new * np.ones((2, 2))


def test_one_that_always_runs_is_a_kalman_filter():
    way = np.random.default_rng(0).normal(0, 2, (9, 2)).cumsum(axis=0)
    step, noise = matrices(DIRECTED)
    mean = np.array([way[0], [0.0, 0.0]])
    covariance = np.diag([DIRECTED.noise**2, DIRECTED.speed**2])
    states = first_states(way[:1], DIRECTED)
    only = np.zeros(1, int)
    for place in way[1:]:
        ahead = forecast(states, DIRECTED)
        mean, covariance = step @ mean, step @ covariance @ step.T + noise
        assert ahead.centre[0, RUN_ON] == pytest.approx(mean[0])
        whole = covariance[0, 0] + DIRECTED.noise**2
        expected = -((place - mean[0]) ** 2 / (2 * whole)).sum() - np.log(2 * np.pi * whole)
        assert log_density(ahead, only, place[None])[0] == pytest.approx(expected, rel=1e-3)
        states = updated(ahead, place[None], only, only, DIRECTED)
        gain = covariance[:, :1] / whole
        mean, covariance = mean + gain * (place - mean[0]), covariance - gain @ covariance[:1]
        assert states.mean[0, 1:] == pytest.approx(mean)
        assert states.variance[0, 1:] == pytest.approx(covariance[[0, 0, 1], [0, 1, 1]])


def slow_evidence(motion, way):
    """Follow one way; densities are told for all four hypotheses by the general formula."""
    states, total, only = first_states(way[:1], motion), 0.0, np.zeros(1, int)
    for place in way[1:]:
        ahead = forecast(states, motion)
        total += log_density(ahead, only, place[None])[0]
        states = updated(ahead, place[None], only, only, motion)
    return total


@pytest.mark.parametrize("dimensions", [2, 3])
def test_evidence_is_the_sum_over_ways_and_starts_anew_after_gaps(dimensions):
    ways = np.random.default_rng(1).normal(0, 2, (3, 7, dimensions)).cumsum(axis=1)
    whole = sum(slow_evidence(SWITCHING, way) for way in ways)
    assert log_evidence(SWITCHING, ways) == pytest.approx(whole)
    ways[0, 3] = np.nan
    parts = [ways[0, :3], ways[0, 4:], ways[1], ways[2]]
    whole = sum(slow_evidence(SWITCHING, part) for part in parts)
    assert log_evidence(SWITCHING, ways) == pytest.approx(whole)


def test_densities_are_normalised_and_as_wide_as_what_happens():
    states = first_states(np.zeros((1, 2)), SWITCHING)
    for step in range(1, 4):
        ahead = forecast(states, SWITCHING)
        place = np.array([[0.0, 3.0 * step]])
        states = updated(ahead, place, np.zeros(1, int), np.zeros(1, int), SWITCHING)
    ahead = forecast(states, SWITCHING)
    y, x = (axis.ravel() for axis in np.mgrid[-60:60:0.25, -50:70:0.25])
    density = np.exp(log_density(ahead, np.zeros(len(y), int), np.stack([y, x], axis=1)))
    assert density.sum() * 0.25**2 == pytest.approx(1, abs=0.01)
    assert x[density.argmax()] == pytest.approx(12, abs=1.0)
    assert states.running[0] > 0.9


def test_what_is_not_seen_grows_uncertain():
    states = first_states(np.zeros((1, 2)), DIRECTED)
    far = [forecast(states, DIRECTED, frames) for frames in (1, 2, 3)]
    widths = [ahead.spread[0, RUN_ON, 0] for ahead in far]
    assert widths == sorted(widths)
    step, noise = matrices(DIRECTED)
    covariance = np.diag([DIRECTED.noise**2, DIRECTED.speed**2])
    for width in widths:
        covariance = step @ covariance @ step.T + noise
        assert width == pytest.approx(covariance[0, 0])


def particles(motion, seed=5, count=120, missed=0.0):
    """Detections of particles, with their true names."""
    truth = simulate_courses(ParticleSimulation((256, 256), 30, count, motion=motion), seed)
    rng = np.random.default_rng(seed)
    kept = rng.random(len(truth["frame"])) >= missed
    place = np.stack([truth["y"], truth["x"]], axis=1)[kept] + rng.normal(0, 0.2, (kept.sum(), 2))
    names = truth["particle"][kept]
    return make_tracks(truth["frame"][kept], place, properties={"particle": names})


def right(tracks):
    """The share of links that join detections of one particle, times that of those found."""
    names = tracks.properties["particle"]
    good = np.count_nonzero(names[tracks.edges[:, 0]] == names[tracks.edges[:, 1]])
    return good**2 / len(tracks.edges) / (len(names) - len(np.unique(names)))


RUNS = ParticleMotion(0.0, 5.0, 0.3, start=1.0, stop=0.0, life=30.0)
BY_TURNS = ParticleMotion(1.0, 5.0, 0.3, start=0.1, stop=0.1, life=30.0)


@pytest.mark.parametrize(("motion", "gain"), [(RUNS, 0.12), (BY_TURNS, 0.04)])
def test_the_movie_says_how_things_move_and_is_followed_better(motion, gain):
    movie = particles(motion, missed=0.02)
    linking = start_linking(movie, LinkOptions(divisions=False))
    found = linking.model.motion
    assert found.speed * np.sqrt(2) == pytest.approx(5.0, rel=0.25) and found.persistence > 0.95
    if motion is BY_TURNS:
        assert found.wander == pytest.approx(1.0, rel=0.3)
        assert found.start == pytest.approx(0.1, abs=0.06) == found.stop
    random = link(movie, LinkOptions(divisions=False, motion="brownian"))
    assert right(linking.tracks()) > right(random) + gain


def test_a_random_walk_has_no_model_of_motion_unless_it_is_asked_for():
    movie = particles(ParticleMotion(2.0, life=30.0), count=60)
    assert start_linking(movie, LinkOptions(divisions=False)).model.motion is None
    asked = start_linking(movie, LinkOptions(divisions=False, motion="directed"))
    assert asked.model.motion.persistence < 0.5
    few = make_tracks([0, 0, 1, 1], [[0, 0], [9, 9], [9, 8], [1, 0]])
    for motion in ("directed", "switching", "auto"):
        assert link(few, LinkOptions(motion=motion)).edges.tolist() == [[0, 3], [1, 2]]
    with pytest.raises(UsageError, match=r"motion is one of auto.* not 'fast'"):
        LinkOptions(motion="fast")


@pytest.mark.parametrize("motion", ["auto", "directed"])
def test_frames_without_detections_do_not_hide_how_things_move(motion):
    movie = particles(RUNS)
    rows = (movie.frame < 12) & (movie.frame != 9)
    short = make_tracks(movie.frame[rows] + 1, movie.position[rows])  # frames that count from 1
    found = start_linking(short, LinkOptions(divisions=False, motion=motion)).model.motion
    assert found is not None and found.speed * np.sqrt(2) == pytest.approx(5.0, rel=0.25)


def test_things_are_found_again_after_an_empty_frame_by_how_they_went_before_it():
    rng = np.random.default_rng(0)
    place, velocity = rng.uniform(0, 900, (300, 2)), rng.normal(0, 6, (300, 2))
    frames = [number for number in range(12) if number != 6]
    position = [place + number * velocity + rng.normal(0, 0.5, place.shape) for number in frames]
    tracks = link(make_tracks(np.repeat(frames, 300), np.concatenate(position)))
    source, target = tracks.edges.T
    over = (tracks.frame[source] < 6) & (tracks.frame[target] > 6)
    right = over & (tracks.label[source] == tracks.label[target])
    assert right.sum() >= 0.98 * 300 and over.sum() - right.sum() <= 3


def test_drift_is_no_velocity_and_pins_change_only_their_frames():
    still = particles(RUNS)
    drifting = make_tracks(
        still.frame,
        still.position + 7.0 * still.frame[:, None],
        label=still.label,
        properties=still.properties,
    )
    here, there = (start_linking(one, LinkOptions(divisions=False)) for one in (still, drifting))
    assert right(there.tracks()) > right(here.tracks()) - 0.05
    tracks = here.tracks()
    pinned = here.pinned(np.zeros((0, 2), int), tracks.edges[:1]).tracks()
    changed = set(map(tuple, tracks.edges.tolist())) ^ set(map(tuple, pinned.edges.tolist()))
    assert changed and {int(tracks.frame[source]) for source, _ in changed} <= {0, 1, 2}


def test_kernels_are_compiled_for_one_kind_of_arguments():
    """Compiling is what the first run of `track` waits for; a second kind doubles that."""
    motion = Motion(0.1, 0.2, 0.3, 0.9, 0.1, 0.1, 5.0)
    places, row = np.zeros((2, 2)), np.arange(2)
    kalman.log_evidence(motion, np.zeros((2, 3, 2)))
    ahead = kalman.forecast(kalman.first_states(places, motion), motion)
    kalman.updated(ahead, places, row, row, motion)
    kalman.log_density(ahead, row, places)
    for name in ("_expect", "_learn", "_merge", "_of_all", "_of_one"):
        assert len(getattr(kalman, name).signatures) <= 1, name
