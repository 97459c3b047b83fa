from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from cellwright._errors import InputError
from cellwright.metrics.overlap import overlap_table
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.simulation.segmentations import missegment
from cellwright.tracking.coupled.gains import find_gains
from cellwright.tracking.coupled.hypotheses import find_hypotheses
from cellwright.tracking.coupled.prices import centred_prices
from cellwright.tracking.coupled.program import Program, cliques, solve_program
from cellwright.tracking.coupled.windows import choose, window_program
from cellwright.tracking.detections import find_detections
from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Movie
from cellwright.tracking.link import link
from cellwright.tracking.options import LinkOptions
from tracking.movies import edges


@cache
def _movie(frames=8, seed=3):
    sample = NucleiSimulation(size=(160, 160), diameter=16, density=0.25, condensed=0)
    images, labels, _ = simulate_movie(sample, Motion(frames, 2, 0.5, 25), seed=seed)
    rates = ((0.05, 0.1), (0.3, 0.0), (0.0, 0.5))
    spoiled = [
        [missegment(plane, *rate, seed=10 * t + place) for t, plane in enumerate(labels)]
        for place, rate in enumerate(rates)
    ]
    return images, labels, spoiled


def _random_program(seed, frames=(2, 4), objects=(1, 4)):
    """Some frames of a few objects, with costs in quarters so that ties occur."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(*objects, rng.integers(*frames))
    frame = np.repeat(np.arange(len(counts)), counts)
    pairs = np.array(list(product(range(len(frame)), repeat=2)))
    ahead = frame[pairs[:, 1]] - frame[pairs[:, 0]]
    links = pairs[(ahead == 1) | ((ahead == 2) & (rng.random(len(pairs)) < 0.3))]
    beside = pairs[(ahead == 0) & (pairs[:, 0] < pairs[:, 1])]
    triples = [
        (mother, *two)
        for mother in range(len(frame))
        for two in beside.tolist()
        if frame[two[0]] == frame[mother] + 1
    ]
    divisions = np.array(triples, np.int64).reshape(-1, 3)
    rivals = beside[rng.random(len(beside)) < 0.5]
    certain = (rng.random(len(frame)) < 0.3) & ~np.isin(np.arange(len(frame)), rivals)

    def quarters(count, low, high):
        return rng.integers(low, high, count) / 4

    return Program(
        quarters(len(frame), -6, 12), certain, links, quarters(len(links), 0, 16),
        divisions, quarters(len(divisions), 0, 24), cliques(rivals),
    ), rivals  # fmt: skip


def _best(program, rivals):
    """The least cost, by trying everything."""
    size = len(program.alone)
    ways = [(*pair, gain) for pair, gain in zip(program.links.tolist(), program.link_gain)]  # noqa: B905
    births = list(zip(program.divisions.tolist(), program.division_gain))  # noqa: B905

    def most(options, out, into, there):
        if not options:
            return 0.0
        (source, *targets), gain = options[0]
        best = most(options[1:], out, into, there)
        if source in there - out and there - into >= set(targets):
            rest = most(options[1:], out | {source}, into | set(targets), there)
            best = max(best, gain + rest)
        return best

    options = [((one, other), gain) for one, other, gain in ways] + births
    options.sort(key=lambda option: option[0][0])
    least = np.inf
    for chosen in product([False, True], repeat=size):
        there = {row for row, yes in enumerate(chosen) if yes}
        if any(one in there and other in there for one, other in rivals.tolist()):
            continue
        if not set(np.flatnonzero(program.certain).tolist()) <= there:
            continue
        gain = most(options, frozenset(), frozenset(), there)
        least = min(least, float(program.alone[list(there)].sum()) - gain)
    return least


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_choice_is_better_than_the_one_that_is_found(seed):
    program, rivals = _random_program(seed)
    solution = solve_program(program)
    assert solution.cost == pytest.approx(_best(program, rivals), abs=1e-6)
    assert solution.objects[program.certain].all()
    assert not (solution.objects[rivals].all(axis=1)).any()


def _global_milp(program):
    """The same program in whole numbers from the start, with all its variables."""
    costs, rows, most, lowest = program.matrix()
    solved = milp(
        costs,
        constraints=LinearConstraint(rows, -np.inf, most),
        bounds=Bounds(lowest, 1.0),
        integrality=np.ones(len(costs)),
        options={"mip_rel_gap": 0.0},
    )
    return float(solved.fun)


@cache
def _prepared():
    images, _, spoiled = _movie()
    hypotheses = find_hypotheses(spoiled, images)
    movie = Movie(hypotheses.detections)
    gains = find_gains(movie, fit_model(movie), LinkOptions(), hypotheses.rivals)
    return hypotheses, movie, gains, hypotheses.value()


def test_a_whole_movie_is_solved_as_well_as_by_one_global_program():
    hypotheses, movie, gains, worth = _prepared()
    rows = np.arange(len(hypotheses))
    # Doubt about every object makes the linear program fractional.
    for shift in (15.0, 12.0, 9.0):
        program = window_program(
            movie, gains, worth - shift * hypotheses.shares(), np.zeros(len(rows), bool),
            hypotheses.rivals, rows,
        )  # fmt: skip
        assert program.size > 1500
        solution = solve_program(program)
        assert solution.cost == pytest.approx(_global_milp(program), abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_windows_full_of_rivals_are_solved_as_well_as_by_plain_highs(seed):
    program, _ = _random_program(seed, frames=(3, 7), objects=(4, 8))
    solution = solve_program(program)
    assert solution.cost == pytest.approx(_global_milp(program), abs=1e-5)
    _, rows, most, lowest = program.matrix()
    chosen = np.concatenate([solution.objects, solution.links, solution.divisions])
    assert (rows @ chosen <= most).all() and (chosen >= lowest).all()


@pytest.mark.parametrize("seed", [52, 59, 218])
def test_what_excludes_a_certain_object_is_not_there(seed):
    program, rivals = _random_program(seed, frames=(3, 7), objects=(4, 8))
    certain = program.certain.copy()
    for one, other in rivals.tolist():
        beside = rivals[(rivals == one).any(axis=1)]
        certain[one] |= not certain[beside].any() and (one + other + seed) % 3 > 0
    program = replace(program, certain=certain)
    assert certain[rivals].any()
    solution = solve_program(program)
    assert solution.cost == pytest.approx(_global_milp(program), abs=1e-5)


def _bound(costs, rows, most, given, prices):
    """What no choice can cost less than, by prices of the rows."""
    reduced = costs + rows.T @ prices
    return np.where(given, reduced, np.minimum(reduced, 0)).sum() - prices @ most


def test_prices_in_the_middle_bound_the_optimum_no_less():
    hypotheses, movie, gains, worth = _prepared()
    rows = np.arange(len(hypotheses))
    program = window_program(
        movie, gains, worth - 9.0 * hypotheses.shares(), hypotheses.certain, hypotheses.rivals, rows
    )
    costs, matrix, most, lowest = program.matrix()
    known = (costs, matrix, most, lowest > 0)
    before = np.random.default_rng(0).uniform(0, 3, len(most))
    after = centred_prices(*known, before)
    assert (after >= 0).all()
    assert _bound(*known, before) < _bound(*known, after) <= solve_program(program).cost + 1e-6
    # A single price: nowhere is the bound higher than in the middle of where it is flat.
    row = int(np.argmax(np.diff(matrix.indptr)))
    tries = np.repeat(after[None], 50, axis=0)
    tries[:, row] = np.linspace(0, 20, 50)
    again = centred_prices(*known, after)
    assert max(_bound(*known, one) for one in tries) <= _bound(*known, again) + 1e-6


def test_windows_decide_as_the_whole_movie_does():
    images, _, spoiled = _movie()
    hypotheses = find_hypotheses(spoiled, images)
    whole = choose(hypotheses, window=50, overlap=0)
    parts = choose(hypotheses, window=6, overlap=2)
    assert (whole == parts).mean() > 0.98


def _found(truth, labels):
    """Share of true objects that an object of their own matches at an IoU of 0.7 or more."""
    right = total = 0
    for true, one in zip(truth, labels, strict=True):
        table = overlap_table(true, one)
        right += int((table.iou >= 0.7).sum())
        total += max(len(table.truth_labels), len(table.predicted_labels))
    return right / total


def test_more_objects_are_right_than_in_the_best_single_segmentation():
    images, labels, spoiled = _movie()
    hypotheses = find_hypotheses(spoiled, images)
    chosen = choose(hypotheses)
    assert not chosen[hypotheses.rivals].all(axis=1).any()
    painted = [hypotheses.paint(chosen, t, [one[t] for one in spoiled]) for t in range(len(labels))]
    best = max(_found(labels, one) for one in spoiled)
    assert best < 0.88 < 0.93 < _found(labels, painted)


def test_without_competition_all_objects_stay_and_are_linked_as_ever():
    images, labels, _ = _movie()
    hypotheses = find_hypotheses([labels], images)
    assert choose(hypotheses).all()
    again = find_hypotheses([labels, labels], images)
    assert len(again.rivals) == 0 and choose(again).all()
    painted = [again.paint(choose(again), t, [one, one]) for t, one in enumerate(labels)]
    tracks = link(find_detections(labels, images))
    assert edges(link(find_detections(painted, images))) == edges(tracks)
    assert edges(link(again.detections)) == edges(tracks)


def test_links_without_divisions_are_those_of_the_exact_assignment():
    images, labels, _ = _movie()
    detections = find_detections(labels, images)
    options = LinkOptions(divisions=False, max_gap=0, merges=False)
    movie = Movie(detections)
    model = fit_model(movie, divisions=False)
    gains = find_gains(movie, model, options, np.zeros((0, 2), np.int64))
    rows = np.arange(len(detections))
    certain = np.ones(len(rows), bool)
    none = np.zeros((0, 2), np.int64)
    program = window_program(movie, gains, np.zeros(len(rows)), certain, none, rows)
    found = program.links[solve_program(program).links]
    usual = edges(link(detections, options, model=model))
    assert len(usual ^ set(map(tuple, found.tolist()))) <= 0.01 * len(usual)


def test_doubtful_objects_are_dropped_where_nothing_follows_them():
    images, labels, _ = _movie()
    dirt = [plane.copy() for plane in labels]
    free = np.argwhere(labels[3][5:-9, 5:-9] == 0)[0] + 5
    spot = (slice(free[0], free[0] + 3), slice(free[1], free[1] + 3))
    dirt[3][spot][dirt[3][spot] == 0] = 999
    numbers = [np.unique(plane[plane > 0]) for plane in dirt]
    sure = [np.where(one == 999, 0.1, 0.97) for one in numbers]
    hypotheses = find_hypotheses([dirt], images, confidence=[sure])
    left_out = np.flatnonzero(~choose(hypotheses))
    assert hypotheses.source_label[left_out].tolist() == [999]


def test_cliques_cover_all_pairs_and_only_these():
    rng = np.random.default_rng(0)
    pairs = np.array([(a, b) for a in range(12) for b in range(a + 1, 12) if rng.random() < 0.4])
    wanted = set(map(tuple, pairs.tolist()))
    covered = {
        (a, b) for one in cliques(pairs) for a in one.tolist() for b in one.tolist() if a < b
    }
    assert covered == wanted
    assert len(cliques(pairs)) < len(pairs)


def test_objects_that_are_the_same_in_two_segmentations_are_one():
    one = np.zeros((2, 20, 40), int)
    one[:, 5:15, 5:15], one[:, 5:15, 20:30] = 3, 4
    other = np.zeros_like(one)
    other[:, 5:15, 5:14], other[:, 5:15, 20:25], other[:, 5:15, 25:30] = 1, 2, 7
    hypotheses = find_hypotheses([one, other])
    assert len(hypotheses) == 8 and len(hypotheses.rivals) == 4
    assert hypotheses.shares()[:4].tolist() == [1.0, 1.0, 0.5, 0.5]
    chosen = np.isin(hypotheses.source_label, (2, 7))
    painted = hypotheses.paint(chosen, 1, [one[1], other[1]])
    assert (painted > 0).sum() == 100 and len(np.unique(painted)) == 3


def test_segmentations_of_different_movies_are_refused():
    labels = np.ones((3, 8, 8), int)
    with pytest.raises(InputError, match="Segmentation 2 has 2 frames"):
        find_hypotheses([labels, labels[:2]])
    with pytest.raises(InputError, match="no segmentation has an object"):
        find_hypotheses([0 * labels])


def test_images_and_confidences_that_do_not_fit_are_refused():
    _, labels = _movie()[:2]
    frames, count = len(labels), [len(np.unique(one)) - 1 for one in labels]
    images = [np.zeros(labels[0].shape)] * (frames - 1)
    with pytest.raises(InputError, match=rf"images or confidences of {frames - 1} frames"):
        find_hypotheses([labels, labels], images)
    few = [np.ones(one - 1) for one in count]
    with pytest.raises(InputError, match=rf"Segmentation 2 has {count[0]} objects in frame 0"):
        find_hypotheses([labels, labels], confidence=[None, few])
    with pytest.raises(InputError, match="In frame 0 the segmentations have the shapes"):
        find_hypotheses([labels, [one[1:] for one in labels]])


def test_a_whole_that_is_sure_is_chosen_over_its_pieces_in_a_tiny_movie():
    labels = np.zeros((2, 30, 30), int)
    labels[0, 5:10, 5:10], labels[1, 6:11, 5:10] = 1, 1
    cut = labels.copy()
    cut[1, 6:11, 8:10] = 2
    known = [[np.array([0.9])] * 2, [np.array([0.9]), np.array([0.5, 0.5])]]
    hypotheses = find_hypotheses([labels, cut], confidence=known)
    assert choose(hypotheses).tolist() == [True, True, False, False]


def test_a_first_segmentation_without_objects_does_no_harm():
    labels = np.zeros((2, 30, 30), int)
    labels[:, 5:10, 5:10] = 1
    hypotheses = find_hypotheses([0 * labels, labels])
    assert hypotheses.source.tolist() == [1, 1]
    assert choose(hypotheses).shape == (2,)
