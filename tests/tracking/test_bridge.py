from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.tracking.candidates import neighbours
from cellwright.tracking.costs import link_costs
from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Movie
from cellwright.tracking.joint import NO_SPLITS, Problem, solve
from cellwright.tracking.link import link
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.splits import propose_splits, split_costs
from cellwright.tracking.tracks import make_tracks
from tracking.movies import divisions, edges, f1, nuclei, without


def _late(detections, truth, rng, both=False):
    """Return daughters that are not seen in the first frame or two: of two in five divisions."""
    children: dict[int, list[int]] = {}
    for source, target in sorted(truth):
        children.setdefault(source, []).append(target)
    lost = []
    for pair in [pair for pair in children.values() if len(pair) == 2 and rng.random() < 0.4]:
        for cell in pair if both else pair[:1]:
            lost.append(cell)
            if not both and rng.random() < 0.5 and len(children.get(cell, ())) == 1:
                lost.append(children[cell][0])
    return without(detections, truth, lost)


@pytest.mark.parametrize(("both", "least"), [(False, 0.9), (True, 0.85)])
def test_daughters_that_are_seen_late_are_found(both, least):
    detections, truth = _late(*nuclei(), np.random.default_rng(1), both)
    found = edges(link(detections))
    early = edges(link(detections, LinkOptions(max_gap=0)))
    score = f1(divisions(found), divisions(truth))
    assert score > max(least, f1(divisions(early), divisions(truth)) + 0.05)
    assert f1(found, truth) > 0.99


def test_no_daughter_is_late_where_all_are_seen():
    detections, truth = nuclei()
    found = edges(link(detections))
    late = {e for e in found if detections.frame[e[1]] - detections.frame[e[0]] > 1}
    assert len(late - truth) <= 0.002 * len(truth)


def test_gaps_are_closed_up_to_the_longest_that_is_allowed():
    rng = np.random.default_rng(2)
    detections, truth = nuclei()
    kept, links = without(detections, truth, rng.choice(len(detections), len(detections) // 20))
    for longest in (0, 1, 2):
        tracks = link(kept, LinkOptions(max_gap=longest))
        source, target = tracks.edges.T
        assert (tracks.frame[target] - tracks.frame[source]).max() == longest + 1
    short = f1(edges(link(kept, LinkOptions(max_gap=0))), links)
    assert f1(edges(link(kept)), links) > max(0.985, short + 0.02)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(2, 6), count=st.integers(1, 12))
def test_whatever_is_linked_is_a_forest(seed, frames, count):
    rng = np.random.default_rng(seed)
    seen = rng.random((frames, count)) < 0.7
    seen[0, 0] = True
    frame, _ = np.nonzero(seen)
    places = rng.uniform(0, 20, (len(frame), 2))
    tracks = link(make_tracks(frame, places, frame_count=frames), LinkOptions(max_gap=3))
    assert tracks.in_degree().max() <= 1
    assert tracks.out_degree().max() <= 2


def test_a_division_costs_the_same_in_both_stages():
    detections, _ = nuclei()
    movie = Movie(replace(detections, pixel_size=(0.5, 0.5)))
    model = fit_model(movie)
    a, b = movie.frame(4), movie.frame(5)

    near = neighbours(a.position, b.grid, 20.0, 5)
    costs = link_costs(near, a.features, b.features, model, np.full(len(a), model.step))
    begin = model.start_costs(b.border, model.step)
    solved = solve(Problem(near, costs, model.end_costs(a.border, model.step), begin), NO_SPLITS)
    none = np.zeros(2)
    splits = propose_splits(near, a, b, none, model, solved, begin, np.zeros(len(costs)))
    cells = splits.mother, *near.columns[splits.edges].T
    again = split_costs(
        tuple(f.position[rows] for f, rows in zip((a, b, b), cells, strict=True)),
        tuple(f.features[rows] for f, rows in zip((a, b, b), cells, strict=True)),
        model,
        np.zeros(len(splits.mother)),
    )
    assert len(again) > 3
    np.testing.assert_allclose(again, splits.cost, atol=1e-9)


@pytest.mark.parametrize("drift", [0, 3, 8, 15])
def test_a_blank_frame_is_bridged_while_the_field_drifts(drift):
    rng = np.random.default_rng(0)
    place, frame, position = rng.uniform(0, 300, (40, 2)), [], []
    for number in range(10):
        if number != 5:
            frame += [number] * 40
            position.append(place.copy())
        place = place + rng.normal(0, 1, place.shape) + [drift, 0]
    tracks = link(make_tracks(frame, np.concatenate(position), frame_count=10))
    source, target = tracks.edges.T
    over = tracks.frame[target] - tracks.frame[source] == 2
    assert np.count_nonzero(source[over] % 40 == target[over] % 40) == over.sum() == 40


def test_late_daughters_are_no_farther_than_cells_may_go():
    detections, truth = nuclei()
    detections, _ = _late(detections, truth, np.random.default_rng(1))
    found = link(detections)
    mothers = np.flatnonzero(found.divides()[found.edges[:, 0]])
    ways = np.linalg.norm(np.diff(found.position[found.edges], axis=1)[:, 0], axis=1)
    lags = np.diff(found.frame[found.edges], axis=1)[:, 0]
    reach = float(np.quantile((ways / lags)[mothers], 0.7))
    bound = link(detections, LinkOptions(max_distance=reach, merges=False))
    ways = np.linalg.norm(np.diff(bound.position[bound.edges], axis=1)[:, 0], axis=1)
    lags = np.diff(bound.frame[bound.edges], axis=1)[:, 0]
    assert bound.divides().any()
    assert (ways <= reach * lags + 1e-6).all()
