import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from cellwright.cli.program import program
from cellwright.images.image import Image
from cellwright.images.write import write
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field


@pytest.fixture
def run():
    """Run the program; returns its exit code, output and the JSON that it printed."""

    def invoke(*arguments):
        result = CliRunner().invoke(program, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        printed = json.loads(result.stdout) if result.stdout.startswith("{") else None
        return SimpleNamespace(
            code=result.exit_code, out=result.stdout, error=result.stderr, json=printed
        )

    return invoke


@pytest.fixture(scope="session")
def oracle(tmp_path_factory) -> Path:
    """A model that is always right about images made by `oracle_image`."""
    pytest.importorskip("onnx")
    from models.oracle import oracle_package

    path = tmp_path_factory.mktemp("oracle") / "oracle"
    oracle_package(path)
    return path


def truth(seed: int, size=(96, 128)):
    _, labels = simulate_field(NucleiSimulation(size=size, diameter=16), seed)
    labels[0, 0] = labels[-1, -1] = 0
    return labels.astype(np.int32)


def save_field(path: Path, seed: int) -> np.ndarray:
    """Write an image whose objects the oracle knows; returns them."""
    from models.oracle import oracle_image

    labels = truth(seed)
    image = oracle_image(labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Image(image.data, "CYX", (0.5, 0.5), channel_names=image.channel_names))
    return labels


@pytest.fixture
def fields(tmp_path) -> Path:
    """Two images in two sub-folders."""
    save_field(tmp_path / "images" / "plate1" / "a.tif", 1)
    save_field(tmp_path / "images" / "plate2" / "a.tif", 2)
    return tmp_path / "images"
