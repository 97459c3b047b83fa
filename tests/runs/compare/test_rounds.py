import pytest

from cellwright.runs.compare.rounds import halved, plan_rounds


@pytest.mark.parametrize(
    ("candidates", "counts"), [(1, [1]), (2, [2]), (3, [3, 2]), (7, [7, 4, 2]), (8, [8, 4, 2])]
)
def test_half_of_the_candidates_stay_down_to_two(candidates, counts):
    assert list(halved(candidates)) == counts


@pytest.mark.parametrize("candidates", [1, 2, 5, 9])
@pytest.mark.parametrize("folds", [1, 3])
def test_the_budget_is_spent_in_equal_parts(candidates, folds):
    rounds = plan_rounds(halved(candidates), folds, 60)
    before = [0.0, *(one.minutes for one in rounds)]
    costs = [
        one.candidates * folds * (one.minutes - earlier)
        for one, earlier in zip(rounds, before, strict=False)
    ]
    assert costs == pytest.approx([60 / len(rounds)] * len(rounds))
