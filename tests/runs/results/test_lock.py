import json
import os
import socket
import subprocess
import sys

import pytest

from cellwright import OutputError
from cellwright.runs.results.lock import LOCK_FILE, is_running, locked


def leave_lock(folder, pid, host=None):
    content = {"pid": pid, "host": host or socket.gethostname()}
    (folder / LOCK_FILE).write_text(json.dumps(content))


def test_a_second_run_is_told_who_is_there(tmp_path):
    here = rf"going on in '{tmp_path}': process {os.getpid()} on the computer"
    with (
        locked(tmp_path),
        pytest.raises(OutputError, match=here),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        pass  # it is free again


@pytest.mark.parametrize("error", [KeyboardInterrupt, OutputError, ZeroDivisionError])
def test_the_lock_goes_with_the_run(tmp_path, error):
    with pytest.raises(error), locked(tmp_path / "out"):
        (tmp_path / "out" / "result").touch()
        raise error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result"]


def test_a_folder_that_nothing_was_written_to_is_not_left_behind(tmp_path):
    with pytest.raises(OutputError), locked(tmp_path / "out"):
        raise OutputError
    assert not (tmp_path / "out").exists()


def test_a_running_process_keeps_its_folder_and_a_killed_one_loses_it(tmp_path):
    hold = (
        "import sys, time; from pathlib import Path\n"
        "from cellwright.runs.results.lock import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match=f"process {other.pid}"), locked(tmp_path):
            pass
    finally:
        other.kill()
        other.communicate()
    assert (tmp_path / LOCK_FILE).exists() and not is_running(other.pid)
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == os.getpid()
    assert not (tmp_path / LOCK_FILE).exists()


def test_a_dead_process_that_had_our_number_is_no_hindrance(tmp_path):
    leave_lock(tmp_path, os.getpid())  # in a container, the number is the same in every run
    with locked(tmp_path):
        pass


def test_of_another_computer_nobody_knows_so_the_cure_is_told(tmp_path):
    leave_lock(tmp_path, 1, "elsewhere")
    cure = rf"'elsewhere'.* remove '.*{LOCK_FILE}'"
    with pytest.raises(OutputError, match=cure), locked(tmp_path):
        pass
    assert (tmp_path / LOCK_FILE).exists()


@pytest.mark.parametrize("content", ["", "[]", '{"pid": "x", "host": 1}', '{"pid": 1}'])
def test_a_lock_that_says_nothing_is_left_alone(tmp_path, content):
    (tmp_path / LOCK_FILE).write_text(content)
    with pytest.raises(OutputError, match="does not say"), locked(tmp_path):
        pass
    assert (tmp_path / LOCK_FILE).read_text() == content


@pytest.mark.parametrize("pid", [0, -1, 2**40])
def test_a_number_that_no_process_can_have_is_dead(tmp_path, pid):
    leave_lock(tmp_path, pid)
    with locked(tmp_path):
        pass
