import pytest

from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Movie
from cellwright.tracking.joint import solve, solve_with_splits
from cellwright.tracking.motion import FramePair
from cellwright.tracking.pair import link_pair
from tracking.movies import nuclei


@pytest.fixture(scope="module")
def problems():
    """What `solve_with_splits` is given for each frame pair, and what it answers."""
    movie = Movie(nuclei()[0])
    model = fit_model(movie)
    asked = []

    def listen(*given):
        asked.append((*given, solve_with_splits(*given)))
        return asked[-1][-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellwright.tracking.pair.solve_with_splits", listen)
        for number in range(len(movie) - 1):
            link_pair(FramePair.of(movie.frame(number), movie.frame(number + 1)), model)
    return asked


def test_links_beside_divisions_are_those_of_the_whole_problem_solved_anew(problems):
    divisions = 0
    for problem, _, _, (column_of, accepted) in problems:
        assert column_of.tolist() == solve(problem, accepted).column_of.tolist()
        divisions += len(accepted.mother)
    assert divisions > 30
