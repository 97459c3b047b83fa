"""A tracking run that is killed goes on where it was, and comes to the same result."""

import subprocess
import sys

import pytest

from cellwright.images.image import Image
from cellwright.images.write import write_labels
from cellwright.runs.track import objects as track_objects
from cellwright.runs.track.run import track_movie
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation

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
