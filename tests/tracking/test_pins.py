import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright._errors import InputError
from cellwright.tracking.formats.pins import read_pins
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pins import make_pins
from cellwright.tracking.tracks import PROBABILITY, make_tracks
from tracking.movies import edges, f1, nuclei, without

NONE = np.zeros((0, 2), int)


@cache
def _linking():
    return start_linking(replace(nuclei()[0], properties={}))


@pytest.fixture
def linking():
    return _linking()


def test_nothing_changes_without_pins(linking):
    again = linking.pinned(NONE, NONE).tracks()
    assert edges(again) == edges(linking.tracks()) == edges(link(linking.detections))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_link_can_be_forced_and_forbidden(seed):
    linking = _linking()
    rng = np.random.default_rng(seed)
    before = linking.tracks()
    frame = before.frame
    source = rng.choice(np.flatnonzero(frame < 15))
    target = rng.choice(np.flatnonzero(frame == frame[source] + rng.integers(1, 4)))
    gone = before.edges[rng.choice(len(before.edges), 3, replace=False)]
    gone = gone[(gone[:, 1] != target)]
    after = linking.pinned(np.array([[source, target]]), gone).tracks()
    found = dict(zip(map(tuple, after.edges.tolist()), after.edge_properties[PROBABILITY],
                     strict=True))  # fmt: skip
    assert found[source, target] > 0.999
    assert not set(map(tuple, gone.tolist())) & set(found)
    assert after.in_degree().max() == 1
    assert after.out_degree().max() <= 2


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), divisions=st.booleans(), max_gap=st.integers(0, 2))
def test_many_pins_are_honoured_together(seed, divisions, max_gap):
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(6), 6)
    places = rng.uniform(0, 40, (len(frame), 2))
    options = LinkOptions(divisions=divisions, max_gap=max_gap)
    linking = start_linking(make_tracks(frame=frame, position=places), options)
    pairs = rng.integers(0, len(frame), (60, 2))
    lag = frame[pairs[:, 1]] - frame[pairs[:, 0]]
    pairs = pairs[(lag > 0) & (lag < 4)]
    forced, forbidden = pairs[2:], pairs[:2]
    _, first = np.unique(forced[:, 1], return_index=True)  # one mother each
    forced = forced[first]
    nth = np.array([np.count_nonzero(forced[:n, 0] == one) for n, one in enumerate(forced[:, 0])])
    forced = forced[nth < 1 + divisions]
    forced = np.array([one for one in forced if not (one == forbidden).all(1).any()]).reshape(-1, 2)
    after = linking.pinned(forced, forbidden).tracks()
    found = edges(after)
    assert set(map(tuple, forced.tolist())) <= found
    assert not set(map(tuple, forbidden.tolist())) & found
    assert after.in_degree().max() <= 1
    assert after.out_degree().max() <= 2


def test_a_gap_that_is_asked_for_takes_the_place_of_a_daughter(linking):
    tracks = linking.tracks()
    frame = tracks.frame
    dividing = np.flatnonzero((tracks.out_degree() == 2) & (frame < 12))[0]
    daughter = tracks.edges[tracks.edges[:, 0] == dividing][0, 1]
    late = np.flatnonzero(frame == frame[dividing] + 2)[0]
    forced = np.array([[dividing, daughter], [dividing, late]])
    after = linking.pinned(forced, NONE).tracks()
    children = after.edges[after.edges[:, 0] == dividing][:, 1]
    assert set(children.tolist()) == {daughter, late}


def test_another_mother_takes_the_place_of_the_one_before(linking):
    frame = linking.movie.frame_of
    (first, second, *_), (child, *_) = (np.flatnonzero(frame == number) for number in (3, 4))
    pinned = linking.pinned(np.array([[first, child]]), NONE)
    again = edges(pinned.pinned(np.array([[second, child]]), NONE).tracks())
    assert (second, child) in again and (first, child) not in again


def test_two_daughters_where_nothing_divides_are_refused():
    detections = make_tracks(frame=[0, 1, 1], position=[[0, 0], [0, 1], [1, 0]])
    linking = start_linking(detections, LinkOptions(divisions=False))
    with pytest.raises(InputError, match="divisions are switched off"):
        linking.pinned(np.array([[0, 1], [0, 2]]), NONE)


def test_only_what_a_pin_touches_changes(linking):
    before = linking.tracks()
    wrong = before.edges[before.frame[before.edges[:, 0]] == 9][:1]
    changed = edges(linking.pinned(NONE, wrong).tracks()) ^ edges(before)
    assert changed
    assert {int(before.frame[a]) for a, _ in changed} <= {7, 8, 9, 10, 11}
    back = linking.pinned(NONE, wrong).pinned(wrong, NONE).tracks()
    assert edges(back) == edges(before)


def test_a_pin_takes_milliseconds(linking):
    wrong = linking.tracks().edges[500:501]
    times = []
    for _ in range(5):
        start = time.process_time()
        linking.pinned(NONE, wrong).tracks()
        times.append(time.process_time() - start)
    assert min(times) < 0.1


def test_a_forced_division_is_one(linking):
    tracks = linking.tracks()
    mother = tracks.edges[tracks.out_degree()[tracks.edges[:, 0]] == 1][200, 0]
    near = np.flatnonzero(tracks.frame == tracks.frame[mother] + 1)
    distance = ((tracks.position[near] - tracks.position[mother]) ** 2).sum(axis=1)
    daughters = near[np.argsort(distance)[2:4]]
    forced = np.stack([[mother, mother], daughters], axis=1)
    assert {tuple(one) for one in forced.tolist()} <= edges(linking.pinned(forced, NONE).tracks())


def test_the_truth_pinned_is_the_truth():
    detections, truth = without(*nuclei(), np.arange(100, 1800, 37))
    pinned = start_linking(detections).pinned(np.array(sorted(truth)), NONE).tracks()
    assert truth <= edges(pinned)
    assert f1(edges(pinned), truth) > 0.998


@pytest.mark.parametrize(
    ("forced", "forbidden", "text"),
    [
        ([[0, 9]], [], "outside of 0 … 3"),
        ([[1, 0]], [], "forward in time"),
        ([[0, 2], [1, 2]], [], "two mothers"),
        ([[0, 1]], [[0, 1]], "forced and forbidden"),
    ],
)
def test_pins_that_cannot_be_honoured_are_refused(forced, forbidden, text):
    with pytest.raises(InputError, match=text):
        make_pins(np.array([0, 1, 2, 3]), np.array(forced), np.array(forbidden))


@pytest.mark.parametrize("row", ["0,9,1,1,", ",,,,", "0,1,1,1,none"])
def test_rows_without_a_pin_may_name_anything(row, tmp_path):
    detections = make_tracks(frame=[0, 1, 2], position=[[0, 0], [1, 1], [2, 2]])
    path = tmp_path / "pins.csv"
    path.write_text(
        f"source_frame,source_label,target_frame,target_label,pin\n1,1,2,1,forced\n{row}\n"
    )
    pins = read_pins(path, detections)
    assert pins.forced.tolist() == [[1, 2]] and not len(pins.forbidden)
