"""The exported package in the hands of BioImage.IO's own library, in an environment of its own.

``CELLWRIGHT_BIOIMAGEIO`` names a Python with ``bioimageio.core`` and ``pydantic<2.14``.
"""

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from io import BytesIO

import numpy as np
import pytest
from scipy.special import expit

pytest.importorskip("torch")
pytest.importorskip("onnx")

from cellwright.images.normalise import Normalisation
from cellwright.inference.runtime import OnnxNetwork
from cellwright.models.bioimageio import export_bioimageio
from cellwright.models.bioimageio_files import open_files
from cellwright.models.bioimageio_import import import_bioimageio
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.export import export_network, network_facts
from cellwright.models.package import save_package
from cellwright.networks.registry import network_from_dict
from models.foreign import image, maps_of, network, package_04, package_05, zipped

TEST = """
import json, sys
from bioimageio.core import test_model
summary = test_model(sys.argv[1])
errors = [str(e) for d in summary.details for e in d.errors]
print(json.dumps({"status": summary.status, "errors": errors}))
"""


@pytest.fixture(scope="module", params=[(("grey",), False), (("red", "green", "blue"), True)])
def exported(request, tmp_path_factory):
    channels, joint = request.param
    description = {"name": "unet", "in_channels": len(channels), "out_channels": 3, "width": 8}
    network = network_from_dict(description, seed=3)
    normalisation = Normalisation(joint=joint)
    files = export_network(network, normalisation)
    card = ModelCard(
        name="toy",
        version="0.1.0",
        description="Random weights.",
        task="instances",
        method="offsets",
        readout={"threshold": 0.4},
        network=network_facts(network, files["network.onnx"]),
        input=InputContract(channels, normalisation, 20.0, (10.0, 40.0)),
        training={"steps": 0},
        evaluation={"AP@0.5": 0.0},
        limits="Knows nothing.",
        licence="CC-BY-4.0",
        authors=("Ann Example",),
    )
    folder = tmp_path_factory.mktemp("export")
    package = save_package(folder / "toy", card, files)
    export_bioimageio(package, folder / "toy.zip")
    return package, folder / "toy.zip"


def read(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def test_the_exported_network_computes_what_ours_does(exported):
    package, path = exported
    contract, facts = package.card.input, package.card.network
    raw = np.load(BytesIO(read(path, "test_input.npy")), allow_pickle=False)[0]
    assert raw.max() > 1000  # grey values, not normalised ones
    limits = contract.normalisation.limits(raw)
    ours = OnnxNetwork(
        package.files["network.onnx"], stride=facts.stride, halo=facts.halo, device="cpu"
    )
    pixels = contract.normalisation.apply(raw, limits)
    assert pixels.max() > 1  # so that the compression matters
    theirs = np.load(BytesIO(read(path, "test_output.npy")), allow_pickle=False)
    np.testing.assert_allclose(theirs, ours(pixels[np.newaxis]), atol=1e-4)


def test_bioimageio_accepts_the_package(exported):
    assert_accepted(exported[1])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_packages_that_our_tests_import_are_such_as_others_write(version, tmp_path):
    raw = image(2)
    limits = np.percentile(raw, [1, 99], axis=(1, 2), keepdims=True)
    expected = expit(maps_of((raw - limits[0]) / (limits[1] - limits[0] + 1e-6)))
    percentiles = {"min_percentile": 1.0, "max_percentile": 99.0}
    if version == "0.4":
        before = {"name": "scale_range", "kwargs": {"mode": "per_sample", "axes": "yx"}}
        files = package_04(
            raw,
            expected,
            network(2),
            before=[{**before, "kwargs": {**before["kwargs"], **percentiles}}],
            behind=[{"name": "sigmoid"}],
        )
    else:
        before = {"id": "scale_range", "kwargs": {"axes": ["y", "x"], **percentiles}}
        files = package_05(
            raw,
            expected.astype(np.float32),
            network(2),
            ("inside", "boundary"),
            before=[before],
            behind=[{"id": "sigmoid"}],
        )
    path = zipped(tmp_path / "foreign.zip", files)
    import_bioimageio(open_files(path), tmp_path / "imported.cellwright")
    assert_accepted(path)


def assert_accepted(path):
    """Let BioImage.IO's own library run the model and compare its test output."""
    python = os.environ.get("CELLWRIGHT_BIOIMAGEIO")
    if python is None and find_spec("bioimageio") is None:
        pytest.skip("no bioimageio.core: set CELLWRIGHT_BIOIMAGEIO to a Python that has it")
    done = subprocess.run(
        [python or sys.executable, "-c", TEST, str(path)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {"status": "passed", "errors": []}
