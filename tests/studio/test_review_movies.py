"""Which movie is shown behind tracks."""

import cellwright as cw
from cellwright.runs.track.hypotheses import Segmentations
from cellwright.runs.track.run import track_movie
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.studio.review_open import open_result


def test_further_segmentations_are_no_frames_of_the_movie(tmp_path):
    sample = NucleiSimulation(size=(96, 96), diameter=20, density=0.2)
    frames, labels, _ = simulate_movie(sample, Motion(3, 1, 0.5), seed=1)
    for number in range(3):
        cw.write(tmp_path / "raw" / f"t{number}.tif", cw.Image(frames[number], "YX"))
        cw.write_labels(tmp_path / "labels" / f"t{number}.tif", labels[number])
    several = Segmentations(model="nuclei", folders=(tmp_path / "labels",))
    track_movie(tmp_path / "raw", tmp_path / "out", model=several)
    shown = open_result(tmp_path / "out").images[0].open().levels.image
    assert shown.sizes["T"] == 3
    assert (shown.region(T=2).to_numpy() == frames[2]).all()
