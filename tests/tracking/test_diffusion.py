"""Diffusion coefficients and exponents of movies whose motion is known."""

import numpy as np
import pytest

from cellwright.simulation.particles import ParticleMotion, ParticleSimulation, simulate_courses
from cellwright.tracking.summary import summarise
from cellwright.tracking.tracks import make_tracks


def followed(motion, noise=0.0, seed=1, gaps=0.0, **scale):
    """The true tracks of particles in a field that they do not leave."""
    truth = simulate_courses(ParticleSimulation((9000, 9000), 80, 200, motion=motion), seed)
    rng = np.random.default_rng(seed)
    kept = rng.random(len(truth["frame"])) >= gaps
    place = np.stack([truth["y"], truth["x"]], 1)[kept] + rng.normal(0, noise, (kept.sum(), 2))
    name = truth["particle"][kept]
    links = np.flatnonzero(name[1:] == name[:-1])
    return make_tracks(
        truth["frame"][kept], place, np.stack([links, links + 1], 1), frame_count=80, **scale
    )


def test_free_diffusion_is_measured_in_the_units_of_the_movie():
    tracks = followed(ParticleMotion(2.0), 1.0, pixel_size=(0.1, 0.1), frame_interval=0.5, gaps=0.1)
    found = summarise(tracks)
    expected = 2.0**2 / 2 * 0.1**2 / 0.5  # the noise of positions does not count
    assert found.diffusion == pytest.approx(expected, rel=0.05)
    low, high = found.diffusion_interval
    assert low < expected < high < 1.1 * low
    assert np.nanmedian(found.track_diffusion) == pytest.approx(expected, rel=0.2)
    assert found.msd[0] == pytest.approx((2 * 4.0 + 4 * 1.0) * 0.01, rel=0.05)
    assert found.lags[:2].tolist() == [0.5, 1.0]
    assert found.length_unit == "µm" and found.time_unit == "s"


def test_exponents_tell_free_from_straight_and_from_still():
    assert summarise(followed(ParticleMotion(2.0))).exponent == pytest.approx(1, abs=0.1)
    straight = ParticleMotion(speed=5.0, turn=0.01, start=1.0, stop=0.0)
    assert summarise(followed(straight)).exponent == pytest.approx(2, abs=0.02)
    still = summarise(followed(ParticleMotion(wander=0.0), noise=1.0))
    assert abs(still.exponent) < 0.1 and 0 < still.diffusion_interval[1] < 0.01


def test_a_coefficient_that_is_lost_in_the_uncertainty_of_positions_is_not_told():
    nothing = [
        summarise(followed(ParticleMotion(wander=0.0), noise=1.0, seed=seed)) for seed in range(4)
    ]
    told = [one for one in nothing if np.isfinite(one.diffusion)]
    assert 0 < len(told) < len(nothing)  # as often above 0 as below
    assert all(one.diffusion > 0 and one.diffusion_interval[0] == 0 for one in told)
    written = [one.to_json()["diffusion"] for one in nothing]
    assert written.count(None) == len(nothing) - len(told)


def test_intervals_hold_the_coefficient_as_often_as_they_say():
    short = [followed(ParticleMotion(2.0), 1.0, seed=seed) for seed in range(20)]
    intervals = np.array([summarise(one).diffusion_interval for one in short])
    held = (intervals[:, 0] < 2.0) & (intervals[:, 1] > 2.0)
    assert held.sum() >= 16


def test_tables_have_a_row_for_each_track_and_lag():
    tracks = followed(ParticleMotion(2.0), gaps=0.1)
    found = summarise(tracks)
    motion, lags = found.tables()
    assert len(motion["track"]) == len(set(motion["track"].tolist())) == 200
    assert {"speed_px_per_frame", "diffusion_px2_per_frame"} <= motion.keys()
    assert lags["pairs"][0] == np.count_nonzero(np.diff(tracks.frame[tracks.edges], axis=1) == 1)
    alone = summarise(make_tracks([0, 1], [[0.0, 0.0], [5.0, 5.0]]))
    assert np.isnan(alone.diffusion) and np.isnan(alone.exponent)
    assert alone.to_json()["diffusion"] is None
