from itertools import pairwise

import pytest

from cellwright.runs.compare.schedule import FINAL, plan_schedule

NAMES = ("a", "b", "c", "d")


def costs(each, image):
    """Return what candidates take besides learning: so many s, and so many for an image."""
    return lambda name, folds, judged: folds * (each.get(name, 1.0) + image * judged)


def planned_time(schedule, besides, networks=NAMES):
    """Return what a schedule takes, in s, if the first candidates get farthest."""
    total = 60 * schedule.final_minutes + FINAL * max(
        besides(name, 1, schedule.judged) for name in schedule.candidates
    )
    before = 0.0
    for round_ in schedule.rounds:
        total += 60 * round_.candidates * schedule.folds * (round_.minutes - before)
        taking = [name for name in networks if name in schedule.candidates][: round_.candidates]
        total += sum(besides(name, schedule.folds, schedule.judged) for name in taking)
        before = round_.minutes
    return total


@pytest.mark.parametrize("seconds", [100, 200, 600, 3600])
@pytest.mark.parametrize("image", [0.01, 0.2, 1.0])
def test_what_is_planned_takes_the_budget(seconds, image):
    besides = costs({}, image)
    schedule = plan_schedule(NAMES, (), 3, 200, seconds, besides)
    assert planned_time(schedule, besides) == pytest.approx(seconds, rel=0.01)
    learned = 60 * schedule.final_minutes * (len(schedule.rounds) + 1)
    assert learned >= 0.49 * seconds


def test_with_enough_time_all_is_done():
    schedule = plan_schedule(NAMES, ("plain",), 3, 200, 36000, costs({}, 0.1))
    assert schedule.candidates == (*NAMES, "plain") and not schedule.left_out
    assert (schedule.folds, schedule.judged, len(schedule.rounds)) == (3, 200, 2)


def test_with_less_time_fewer_images_judge_then_fewer_folds_train():
    seen = [
        (plan.folds, plan.judged)
        for seconds in (10000, 1000, 300, 100, 60)
        for plan in [plan_schedule(NAMES, (), 3, 200, seconds, costs({}, 0.5))]
    ]
    assert seen[0] == (3, 200) and seen[-1][0] == 1
    assert all(earlier >= later for earlier, later in pairwise(seen))
    assert len({folds for folds, _ in seen}) == 2 and len({judged for _, judged in seen}) > 2


def test_who_takes_too_long_is_left_out_and_it_is_said_why():
    schedule = plan_schedule(NAMES, ("plain",), 1, 10, 120, costs({"c": 500, "plain": 90}, 0.1))
    assert schedule.candidates == ("a", "b", "d")
    assert "about 500 s" in schedule.left_out["c"] and set(schedule.left_out) == {"c", "plain"}


def test_one_candidate_always_stays():
    schedule = plan_schedule(("a",), (), 3, 10, 10, costs({"a": 100}, 1.0))
    assert schedule.candidates == ("a",) and schedule.folds == 1 and not schedule.within
    assert schedule.final_minutes > 0 and schedule.rounds[0].minutes > 0
