"""A tracking run that is killed goes on where it was, and comes to the same result."""

import subprocess
import sys

import pytest

from cellwright._errors import InputError, OutputError
from cellwright.images.image import Image
from cellwright.images.read import read_labels
from cellwright.images.write import write_labels
from cellwright.runs.track import objects as track_objects
from cellwright.runs.track.run import track_movie
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.tracking.options import LinkOptions

KILLED = """
import os
from {module} import {name} as original
import {module} as module
left = [{after}]
def deadly(*given, **options):
    left[0] -= 1
    if left[0] < 0:
        os._exit(9)  # nothing is tidied up, as when the program is killed
    return original(*given, **options)
module.{name} = deadly
from cellwright.runs.track.run import track_movie
track_movie({source!r}, {output!r})
"""
MOMENTS = (
    ("cellwright.runs.track.objects", "write_parquet", 4),
    ("cellwright.tracking.formats.ctc", "write_labels", 3),
    ("cellwright.runs.track.run", "write_text", 0),
)


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    sample = NucleiSimulation(size=(96, 96), diameter=14, density=0.2)
    _, labels, _ = simulate_movie(sample, Motion(9, 3, 0.5, 12), seed=1)
    file = tmp_path_factory.mktemp("movie") / "movie.tif"
    write_labels(file, labels, like=Image(labels, "TYX"))
    return file


def _content(folder):
    """Return every file but those that tell when the run was."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in ("run.json", "report.html", ".lock")
    }


def test_killed_again_and_again_the_result_is_the_same(movie, tmp_path, monkeypatch):
    whole = track_movie(movie, tmp_path / "whole")
    for module, name, after in MOMENTS:
        script = KILLED.format(
            module=module, name=name, after=after, source=str(movie), output=str(tmp_path / "cut")
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
        assert ended.returncode == 9, ended.stderr.decode()[-2000:]
    kept = len(list((tmp_path / "cut" / ".parts").glob("objects*.parquet")))
    assert kept == 9
    measured = []
    monkeypatch.setattr(track_objects, "_measured", lambda *given: measured.append(given))
    again = track_movie(movie, tmp_path / "cut")
    assert not measured
    assert again.summary == whole.summary and again.summary["divisions"] > 0
    assert _content(tmp_path / "cut") == _content(tmp_path / "whole")


def test_a_pin_that_is_put_right_costs_no_frame(movie, tmp_path, monkeypatch):
    pins = tmp_path / "pins.csv"
    head = "source_frame,source_label,target_frame,target_label,pin\n"
    labels, _ = read_labels(movie)
    first, second = labels[0].max(), labels[1].max()
    pins.write_text(f"{head}0,{first},1,999,forbidden\n")
    found = []
    original = track_objects.write_parquet
    monkeypatch.setattr(
        track_objects, "write_parquet", lambda *given: (found.append(given[0]), original(*given))
    )
    with pytest.raises(InputError, match="label 999 in frame 1"):
        track_movie(movie, tmp_path / "out", pins=pins)
    frames = len(found)
    assert frames >= 9
    pins.write_text(f"{head}0,{first},1,{second},forbidden\n")
    result = track_movie(movie, tmp_path / "out", LinkOptions(max_gap=1), pins=pins)
    assert len(found) == frames
    whole = track_movie(movie, tmp_path / "whole", LinkOptions(max_gap=1), pins=pins)
    assert result.summary == whole.summary
    assert _content(tmp_path / "out") == _content(tmp_path / "whole")
    with pytest.raises(OutputError, match="holds the results of another run"):
        track_movie(movie, tmp_path / "out", pins=pins)
