"""Tracking label images beside the raw movie that they were outlined in."""

import json

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import InputError, UsageError
from cellwright.measure.tables import read_parquet
from cellwright.runs.track.hypotheses import Segmentations
from cellwright.runs.track.run import track_movie
from cellwright.runs.track.timelapse import MovieOptions
from cellwright.studio.review_open import open_result

FRAMES, SIZE = 4, (48, 64)


@pytest.fixture
def movie(tmp_path):
    """Label images without a scale and, in one file, their movie of two channels."""
    labels = np.zeros((FRAMES, *SIZE), np.int32)
    for number in range(FRAMES):
        labels[number, 5:15, 5 + 2 * number : 15 + 2 * number] = 1
        labels[number, 30:40, 40:50] = 2
        cw.write_labels(tmp_path / "labels" / f"t{number}.tif", labels[number])
    pixels = np.stack([100 + 50 * labels, 1000 * labels + np.arange(FRAMES)[:, None, None]], axis=1)
    image = cw.Image(
        pixels.astype(np.uint16),
        "TCYX",
        pixel_size=(0.5, 0.5),
        frame_interval=30.0,
        channel_names=("H2B", "GFP"),
    )
    cw.write(tmp_path / "movie.ome.tif", image)
    return tmp_path


def test_labels_are_measured_in_their_movie_and_take_its_scale(movie):
    done = track_movie(movie / "labels", movie / "out", images=movie / "movie.ome.tif")
    table = read_parquet(done.folder / "tracks.parquet")
    label, frame = table["label"], table["frame"]
    assert table["intensity_mean-H2B"].tolist() == (100 + 50 * label).tolist()
    assert table["intensity_mean-GFP"].tolist() == (1000 * label + frame).tolist()
    assert table["y_um"].tolist() == (0.5 * table["y"]).tolist()
    assert table["time_s"].tolist() == (30 * table["frame"]).tolist()


def test_the_same_objects_have_the_intensities_of_python(movie):
    track_movie(movie / "labels", movie / "out", images=movie / "movie.ome.tif")
    found = cw.read_tracks(movie / "out" / "tracks.geff")
    labels = [cw.read(movie / "labels" / f"t{number}.tif").to_numpy() for number in range(FRAMES)]
    expected = cw.track(np.stack(labels), cw.read(movie / "movie.ome.tif"))
    assert found.edges.tolist() == expected.edges.tolist()
    assert (found.pixel_size, found.frame_interval) == ((0.5, 0.5), 30.0)
    for name, values in expected.properties.items():
        assert np.allclose(found.properties[name], values), name


def test_what_is_said_of_the_scale_and_the_channel_holds_for_the_movie(movie):
    options = MovieOptions(channel=("GFP",), pixel_size=2.0, frame_interval=5.0)
    images = movie / "movie.ome.tif"
    track_movie(movie / "labels", movie / "out", images=images, movie=options)
    table = read_parquet(movie / "out" / "tracks.parquet")
    names = [name for name in table if name.startswith("intensity_mean")]
    assert names == ["intensity_mean-GFP", "intensity_mean-H2B"]  # what is looked at comes first
    assert table["x_um"].tolist() == (2 * table["x"]).tolist()
    assert table["time_s"].tolist() == (5 * table["frame"]).tolist()


def test_review_shows_the_movie_and_not_the_labels(movie):
    track_movie(movie / "labels", movie / "out", images=movie / "movie.ome.tif")
    shown = open_result(movie / "out").images[0].open()
    assert shown.levels.image.channel_names == ("H2B", "GFP")
    assert shown.labels.shape == (FRAMES, *SIZE)


def test_another_movie_is_another_run(movie):
    track_movie(movie / "labels", movie / "out", images=movie / "movie.ome.tif")
    with pytest.raises(cw.CellwrightError, match="another run"):
        track_movie(movie / "labels", movie / "out")
    record = json.loads((movie / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["parameters"]["images"].endswith("/movie.ome.tif")


def test_movies_of_other_sizes_and_lengths_are_refused(movie):
    cw.write(movie / "other.tif", cw.Image(np.zeros((FRAMES - 1, *SIZE), np.uint8), "TYX"))
    with pytest.raises(InputError, match=r"'.*other.tif' has 3 frames .* 4 of \(48, 64\)"):
        track_movie(movie / "labels", movie / "out", images=movie / "other.tif")
    assert not (movie / "out").exists()


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ("labels", "nuclei"),
        ("labels", Segmentations(folders=("labels",))),
        ("points.csv", None),
    ],
)
def test_only_label_images_have_a_movie_of_their_own(movie, source, model):
    with pytest.raises(UsageError, match="Leave out the argument images"):
        track_movie(movie / source, movie / "out", model=model, images=movie / "movie.ome.tif")
    assert not (movie / "out").exists()


def test_a_raw_movie_is_no_label_images(movie):
    images = movie / "movie.ome.tif"
    with pytest.raises(UsageError, match="holds no label images"):
        track_movie(images, movie / "out", images=images)


def test_a_channel_that_is_not_there_is_told_first(movie):
    options = MovieOptions(channel=("DAPI",))
    with pytest.raises(UsageError, match=r"no channel 'DAPI'.*H2B, GFP"):
        track_movie(movie / "labels", movie / "o", images=movie / "movie.ome.tif", movie=options)
    assert not (movie / "o").exists()
