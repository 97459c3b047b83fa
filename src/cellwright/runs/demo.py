"""``cellwright demo``: the whole way, on images that come with the installation."""

from importlib.resources import files
from pathlib import Path

import numpy as np

from cellwright._types import FloatArray
from cellwright.images.image import Image
from cellwright.images.write import write
from cellwright.inference.runtime import Device
from cellwright.runs.results.result import RunResult
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

SIMULATED = {
    "simulated_monolayer": NucleiSimulation(size=(512, 512), diameter=28, density=0.25),
    "simulated_crowded": NucleiSimulation(size=(512, 512), diameter=18, density=0.4),
    "simulated_large": NucleiSimulation(size=(512, 512), diameter=48, density=0.3),
}
SIMULATED_PIXEL_SIZE = (0.4, 0.4)
"""µm; makes the nuclei of the first field 11 µm wide."""
STAINED_TISSUE = "ihc.png"
"""Colon tissue stained with haematoxylin and DAB, in scikit-image's wheel."""
NUCLEAR_STAIN = "tissue_haematoxylin.tif"
COLOUR_DETAIL = 2.0
"""px; finer than this the section's colours are noise, which unmixing the stains amplifies."""
SEED = 2026


def run_demo(output: Path, *, model: str = "nuclei", device: Device = "auto") -> RunResult:
    """Segment example images: the nuclear stain of real tissue, and simulated fluorescence.

    Parameters
    ----------
    output : Path
        Gets the folders ``images`` and ``results``.
    model : str
        Name of a model, or the path of a package.
    device : {"auto", "cpu", "cuda"}
        Where the network runs.

    Returns
    -------
    RunResult
    """
    images = write_examples(output / "images")
    return segment_images(
        images,
        output / "results",
        SegmentOptions(),
        model=model,
        device=device,
        overwrite=True,  # of an earlier version's demo; nothing else is touched
    )


def write_examples(folder: Path) -> list[Path]:
    """Write the example images that are not in `folder` yet; returns all of them."""
    tissue = folder / NUCLEAR_STAIN
    if not tissue.exists():
        write(tissue, Image(nuclear_stain(), "YX"))
    paths = [tissue]
    for number, (name, settings) in enumerate(SIMULATED.items()):
        path = folder / f"{name}.tif"
        if not path.exists():
            pixels, _ = simulate_field(settings, SEED + number)
            write(path, Image(pixels, "YX", SIMULATED_PIXEL_SIZE))
        paths.append(path)
    return paths


def nuclear_stain() -> FloatArray:
    """Return the optical density of the haematoxylin in scikit-image's tissue section.

    Returns
    -------
    ndarray, shape (Y, X), float32
        The stain of the nuclei alone, without the brown of the DAB: bright where there is much.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.color import rgb2hed
    from skimage.io import imread

    colours = imread(str(files("skimage.data").joinpath(STAINED_TISSUE)))
    density = np.maximum(rgb2hed(colours)[..., 0], 0).astype(np.float32)
    smooth: FloatArray = gaussian_filter(density, COLOUR_DETAIL)
    return smooth
