import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cellwright

ROOT = Path(__file__).parents[1]
HEAVY = ("numpy", "scipy", "skimage", "numba", "torch", "zarr", "onnxruntime", "pandas", "pyarrow")


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, cellwright; sys.exit(', '.join(set({HEAVY}) & set(sys.modules)) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_segmenting_and_measuring_load_no_torch():
    code = (
        "import sys, cellwright, cellwright.runs.segment.run, cellwright.runs.measure\n"
        "[getattr(cellwright, name) for name in ('segment', 'measure', 'load_model', 'read')]\n"
        "sys.exit('torch' if 'torch' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", cellwright.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(cellwright, name)
    assert value.__doc__
    assert name in dir(cellwright)


def test_the_function_measure_is_not_hidden_by_the_folder_of_its_name():
    code = "import cellwright.measure.objects, cellwright; print(cellwright.measure([[1]]).area[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr


def test_the_list_of_public_names_is_the_documented_one():
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `cw\.(\w+)", page, flags=re.MULTILINE))
    assert listed == set(cellwright.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="magic"):
        cellwright.magic  # noqa: B018


def test_an_image_is_shown_without_its_pixels():
    pixels = np.zeros((2, 400, 300), np.uint16)
    image = cellwright.Image(pixels, "CYX", (0.5, 0.5), channel_names=("DAPI", "actin"), name="a")
    told = "pixel_size=(0.5, 0.5), channel_names=('DAPI', 'actin')"
    assert repr(image) == f"Image('a', CYX 2 × 400 × 300, uint16, {told})"


def test_training_without_torch_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import cellwright; cellwright.train('a', 'b')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "needs the package 'torch': pip install 'cellwright[train]'" in done.stderr


def test_the_version_is_that_of_the_project():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{cellwright.__version__}"' in project


def test_imports_point_down():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "check_imports.py"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
