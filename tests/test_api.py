"""Movies in memory: what an `Image` tells is not lost between reading, measuring and tracking."""

import numpy as np
import pytest

import cellwright as cw

NAMES = ("GFP", "H2B")


def _labels():
    """Return one object that moves and one that stays, shape (T, Y, X)."""
    labels = np.zeros((3, 20, 30), np.int32)
    for frame in range(3):
        labels[frame, 4:9, 3 + frame : 8 + frame] = 1
        labels[frame, 12:17, 20:25] = 2
    return labels


def _movie(labels, channels=True, **told):
    reporter = 100.0 * labels + np.arange(3)[:, None, None]
    if not channels:
        return cw.Image(reporter, "TYX", **told)
    return cw.Image(np.stack([reporter, labels > 0], axis=1), "TCYX", channel_names=NAMES, **told)


def test_a_movie_is_measured_frame_by_frame():
    labels = _labels()
    table = cw.measure(labels, _movie(labels, pixel_size=(0.5, 0.5)))
    assert table["frame"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["intensity_mean-GFP"].tolist() == [100, 200, 101, 201, 102, 202]
    assert set(table["area_um2"]) == {25 * 0.25}
    # Time is no depth, whether or not anybody knows the pixel size.
    grey = cw.measure(labels, _movie(labels, channels=False))
    assert grey["intensity_mean"].tolist() == table["intensity_mean-GFP"].tolist()
    assert set(grey["area"]) == {25}


def test_labels_that_are_no_movie_do_not_fit_one():
    labels = _labels()
    with pytest.raises(cw.InputError, match="a movie of 3 frames"):
        cw.measure(labels[:2], _movie(labels))
    with pytest.raises(cw.InputError, match="a movie of 3 frames"):
        cw.measure(labels[0], _movie(labels))


def test_tracks_know_the_scale_and_the_channels_of_an_image():
    labels = _labels()
    movie = _movie(labels, pixel_size=(0.5, 0.5), frame_interval=60.0)
    tracks = cw.track(labels, movie)
    assert (tracks.pixel_size, tracks.frame_interval) == ((0.5, 0.5), 60.0)
    assert tracks.properties["intensity_mean-GFP"].tolist() == [100, 200, 101, 201, 102, 202]
    assert tracks.edges.tolist() == cw.track(labels, movie.to_numpy()).edges.tolist()
    said = cw.track(labels, movie, pixel_size=(2.0, 2.0), frame_interval=5.0)
    assert (said.pixel_size, said.frame_interval) == ((2.0, 2.0), 5.0)
    alone = cw.track(cw.Image(labels, "TYX", pixel_size=(0.3, 0.3), frame_interval=7.0))
    assert (alone.pixel_size, alone.frame_interval) == ((0.3, 0.3), 7.0)


def test_planes_are_no_frames():
    labels = _labels()
    with pytest.raises(cw.UsageError, match="no time axis"):
        cw.track(cw.Image(labels, "ZYX"))
