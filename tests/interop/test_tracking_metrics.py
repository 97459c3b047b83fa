"""Scores of tracks beside py-ctcmetrics and traccuracy, in an environment of their own.

The extra ``interop`` brings both; else ``CELLWRIGHT_TRACKING_PEERS`` names a Python with
``py-ctcmetrics==1.3.3`` and ``traccuracy==0.4.3``.
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
        pytest.skip(
            "install the extra 'interop', or set CELLWRIGHT_TRACKING_PEERS to a Python with "
            "py-ctcmetrics and traccuracy"
        )
    return python


def ask(python, *pairs):
    """Return what the oracle says of each pair of a result and its truth."""
    done = subprocess.run(
        [python, str(PROGRAM), *(str(folder) for pair in pairs for folder in pair)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [_answer(json.loads(line)) for line in done.stdout.splitlines()]


def _answer(said):
    names = ("True Positive", "Wrong Children", "False Positive", "False Negative")
    divisions = [[row[f"{n} Divisions"] for n in names] for row in said["divisions"].values()]
    known = set(ORACLE["perfect"])
    scores = {name: one for name, one in said["challenge"].items() if name in known}
    return scores | said["chota"] | {"divisions": divisions or None}


def test_toys(python, tmp_path):
    truth = perfect().write_truth(tmp_path / "truth")
    results = [toy().write(tmp_path / name) for name, toy in RESULTS.items()]
    answers = ask(python, *((result, truth) for result in results))
    for name, result, answer in zip(RESULTS, results, answers, strict=True):
        assert answer["divisions"] == ORACLE[name]["divisions"], name
        said, kept = (
            {k: v for k, v in one.items() if k != "divisions"} for one in (answer, ORACLE[name])
        )
        assert said == pytest.approx(kept), name
        assert_as_the_oracle_says(score_folders(result, truth), answer)


@pytest.mark.parametrize("movie", MOVIES)
@pytest.mark.parametrize("errors", [{}, {"merge": 10**9}], ids=["all", "unmerged"])
def test_real_movies(python, movie, errors, data_folder, tmp_path):
    truth = data_folder / movie
    write_ctc(tmp_path, *perturbed(read_ctc(truth), open_ctc(truth).frames(), **errors))
    (answer,) = ask(python, (tmp_path, truth))
    assert_as_the_oracle_says(score_folders(tmp_path, truth), answer)
