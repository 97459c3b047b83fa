"""What is said about objects: it stays, can be taken back, and holds for one run only."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.studio.review_journal import ReviewJournal


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".cellwright" / "review.sqlite"


def test_who_said_what_when_and_why(path):
    journal = ReviewJournal(path, "run", 5)
    journal.mark("exclude", [1, 3], who="Ada", why="out of focus")
    journal.mark("flag", [3], who="Grace")
    journal.mark("include", [1], who="Grace", why="it is fine")
    journal.close()
    journal = ReviewJournal(path, "run", 5)
    table = journal.columns()
    assert table["excluded"].tolist() == [False, False, False, True, False]
    assert table["excluded_why"].tolist() == ["", "", "", "out of focus", ""]
    assert table["excluded_by"][3] == "Ada" and table["flagged_by"][3] == "Grace"
    assert table["excluded_at"][3].endswith("+00:00") and table["excluded_at"][1] == ""
    assert [mark.kind for mark in journal.history()] == ["exclude", "flag", "include"]
    journal.close()


def test_another_run_in_the_same_folder_begins_anew(path):
    first = ReviewJournal(path, "run", 5)
    first.mark("exclude", [4], who="Ada")
    first.close()
    second = ReviewJournal(path, "another run", 3)
    assert not second.excluded().any() and not second.can_undo
    second.close()


def test_nothing_is_ever_removed(path):
    journal = ReviewJournal(path, "run", 5)
    journal.mark("flag", [0], who="Ada")
    journal.undo(who="Ada")
    journal.close()
    database = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        database.execute("DELETE FROM marks")
    assert database.execute("SELECT kind FROM marks").fetchall() == [("flag",), ("undo",)]
    database.close()


STEPS = st.lists(
    st.one_of(
        st.just("undo"),
        st.just("redo"),
        st.tuples(
            st.sampled_from(["exclude", "include", "flag", "unflag"]),
            st.lists(st.integers(0, 6), max_size=4),
        ),
    ),
    max_size=15,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_undo_and_redo_go_through_all_states(tmp_path_factory, steps):
    """The journal against a list of states, also after it was opened again."""
    path = tmp_path_factory.mktemp("journal") / "review.sqlite"
    journal = ReviewJournal(path, "run", 7)
    states, at = [np.zeros((2, 7), bool)], 0
    for step in steps:
        if step == "undo":
            journal.undo(who="Ada")
            at = max(0, at - 1)
        elif step == "redo":
            journal.redo(who="Ada")
            at = min(len(states) - 1, at + 1)
        else:
            kind, rows = step
            journal.mark(kind, rows, who="Ada")
            state = states[at].copy()
            state[int("clude" not in kind), rows] = kind in ("exclude", "flag")
            states, at = [*states[: at + 1], state], at + 1
    journal.close()
    journal = ReviewJournal(path, "run", 7)
    np.testing.assert_array_equal([journal.excluded(), journal.flagged()], states[at])
    assert journal.can_undo == (at > 0) and journal.can_redo == (at < len(states) - 1)
    journal.close()
