"""The movie on the page of a tracking run."""

import shutil
import subprocess
from base64 import b64decode

import imagecodecs
import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.images.write import write_labels
from cellwright.runs.track import film as film_module
from cellwright.runs.track.film import make_film
from cellwright.runs.track.run import track_movie
from cellwright.runs.track.timelapse import TimeLapse
from cellwright.tracking.tracks import make_tracks

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def movie_of(frames, axes="YX", channel=(), **facts):
    images = [Image(frame, axes, **facts) for frame in frames]
    return TimeLapse("movie", len(images), (), images.__getitem__, channel)


def decoded(uri):
    return imagecodecs.jpeg8_decode(b64decode(uri.split(",")[1])).astype(int)


@pytest.fixture
def division():
    """A cell that moves right and divides, as numbers, and the same as label images."""
    frame, x = [0, 1, 2, 2], [10, 20, 20, 40]
    position = np.column_stack([[15, 15, 15, 15], x]).astype(float)
    tracks = make_tracks(frame, position, [(0, 1), (1, 2), (1, 3)])
    labels = np.zeros((3, 30, 60), np.int32)
    for number, (when, where) in enumerate(zip(frame, x, strict=True), 1):
        labels[when, 12:19, where - 3 : where + 4] = number
    return tracks, labels


def test_daughters_begin_where_their_mother_was_last_seen(division):
    tracks, labels = division
    film = make_film(tracks, movie_of(labels), labels=True)
    assert (film.width, film.height) == (60, 30)
    assert film.frames == (0, 1, 2)
    places = {number: (begin, way) for number, _, begin, way in film.ways}
    # frame, x, y, in halves of a px from the corner of the first
    assert places[1] == (0, [0, 21, 31, 1, 41, 31])
    assert places[2] == (2, [1, 41, 31, 2, 41, 31])
    assert places[3] == (2, [1, 41, 31, 2, 81, 31])


def test_labels_are_shown_where_they_are(division):
    tracks, labels = division
    for picture, frame in zip(make_film(tracks, movie_of(labels), labels=True).pictures, labels,
                              strict=True):  # fmt: skip
        assert np.array_equal(decoded(picture).mean(axis=2) > 30, frame > 0)


def test_all_frames_are_stretched_alike(division, rng):
    tracks, _ = division
    fading = rng.integers(0, 1000, (3, 40, 50)) * np.array([[[4]], [[2]], [[1]]])
    film = make_film(tracks, movie_of(fading.astype(np.uint16)), labels=False)
    means = [decoded(picture).mean() for picture in film.pictures]
    assert means[0] / means[1] == pytest.approx(2, rel=0.1)
    assert means[0] / means[2] == pytest.approx(4, rel=0.1)


def test_volumes_are_seen_from_above_and_the_channel_is_the_one_looked_at(division):
    tracks, _ = division
    frames = np.zeros((3, 2, 4, 20, 30), np.uint8)
    frames[:, 1, 3, :10] = 200  # in the deepest plane of the second channel
    frames[:, 0, :, :, 15:] = 200
    movie = movie_of(frames, "CZYX", ("GFP",), channel_names=("DAPI", "GFP"))
    seen = decoded(make_film(tracks, movie, labels=False).pictures[0]).mean(axis=2)
    assert seen[:9].min() > 200 and seen[11:].max() < 50


@pytest.mark.parametrize("axes", ["CYX", "YX"])
def test_large_frames_are_made_small(division, axes):
    tracks, _ = division
    frame = np.zeros((3, 900, 1500)[3 - len(axes) :], np.uint16)
    frame[..., 300:600, :] = 9000
    film = make_film(tracks, movie_of([frame] * 3, axes), labels=False)
    assert (film.width, film.height) == (375, 225)  # a fourth
    (first, *_), (_, _, _, way) = film.pictures, film.ways[0]
    seen = decoded(first).mean(axis=2)
    assert seen.shape == (225, 375)
    assert seen[80:145].min() > 60 > 20 > seen[:70].max()
    assert way[1] == round(2 * 10.5 / 4)


def test_long_movies_and_many_tracks_are_shown_in_part(monkeypatch):
    frame = np.repeat(np.arange(100), 50)
    position = np.column_stack([np.tile(np.arange(50), 100), frame]).astype(float)
    edges = np.column_stack([np.arange(99 * 50), np.arange(50, 100 * 50)])
    tracks = make_tracks(frame, position, edges)
    monkeypatch.setattr(film_module, "_MOST_POINTS", 1000)
    film = make_film(tracks, None, labels=False)
    assert film.frames == tuple(range(0, 100, 3))
    assert len(film.ways) == 10 and film.total == 50
    assert film.caption == "Shown: one frame in 3, 10 of 50 tracks. "


def test_points_fill_the_picture_and_one_alone_is_no_fault():
    tracks = make_tracks([0, 1], [[0.0, 0.0], [100.0, 50.0]], [(0, 1)])
    film = make_film(tracks, None, labels=False)
    assert film.pictures == () and film.height > 400 and film.height > film.width > 200
    ((_, _, _, way),) = film.ways
    assert 0 < way[1] < way[4] < 2 * film.width and 0 < way[2] < way[5] < 2 * film.height
    alone = make_film(make_tracks([0], [[5.0, 5.0]], frame_count=2), None, labels=False)
    assert min(alone.width, alone.height) > 0 and alone.caption == ""
    still = make_film(make_tracks([0], [[5.0, 5.0]]), None, labels=False)
    assert still.frames == (0,) and still.step == 1


def test_the_time_is_told_where_it_is_known(division):
    _, labels = division
    known = make_tracks([0, 1], [[5.0, 5.0]] * 2, [(0, 1)], frame_interval=600.0)
    film = make_film(known, movie_of(labels[:2]), labels=True)
    assert film.titles == ("Frame 0 of 0 to 1, 0 s", "Frame 1 of 0 to 1, 10 min")


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_page_plays(division, tmp_path):
    _, labels = division
    write_labels(tmp_path / "labels.tif", labels, like=Image(labels, "TYX"))
    track_movie(tmp_path / "labels.tif", tmp_path / "out")
    page = tmp_path / "out" / "report.html"
    acts = """<script>
      const told = [];
      const look = () => told.push(slider.value + " " + button.textContent);
      look(); button.click(); look();
      setTimeout(look, 190); setTimeout(look, 600);
      setTimeout(() => { document.title = told.join("; "); }, 700);
    </script></body>"""
    page.write_text(page.read_text("utf-8").replace("</body>", acts), encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
            "--virtual-time-budget=3000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    assert "<title>2 Play; 0 Pause; 1 Pause; 2 Play</title>" in done.stdout


def test_line_scans_are_shown(tmp_path):
    labels = np.zeros((3, 4, 2400), np.int32)
    for number in range(12):
        for frame in range(3):
            left = 150 * number + 10 + 3 * frame
            labels[frame, 1:3, left : left + 30] = number + 1
    for frame, picture in enumerate(labels):
        write_labels(tmp_path / "movie" / f"t{frame}.tif", picture)
    result = track_movie(tmp_path / "movie", tmp_path / "out")
    assert result.summary["tracks"] == 12
    assert (tmp_path / "out" / "report.html").is_file()
