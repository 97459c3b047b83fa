"""Cells that are missed in one frame while a neighbour is taken for them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.simulation.movies import Motion
from cellwright.tracking import lapses
from cellwright.tracking import link as linking
from cellwright.tracking.candidates import Edges
from cellwright.tracking.joint import NO_SPLITS, Problem, solve
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracks import make_tracks
from tracking.movies import edges, f1, nuclei, simulated, without


@pytest.fixture(scope="module")
def hasty():
    """Nuclei that move about half of their distance, one in ten of them missed; and their links."""
    detections, truth = simulated(Motion(20, 9, 0.6, 25), seed=5)
    lost = np.random.default_rng(0).random(len(detections)) < 0.1
    return without(detections, truth, np.flatnonzero(lost))


@pytest.fixture
def unmended(monkeypatch):
    """Links without the look at lapses, of any detections."""

    def linked(detections, options=None):
        with monkeypatch.context() as patch:
            patch.setattr(linking, "mend_lapses", lambda *_: (False, None))
            return edges(link(detections, options))

    return linked


def test_neighbours_are_given_back_where_cells_were_missed(hasty, unmended):
    detections, truth = hasty
    before, found = unmended(detections), edges(link(detections))
    added = {
        edge for edge in found - before if detections.frame[edge[1]] - detections.frame[edge[0]] > 1
    }
    assert len(added) >= 5
    assert len(added & truth) >= 0.7 * len(added)
    assert f1(found, truth) > f1(before, truth) + 0.003


def test_frame_pairs_can_be_looked_at_together(hasty, monkeypatch):
    detections, _ = hasty
    together = edges(link(detections))
    monkeypatch.setattr(lapses, "_MOST", 1)
    assert edges(link(detections)) == together


def test_nothing_changes_where_nothing_is_missed(unmended):
    detections, _ = nuclei()
    assert edges(link(detections)) == unmended(detections)


def test_pins_and_limits_hold(hasty, unmended):
    detections, _ = hasty
    before, found = unmended(detections), edges(link(detections))
    frame = detections.frame
    gaps = sorted(edge for edge in found - before if frame[edge[1]] - frame[edge[0]] > 1)
    forbidden = np.array(gaps[:3])
    forced = np.array([edge for edge in sorted(before - found) if edge[1] > gaps[3][1]][:3])
    pinned = start_linking(detections).pinned(forced, forbidden)
    held = edges(pinned.tracks())
    assert set(map(tuple, forced.tolist())) <= held
    assert not set(map(tuple, forbidden.tolist())) & held
    assert edges(link(detections, LinkOptions(max_gap=0))) == unmended(
        detections, LinkOptions(max_gap=0)
    )
    near = link(detections, LinkOptions(max_distance=8.0))
    source, target = near.edges.T
    way = np.linalg.norm(near.position[target] - near.position[source], axis=1)
    assert (way <= 8.0 * (frame[target] - frame[source]) + 8.0).all()  # the field may drift


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 8),
    count=st.integers(0, 200),
    dimensions=st.sampled_from([2, 3]),
    places=st.sampled_from([2, 30, 10_000]),
)
def test_whatever_is_mended_is_still_a_lineage(seed, frames, count, dimensions, places):
    rng = np.random.default_rng(seed)
    frame = np.sort(rng.integers(0, frames, count + 1))
    # Many may be in one place.
    detections = make_tracks(frame, 1.0 * rng.integers(0, places, (count + 1, dimensions)))
    tracks = link(detections, LinkOptions(merges=False))
    source, target = tracks.edges.T
    lag = tracks.frame[target] - tracks.frame[source]
    assert ((lag >= 1) & (lag <= 3)).all()
    assert len(np.unique(target)) == len(target)
    assert np.bincount(source, minlength=1).max(initial=0) <= 2
    assert ((tracks.edge_properties["probability"] >= 0)
            & (tracks.edge_properties["probability"] <= 1)).all()  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 8), columns=st.integers(1, 8))
def test_a_problem_that_is_turned_has_the_same_answer(seed, rows, columns):
    rng = np.random.default_rng(seed)
    among = rng.random((rows, columns)) < 0.5
    starts = np.concatenate([[0], np.cumsum(among.sum(axis=1))])
    kept = np.flatnonzero(among.any(axis=None) * among.ravel()) % columns
    costs = rng.normal(0, 3, len(kept))
    problem = Problem(
        Edges(starts, kept, costs), costs, rng.uniform(0, 3, rows), rng.uniform(0, 3, columns)
    )
    here, there = solve(problem, NO_SPLITS), solve(problem.turned(), NO_SPLITS)
    assert there.column_of.tolist() == here.row_of.tolist()
    assert there.cost == pytest.approx(here.cost)


@pytest.mark.parametrize("seed", [1880, 2436, 2916])
def test_nothing_divides_where_divisions_are_off(seed):
    rng = np.random.default_rng(seed)  # of some thousand movies, those in which it happened
    count, frames = int(rng.integers(20, 80)), 8
    place = rng.uniform(0, 100, (count, 2))
    step, missed = rng.choice([1, 2, 3, 5, 8]), rng.choice([0.05, 0.1, 0.2])
    area = rng.uniform(40, 90, count)
    frame, position, areas = [], [], []
    for number in range(frames):
        seen = rng.random(count) > missed
        frame += [number] * int(seen.sum())
        position.append(place[seen])
        areas.append((area * rng.normal(1, 0.1, count))[seen])
        place = place + rng.normal(0, step, place.shape)
    if rng.random() < 0.3:
        position = [np.round(one) for one in position]
    properties = {"area": np.concatenate(areas)} if rng.random() < 0.5 else {}
    motion = str(rng.choice(["auto", "directed"]))
    detections = make_tracks(frame, np.concatenate(position), properties=properties)
    tracks = link(detections, LinkOptions(divisions=False, merges=False, motion=motion))
    assert not tracks.divides().any()
