"""The shipped model on movies of other labs, of which it learned nothing."""

import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.metrics.matching import InstanceScores
from cellwright.models.load import load_model

MOVIES = [
    ("ctc_gowt1_02_sparse", "02", "02_ST", 0.85),  # noisy, dim beside bright
    ("ctc_sim_ilastik", "01", "01_GT", 0.88),  # bright spots in dim nuclei
]


@pytest.mark.data
@pytest.mark.parametrize(("movie", "frames", "truth", "floor"), MOVIES)
def test_nuclei_of_other_labs_are_found_whole(data_folder, movie, frames, truth, floor):
    model, scores = load_model("nuclei"), InstanceScores(thresholds=(0.5,))
    for path in sorted((data_folder / movie / truth / "SEG").glob("man_seg*.tif"))[-5:]:
        frame = data_folder / movie / frames / f"t{path.stem.removeprefix('man_seg')}.tif"
        labels = np.squeeze(read(path).to_numpy()).astype(np.int32)
        pixels = np.squeeze(read(frame).to_numpy())
        scores.add(labels, model.predict(Image(pixels, "YX")))
    assert scores.pooled("average_precision", 0.5) >= floor
