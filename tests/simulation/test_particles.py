"""Simulated particles: they move as they are said to, and are where they are said to be."""

import numpy as np
import pytest

from cellwright._errors import UsageError
from cellwright.simulation.optics import Optics
from cellwright.simulation.particles import (
    ParticleMotion,
    ParticleSimulation,
    simulate_courses,
    simulate_particles,
)


def steps(truth, axes="yx"):
    """The displacements of each particle that stays, and whether it ran in both frames."""
    same = np.diff(truth["particle"]) == 0
    moved = np.stack([np.diff(truth[axis]) for axis in axes], axis=1)
    return moved[same], (truth["running"][1:])[same]


def test_particles_that_wander_diffuse():
    truth = simulate_courses(
        ParticleSimulation((4000, 4000), 20, 300, motion=ParticleMotion(wander=1.5)), seed=1
    )
    moved, running = steps(truth)
    assert not running.any() and moved.std() == pytest.approx(1.5, rel=0.03)
    follow = truth["particle"][2:] == truth["particle"][:-2]
    one, other = (np.diff(truth["x"])[:-1][follow], np.diff(truth["x"])[1:][follow])
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


def test_particles_that_run_keep_their_speed_and_nearly_their_direction():
    motion = ParticleMotion(speed=4.0, turn=0.3, start=1.0, stop=0.0)
    truth = simulate_courses(ParticleSimulation((3000, 3000), 10, 200, motion=motion), seed=2)
    moved, running = steps(truth)
    assert running.all() and np.hypot(*moved.T) == pytest.approx(np.full(len(moved), 4.0))
    first = truth["frame"][:-2] == 0
    follow = first & (truth["particle"][2:] == truth["particle"][:-2])
    ahead = (np.diff(truth["x"])[:-1] * np.diff(truth["x"])[1:]
             + np.diff(truth["y"])[:-1] * np.diff(truth["y"])[1:])[follow]  # fmt: skip
    assert np.median(ahead) > 0.98 * 16


def test_switching_shares_and_lives():
    motion = ParticleMotion(1.0, 5.0, 0.2, start=0.1, stop=0.3, life=10.0, blink=0.2)
    truth = simulate_courses(ParticleSimulation((2000, 2000), 60, 300, motion=motion), seed=3)
    assert truth["running"].mean() == pytest.approx(0.25, abs=0.02)
    assert truth["visible"].mean() == pytest.approx(0.8, abs=0.02)
    assert (np.bincount(truth["frame"]) == 300).all()
    lengths = np.bincount(truth["particle"])[1:]
    assert lengths.sum() / len(lengths) == pytest.approx(10, rel=0.2)
    both = np.diff(truth["particle"]) == 0
    assert (np.diff(truth["frame"])[both] == 1).all()


@pytest.mark.parametrize("size", [(64, 64), (16, 48, 48)])
def test_images_show_the_visible_ones_with_the_noise_that_was_asked_for(size):
    optics = Optics(blur=1.4, haze=0.0, shading=0.0, background=10.0)
    settings = ParticleSimulation(
        size, 4, 1, 5.0, ParticleMotion(wander=0.0, blink=0.5), 3.0, optics
    )
    frames, truth = simulate_particles(settings, seed=6)
    place = np.array([truth[axis][0] for axis in "zyx"[-len(size) :]]).round().astype(int)
    window = tuple(slice(max(at - 1, 0), at + 2) for at in place)
    lit = np.array([frame[window].mean() for frame in frames])
    shown = truth["visible"]
    assert 0 < shown.sum() < 4 and lit[shown].min() > lit[~shown].max()
    noise = np.median(np.abs(frames - np.median(frames))) * 1.4826
    assert (frames.max() - np.median(frames)) / noise > 5.0  # of the ground, which is less


def test_the_seed_decides_and_wrong_numbers_are_refused():
    settings = ParticleSimulation((32, 32), 3, 4)
    first, second = simulate_particles(settings, 1), simulate_particles(settings, 1)
    assert (first[0] == second[0]).all() and (first[1]["x"] == second[1]["x"]).all()
    assert (first[1]["x"] != simulate_courses(settings, 2)["x"]).all()
    for wrong in ({"start": 0.0, "stop": 0.0}, {"blink": 1.5}, {"speed": -1.0}):
        with pytest.raises(UsageError):
            ParticleMotion(**wrong)
    with pytest.raises(UsageError):
        ParticleSimulation(size=(8,))
