"""Scores of tracks beside py-ctcmetrics and traccuracy, in an environment of their own.

``CELLWRIGHT_TRACKING_PEERS`` names a Python with ``py-ctcmetrics==1.3.3`` and
``traccuracy==0.4.3``.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cellwright.tracking.formats.ctc import open_ctc, read_ctc, write_ctc
from cellwright.tracking.metrics.challenge import score_folders
from tracking.metrics.test_scores import ORACLE, assert_as_the_oracle_says
from tracking.perturb import perturbed
from tracking.toys import RESULTS, perfect

PROGRAM = Path(__file__).with_name("tracking_oracle.py")
MOVIES = ("ctc_sim_ilastik/01_GT", "ctc_gowt1_02_sparse/02_GT")


@pytest.fixture(scope="module")
def python():
    python = os.environ.get("CELLWRIGHT_TRACKING_PEERS")
    if python is None and find_spec("ctc_metrics") and find_spec("traccuracy"):
        python = sys.executable
    if python is None:
        pytest.skip("set CELLWRIGHT_TRACKING_PEERS to a Python with py-ctcmetrics and traccuracy")
    return python


def ask(python, result, truth):
    done = subprocess.run(
        [python, str(PROGRAM), str(result), str(truth)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    names = ("True Positive", "Wrong Children", "False Positive", "False Negative")
    divisions = [[row[f"{n} Divisions"] for n in names] for row in answer["divisions"].values()]
    known = set(ORACLE["perfect"])
    scores = {name: one for name, one in answer["challenge"].items() if name in known}
    return scores | answer["chota"] | {"divisions": divisions or None}


@pytest.mark.parametrize("name", RESULTS)
def test_toys(python, name, tmp_path):
    truth = perfect().write_truth(tmp_path / "truth")
    result = RESULTS[name]().write(tmp_path / "result")
    answer = ask(python, result, truth)
    assert answer["divisions"] == ORACLE[name]["divisions"]
    numbers = [{k: v for k, v in one.items() if k != "divisions"} for one in (answer, ORACLE[name])]
    assert numbers[0] == pytest.approx(numbers[1])
    assert_as_the_oracle_says(score_folders(result, truth), answer)


@pytest.mark.parametrize("movie", MOVIES)
@pytest.mark.parametrize("errors", [{}, {"merge": 10**9}], ids=["all", "unmerged"])
def test_real_movies(python, movie, errors, data_folder, tmp_path):
    truth = data_folder / movie
    write_ctc(tmp_path, *perturbed(read_ctc(truth), open_ctc(truth).frames(), **errors))
    answer = ask(python, tmp_path, truth)
    assert_as_the_oracle_says(score_folders(tmp_path, truth), answer)
