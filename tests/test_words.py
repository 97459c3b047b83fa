"""Messages name options as they are typed in a terminal, and as arguments where Python called."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cellwright as cw
from cellwright._words import in_terminal, is_in_terminal
from cellwright._workers import worker_pool
from cellwright.cli.program import program
from cellwright.measure.tables import read_csv
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A stack of Z planes, which the model of planes cannot take as it is."""
    pixels = np.random.default_rng(0).poisson(5, (3, 64, 64)).astype(np.uint16)
    cw.write(tmp_path / "images" / "a.tif", cw.Image(pixels, "ZYX"))
    cw.write(tmp_path / "images" / "b.tif", cw.Image(pixels, "ZYX"))
    return tmp_path / "images"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_terminal_is_told_options_alone(stack: Path, tmp_path: Path, jobs: str) -> None:
    command = ["segment", str(stack), "-o", str(tmp_path / "out"), "--jobs", jobs]
    done = CliRunner().invoke(program, command)
    assert "--z max" in done.output
    assert "argument" not in done.output and "Python" not in done.output
    assert not is_in_terminal()


def test_python_is_told_arguments_alone(stack: Path, tmp_path: Path) -> None:
    with pytest.raises(cw.CellwrightError, match="argument z='max'") as error:
        cw.segment(stack, tmp_path / "out")
    assert "--" not in str(error.value)
    with pytest.raises(cw.CellwrightError, match="leave out the argument channel") as error:
        cw.load_model("nuclei").segment(np.zeros((64, 64), np.uint8), channel="DAPI")
    assert "--" not in str(error.value)


@pytest.mark.parametrize("typed", [True, False])
def test_warnings_of_reports_follow_who_called(tmp_path: Path, typed: bool) -> None:
    field, _ = simulate_field(NucleiSimulation(size=(96, 96), diameter=20), seed=0)
    cw.write(tmp_path / "a.tif", field)
    out = tmp_path / "out"
    if typed:  # no confidence is as high as that
        asked = ["segment", str(tmp_path / "a.tif"), "-o", str(out), "--threshold", "1"]
        CliRunner().invoke(program, asked)
    else:
        cw.segment(tmp_path / "a.tif", out, options=cw.SegmentOptions(threshold=1.0))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert ("--threshold, --diameter or --channel" in page) == typed
    assert ("the argument threshold, diameter or channel" in page) != typed
    assert len(read_csv(out / "objects.csv")["label"]) == 0


def test_images_that_are_refused_for_different_reasons_are_not_said_to_be_alike(tmp_path) -> None:
    plane, stack = np.zeros((64, 64), np.uint8), np.zeros((3, 64, 64), np.uint8)
    cw.write(tmp_path / "in" / "a.tif", plane)
    cw.write(tmp_path / "in" / "b.tif", plane)
    cw.write(tmp_path / "in" / "c.tif", cw.Image(stack, "ZYX"))
    options = cw.SegmentOptions(channel="DAPI")
    with pytest.raises(
        cw.CellwrightError, match=r"(?s)None of the 3.*'a'.*DAPI.*'c' has 3 Z"
    ) as error:
        cw.segment(tmp_path / "in", tmp_path / "out", options=options)
    assert str(error.value).count("\n") == 2 and "same holds" not in str(error.value)
    (tmp_path / "in" / "c.tif").unlink()
    with pytest.raises(cw.CellwrightError, match="The same holds for all 2 images"):
        cw.segment(tmp_path / "in", tmp_path / "out", options=options)


def test_a_name_that_the_terminal_divided_is_told_to_be_put_in_quotes(tmp_path: Path) -> None:
    cw.write(tmp_path / "my plate" / "a.tif", np.zeros((64, 64), np.uint8))
    given = ["segment", str(tmp_path / "my"), "plate", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(program, given)
    assert done.exit_code == 2 and f'quotes, such as "{tmp_path / "my plate"}"' in done.output
    with pytest.raises(cw.CellwrightError, match="Check the spelling"):
        cw.read(tmp_path / "my")


def _nothing() -> None:
    pass


@pytest.mark.parametrize("typed", [True, False])
def test_workers_speak_as_the_process_that_started_them(typed: bool) -> None:
    with in_terminal() if typed else nullcontext(), worker_pool(1, _nothing) as pool:
        assert pool.submit(is_in_terminal).result() == typed
