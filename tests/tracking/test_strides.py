"""Movers among what is stuck: steps that are no steps of the rest."""

import numpy as np
import pytest

from cellwright.tracking.costs import expected_costs, link_costs
from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Movie
from cellwright.tracking.kalman import Motion, first_states, forecast
from cellwright.tracking.link import link
from cellwright.tracking.model import Strides
from cellwright.tracking.motion import FramePair
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pair import nearest_candidates
from cellwright.tracking.tracks import make_tracks

FRAMES = 20


def _movie(movers, *, speed=10.0, persistence=1.0, dimensions=2, missed=(), unit=1.0, seed=0):
    """Return points 40 apart that quiver by 0.1, those that move among them, and true links."""
    rng = np.random.default_rng(seed)
    side = {2: 6, 3: 4}[dimensions]
    grid = 40.0 * np.indices([side] * dimensions).reshape(dimensions, -1).T
    grid += rng.uniform(-6, 6, grid.shape)
    place = rng.uniform(0.3, 0.7, (movers, dimensions)) * 40 * side
    way = speed * _directions(rng, movers, dimensions)
    frames, last, links, count = [], {}, set(), 0
    for t in range(FRAMES):
        still = grid + rng.normal(0, 0.1, grid.shape)
        inside = ((place > 0) & (place < 40 * side)).all(axis=1) & (t not in missed)
        seen = np.concatenate([still, place[inside]])
        names = np.concatenate([np.arange(len(grid)), len(grid) + np.flatnonzero(inside)])
        for row, name in enumerate(names.tolist()):
            if name in last:
                links.add((last[name], count + row))
            last[name] = count + row
        count += len(seen)
        frames.append(seen)
        turned = persistence * way + (1 - persistence) * speed * _directions(rng, *way.shape)
        place = place + turned
    frame = np.repeat(np.arange(FRAMES), [len(one) for one in frames])
    return make_tracks(frame, unit * np.concatenate(frames)), links


def _directions(rng, count, dimensions):
    way = rng.normal(size=(count, dimensions))
    return way / np.linalg.norm(way, axis=1, keepdims=True)


def _links(tracks, **options):
    return set(map(tuple, link(tracks, LinkOptions(**options)).edges.tolist()))


@pytest.mark.parametrize("movers", [1, 4])
@pytest.mark.parametrize("persistence", [1.0, 0.0])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_few_that_move_among_many_that_are_stuck_are_followed(movers, persistence, dimensions):
    tracks, truth = _movie(movers, persistence=persistence, dimensions=dimensions)
    assert len(_links(tracks) ^ truth) <= 0.02 * len(truth)


def _mixed(seed, share, speed, *, straight=False, missed=0.0):
    """Return points about 1 apart, of which a share moves, and their links."""
    rng = np.random.default_rng(seed)
    place = np.indices((20, 20)).reshape(2, -1).T + rng.uniform(-0.3, 0.3, (400, 2))
    moving, way = rng.random(400) < share, _directions(rng, 400, 2)
    frames, names = [], []
    for _ in range(12):
        names.append(np.flatnonzero(rng.random(400) >= missed))
        frames.append(place[names[-1]])
        if not straight:
            way = _directions(rng, 400, 2)
        place = place + rng.normal(0, 0.03, place.shape) + speed * moving[:, None] * way
    frame, name = np.repeat(np.arange(12), [len(one) for one in names]), np.concatenate(names)
    order = np.lexsort((frame, name))
    same = name[order[1:]] == name[order[:-1]]
    truth = set(zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True))
    return make_tracks(frame, np.concatenate(frames)), truth


@pytest.mark.parametrize(("straight", "most"), [(True, 0.03), (False, 0.13)])
@pytest.mark.parametrize("seed", range(3))
def test_half_of_all_may_move_among_a_still_half(straight, most, seed):
    tracks, truth = _mixed(seed, 0.5, 0.5, straight=straight)
    assert len(truth - _links(tracks)) < most * len(truth)


@pytest.mark.parametrize(("share", "most"), [(0.3, 0.06), (0.4, 0.08), (0.5, 0.105)])
@pytest.mark.parametrize("seed", range(6))
def test_what_moves_to_beside_a_still_one_is_no_daughter(seed, share, most):
    tracks, truth = _mixed(seed, share, 0.4, missed=0.05)
    assert len(truth - _links(tracks)) < most * len(truth)


@pytest.mark.parametrize("unit", [1e-3, 500.0])
def test_strides_do_not_depend_on_the_unit(unit):
    assert _links(_movie(3, unit=unit)[0]) == _links(_movie(3)[0])


def test_a_mover_that_is_not_seen_for_a_frame_is_still_the_same():
    tracks, truth = _movie(3, speed=6.0, missed=(9,))
    assert len(_links(tracks) ^ truth) <= 2


def test_strides_are_no_longer_than_links_may_be():
    tracks, truth = _movie(4)
    found = _links(tracks, max_distance=5.0)
    source, target = np.array(sorted(found)).T
    assert np.linalg.norm(np.diff(tracks.position[[source, target]], axis=0)[0], axis=1).max() <= 5
    assert found < truth


def test_what_lights_up_anywhere_is_not_taken_for_a_mover():
    rng = np.random.default_rng(1)
    still, _ = _movie(0)
    flashes = rng.uniform(0, 200, (FRAMES, 2))
    frame = np.concatenate([still.frame, np.arange(FRAMES)])
    order = np.argsort(frame, kind="stable")
    place = np.concatenate([still.position, flashes])[order]
    tracks = make_tracks(frame[order], place)
    assert fit_model(Movie(tracks)).strides == Strides()
    assert len(_links(tracks)) == (FRAMES - 1) * 36


def test_with_and_without_a_forecast_strides_cost_the_same():
    tracks, _ = _movie(4, speed=5.0)
    movie = Movie(tracks)
    model = fit_model(movie)
    assert model.strides.share == pytest.approx(0.1, abs=0.005)
    assert model.strides.length * model.step == pytest.approx(5 / np.sqrt(2), rel=0.2)
    pair = FramePair.of(movie.frame(0), movie.frame(1))
    a, b, edges = pair.earlier, pair.later, nearest_candidates(pair)
    motion = Motion(0.0, model.step, model.step, 0.0, 0.0, 1.0, model.tail)
    ahead = forecast(first_states(a.position + pair.carried, motion), motion)
    steps = np.full(len(a), model.step)
    expected = expected_costs(edges, a.features, b.features, model, ahead, b.position)
    assert expected == pytest.approx(link_costs(edges, a.features, b.features, model, steps))
