import os
import signal
import subprocess
import sys
import time
from functools import partial

import click
import pytest

from cellwright import __version__
from cellwright._errors import InputError
from cellwright.cli import program as module
from cellwright.cli.program import COMMANDS, program

from .conftest import save_field


def test_help_lists_every_command_and_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from cellwright.cli.program import program\n"
        "program(['--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'scipy', 'numba', 'zarr', 'torch', 'onnxruntime', 'skimage', 'pandas'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_help_is_the_first_line_of_the_command(name):
    command = program.get_command(click.Context(program), name)
    assert command.name == name
    assert command.get_short_help_str(limit=200) == COMMANDS[name][1]


def test_version(run):
    assert run("--version").out == f"cellwright {__version__}\n"


@pytest.mark.parametrize("arguments", [["dance"], ["segment"], ["segment", "--speed", "9"]])
def test_wrong_usage_is_exit_code_2(run, arguments):
    result = run(*arguments)
    assert result.code == 2
    assert "Usage:" in result.error


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["segmnt"], "segment"),
        (["segment", "x", "-o", "y", "--format", "tiff"], "tif"),
        (["train", "x", "-o", "y", "--method", "watershd"], "watershed"),
        (["segment", "x", "-o", "y", "--model", "nucleii"], "nuclei"),
    ],
)
def test_what_may_be_meant_is_suggested(run, arguments, meant):
    result = run(*arguments)
    assert result.code == 2 and f"Did you mean '{meant}'?" in result.error


def raising(error):
    @click.command()
    def command():
        raise error

    return command


def test_our_errors_are_one_line_without_a_traceback(run, monkeypatch):
    error = InputError("'a.tif' is empty.")
    monkeypatch.setattr(module.LazyProgram, "get_command", lambda *_: raising(error))
    result = run("segment")
    assert (result.code, result.error) == (2, "Error: 'a.tif' is empty.\n")


def test_other_errors_keep_their_traceback_and_say_that_it_is_a_bug(run, monkeypatch):
    monkeypatch.setattr(module.LazyProgram, "get_command", lambda *_: raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError) as raised:
        run("segment")
    assert "bug in Cellwright" in raised.value.__notes__[0]


def test_ctrl_c_in_compiled_code_is_no_bug(run, monkeypatch):
    error = SystemError("returned a result with an exception set")
    error.__cause__ = KeyboardInterrupt()
    monkeypatch.setattr(module.LazyProgram, "get_command", lambda *_: raising(error))
    result = run("track")
    assert result.code == 130 and "Resume with the same command" in result.error


@pytest.mark.parametrize(
    "option",
    [("--diameter", 0.001), ("--diameter", "inf"), ("--pixel-size", 1e-30), ("--threshold", "nan")],
)
def test_numbers_that_make_no_sense_are_refused(run, tmp_path, option):
    (tmp_path / "a.tif").touch()
    assert run("segment", tmp_path / "a.tif", "-o", tmp_path / "out", *option).code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_ctrl_c_is_130_and_the_same_command_goes_on(oracle, tmp_path):
    for seed in range(12):
        save_field(tmp_path / "images" / f"{seed}.tif", seed)
    arguments = ["segment", tmp_path / "images", "--model", oracle, "-o", tmp_path / "out"]
    command = [sys.executable, "-m", "cellwright", *map(str, arguments)]
    # What a shell starts in the background ignores Ctrl-C, and hands that down.
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=hear)
    parts = tmp_path / "out" / ".parts"
    while not list(parts.glob("*.json")):
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, error = running.communicate()
    assert running.returncode == 130
    assert "Resume with the same command" in error
    done = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out/labels").iterdir()}
    assert 0 < len(done) < 12
    assert subprocess.run(command, capture_output=True).returncode == 0
    labels = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out/labels").iterdir()}
    assert len(labels) == 12
    assert sum(labels[name] == stamp for name, stamp in done.items()) >= len(done) - 1


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere; so may Windows"
)
def test_an_output_folder_without_permission_is_named(run, oracle, fields, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    result = run("segment", fields, "--model", oracle, "-o", locked / "out")
    assert result.code == 2
    assert "Cannot write" in result.error


@pytest.mark.parametrize(
    "options", [["--dark"], ["--noise-factor", "9"], ["--spots", "4", "--model", "blood"]]
)
def test_options_of_spots_and_models_do_not_mix(run, tmp_path, options):
    refused = run("detect", tmp_path, "-o", tmp_path / "out", *options)
    assert refused.code == 2 and "has no effect" in refused.error


@pytest.mark.parametrize(
    "command",
    [
        ("segment", "celsl", "-o", "results"),
        ("detect", "celsl", "-o", "results"),
        ("track", "celsl", "-o", "results"),
        ("track", "cells", "-o", "results", "--pins", "celsl"),
        ("measure", "celsl", "-o", "results"),
        ("annotate", "celsl"),
        ("review", "celsl"),
        ("review", "cells", "--images", "celsl"),
        ("train", "celsl", "-o", "model"),
        ("compare", "celsl", "-o", "results"),
        ("evaluate", "nuclei", "celsl", "-o", "results"),
        ("data", "inspect", "celsl"),
    ],
    ids=" ".join,
)
def test_all_commands_say_in_the_same_words_that_a_path_is_wrong(
    command, run, tmp_path, monkeypatch
):
    (tmp_path / "cells").mkdir()
    monkeypatch.chdir(tmp_path)
    told = run(*command)
    assert told.code == 2
    assert "There is no " in told.error
    assert "'celsl'. Did you mean 'cells'?" in told.error
