"""GEFF beside the reference library, in an environment of its own.

The extra ``interop`` brings it; else ``CELLWRIGHT_TRACKING_PEERS`` names a Python with ``geff``
(specification 1.3).
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from cellwright.tracking.formats.geff import read_geff, write_geff
from cellwright.tracking.formats.trackmate import write_trackmate
from tracking.formats.battery import assert_same, lineage

COPY = """
import sys, geff, warnings
warnings.simplefilter("ignore")
from geff.validate.structure import validate_structure
validate_structure(sys.argv[1])
graph, metadata = geff.read(sys.argv[1], structure_validation=True)
geff.write(graph, sys.argv[2], metadata=metadata, zarr_format=int(sys.argv[3]))
"""
CONVERT = """
import sys, warnings
warnings.simplefilter("ignore")
from geff.convert import from_trackmate_xml_to_geff
from_trackmate_xml_to_geff(sys.argv[1], sys.argv[2])
"""


def run(*arguments):
    python = os.environ.get("CELLWRIGHT_TRACKING_PEERS")
    if python is None and find_spec("geff"):
        python = sys.executable
    if python is None:
        pytest.skip(
            "install the extra 'interop', or set CELLWRIGHT_TRACKING_PEERS to a Python with geff"
        )
    done = subprocess.run(
        [python, "-c", *map(str, arguments)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("version", [2, 3])
def test_the_reference_library_reads_what_we_write_and_writes_it_back(version, tmp_path):
    tracks = lineage(3, pixel_size=(2.0, 0.5, 0.5), frame_interval=30.0)
    tracks.properties["name"] = np.array([f"cell {i}" for i in range(10)])
    write_geff(tmp_path / "ours.geff", tracks)
    run(COPY, tmp_path / "ours.geff", tmp_path / "theirs.geff", version)
    again = read_geff(tmp_path / "theirs.geff")
    assert_same(tracks, again)
    assert again.pixel_size == tracks.pixel_size and again.frame_interval == 30.0


def test_the_reference_library_understands_our_trackmate_files(tmp_path):
    tracks = lineage(pixel_size=(0.5, 0.5), frame_interval=30.0)
    write_trackmate(tmp_path / "ours.xml", tracks)
    run(CONVERT, tmp_path / "ours.xml", tmp_path / "theirs.geff")
    again = read_geff(tmp_path / "theirs.geff")
    assert again.frame.tolist() == tracks.frame.tolist()
    assert again.edges.tolist() == tracks.edges.tolist()
    assert again.position[:, -2:] == pytest.approx(tracks.position_um)
