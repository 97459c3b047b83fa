"""What the README and the pages of docs/ tell a user to type works."""

import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest

import cellwright as cw
from cellwright.cli.program import program
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ cellwright ([^#\n]+)", README, flags=re.MULTILINE)


def blocks(page):
    return re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with all files that the examples name, as the current one."""
    for number in range(4):
        pixels, labels = simulate_field(NucleiSimulation(size=(128, 128), diameter=16), number)
        for folder, kind in (
            ("images", "images"),
            ("my_images", "images"),
            ("my_images", "labels"),
        ):
            path = tmp_path / folder / ("" if folder == "images" else kind) / f"{number}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            cw.write(path, cw.Image(pixels if kind == "images" else labels.astype(np.uint16), "YX"))
    (tmp_path / "images" / "0.tif").replace(tmp_path / "cells.tif")
    (tmp_path / "notes.txt").write_text("no image")
    nuclei = np.stack([pixels] * 2)  # of two frames that are alike
    cw.write(
        tmp_path / "movie.tif",
        cw.Image(
            np.stack([nuclei // 2, nuclei], axis=1), "TCYX", (0.3, 0.3), frame_interval=60.0,
            channel_names=("GFP", "H2B"),
        ),
    )  # fmt: skip
    (tmp_path / "my_images" / "index.csv").write_text(
        "id,split\n0,train\n1,train\n2,train\n3,val\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_readme_is_understood(line, workplace):
    command: click.Command = program
    words = shlex.split(line)
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(click.Context(command), name)
        assert command is not None, f"there is no command {name}"
    command.make_context(name, words)  # parses the options and checks their values


def test_the_readme_shows_the_commands_of_a_first_day():
    shown = {line.split()[0] for line in COMMANDS}
    assert shown >= {"demo", "segment", "measure", "data", "train", "evaluate", "models"}


def test_the_example_of_the_readme_runs(workplace):
    for block in blocks(README):
        exec(block, {})


@pytest.mark.slow
def test_the_examples_for_python_run_in_their_order(workplace, capsys):
    pytest.importorskip("torch")
    names: dict[str, object] = {}
    for block in blocks(PYTHON):
        exec(block.replace("minutes=30", "steps=2, patch=64, batch_size=1"), names)
    printed = capsys.readouterr().out
    assert "objects in 3 images; not readable: {}" in printed and "notes.txt" in printed
    assert "1.0 of the pixels are the same" in printed
    assert (workplace / "labels.tif").exists() and (workplace / "scores" / "images.csv").exists()


def test_the_columns_of_the_table_are_all_explained(workplace):
    image = cw.Image(cw.read("cells.tif").data, "YX", pixel_size=(0.5, 0.5))
    table = cw.measure((image.to_numpy() > 0).astype(np.int32), image)
    section = PYTHON.split("## The table")[1].split("##")[0]
    told = set(re.findall(r"`([\w-]+)`", section))
    stems = {name.rsplit("-", 1)[0] for name in told} | told
    stems |= {f"intensity{end}" for end in ("_std", "_min", "_max", "_sum")}
    unknown = {re.sub(r"(_um2?)?(-\d)?$", "", name) for name in table} - stems
    assert not unknown
