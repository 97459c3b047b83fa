"""How threads wait is read when torch is loaded: OpenMP itself is asked, in a fresh process."""

import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("torch")

from cellwright.training.waiting import let_waiting_threads_sleep

# As `cellwright train`, `cellwright compare` and the rounds of the studio do before they train.
LOADING = "from cellwright.runs.train.run import learner_for; learner_for('offsets')"


def turns():
    """Return how often a thread looks for work before it sleeps, as OpenMP says when loaded."""
    usual = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    shown = {**usual, "OMP_DISPLAY_ENV": "VERBOSE"}
    done = subprocess.run(
        [sys.executable, "-c", LOADING], env=shown, capture_output=True, text=True, check=True
    )
    said = re.findall(r"GOMP_SPINCOUNT = '(\w+)'", done.stderr)
    if not said:
        pytest.skip("the OpenMP of this build of torch does not tell how its threads wait")
    return int(said[-1])


def test_threads_of_a_training_do_not_wait_awake_for_long():
    assert turns() <= 1000  # 300,000 without: longer than the system gives them at a time


@pytest.mark.parametrize(
    "said", [{"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "PASSIVE"}]
)
def test_what_the_user_has_said_stays(said, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(os, "environ", dict(said))
    let_waiting_threads_sleep()
    assert os.environ == said


def test_what_would_come_too_late_is_not_set(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    let_waiting_threads_sleep()  # torch is loaded
    assert not os.environ
