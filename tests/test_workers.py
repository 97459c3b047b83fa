"""Worker processes: what they are told of the cores, and how many there are."""

import os
import signal
import subprocess
import sys

import pytest

from cellwright import _workers
from cellwright._workers import available_cores, usual_workers, worker_pool

BLAS = "OPENBLAS_NUM_THREADS"


def nothing() -> None:
    """What these workers begin with."""


def told_by_a_worker(name):
    with worker_pool(1, nothing) as pool:
        return pool.submit(os.getenv, name).result()


def test_the_linear_algebra_of_a_worker_has_one_thread(monkeypatch):
    monkeypatch.delenv(BLAS, raising=False)
    assert told_by_a_worker(BLAS) == "1"
    assert BLAS not in os.environ  # nothing else is told so


def test_what_the_user_has_said_of_threads_stays(monkeypatch):
    monkeypatch.setenv(BLAS, "3")
    assert told_by_a_worker(BLAS) == "3"
    assert os.environ[BLAS] == "3"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_a_worker_never_hears_ctrl_c_and_this_process_still_does():
    with worker_pool(1, nothing) as pool:
        pool.submit(signal.raise_signal, signal.SIGINT).result()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


KILLED = """
import os, signal, sys, time
from cellwright._workers import worker_pool

if __name__ == "__main__":
    pool = worker_pool(1, time.time)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 600)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_worker_ends_when_its_parent_is_killed(tmp_path):
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, str(tmp_path / "killed.py")]
    # It returns when the worker, too, has closed what it would print to.
    killed = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL and killed.stdout.strip().isdigit()


@pytest.mark.parametrize(("cores", "workers"), [(1, 0), (2, 1), (4, 2), (8, 3), (64, 4)])
def test_workers_leave_most_cores_to_the_network(cores, workers, monkeypatch):
    monkeypatch.setattr(_workers, "available_cores", lambda: cores)
    assert usual_workers() == workers


def test_this_process_has_a_core():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
