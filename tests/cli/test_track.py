import json
import shutil

import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.images.read import read_labels
from cellwright.images.write import write, write_labels
from cellwright.measure.tables import read_csv, write_csv
from cellwright.simulation.particles import (
    ParticleMotion,
    ParticleSimulation,
    simulate_courses,
    simulate_particles,
)
from cellwright.tracking.formats.files import read_tracks


def _movie():
    """Two cells that walk; the second divides after frame 2."""
    labels = np.zeros((5, 48, 64), np.int32)
    for frame in range(5):
        labels[frame, 6:14, 5 + 2 * frame : 13 + 2 * frame] = 3 + frame
        if frame < 3:
            labels[frame, 28:38, 34:44] = 1
        else:
            labels[frame, 28:37, 31:37], labels[frame, 29:38, 41:47] = 1, 2
    return labels


@pytest.fixture
def stack(tmp_path):
    labels = _movie()
    write_labels(tmp_path / "movie.tif", labels, like=Image(labels, "TYX", (0.5, 0.5), 60.0))
    return tmp_path / "movie.tif"


def test_labels_become_tracks_in_all_formats(run, stack, tmp_path):
    result = run("track", stack, "-o", tmp_path / "out", "--json")
    assert result.code == 0, result.error
    assert (result.json["tracks"], result.json["divisions"]) == (4, 1)
    table = read_csv(tmp_path / "out" / "tracks.csv")
    daughters = (table["frame"] == 3) & (table["parent"] > 0)
    assert np.count_nonzero(daughters) == 2
    assert set(read_csv(tmp_path / "out" / "tracks_links.csv")) >= {"probability"}
    for name in ("tracks.geff", "ctc", "tracks.csv"):
        again = read_tracks(tmp_path / "out" / name)
        assert (len(again), len(again.edges)) == (12, 10)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "4 tracks in 5 frames" in page
    assert "µm/s" in page


def test_a_folder_of_frames_in_natural_order_and_a_missing_one(run, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame, labels in enumerate(_movie()):
        number = frame if frame < 4 else 10
        write_labels(folder / f"t{number}.tif", labels)
    result = run("track", folder, "-o", tmp_path / "out", "--json")
    assert result.code == 0, result.error
    assert result.json["divisions"] == 1
    assert "after 't3.tif' comes 't10.tif'" in result.json["warnings"][0]


def test_a_table_of_points(run, tmp_path):
    y, x = np.mgrid[0:50:10, 0:50:10].reshape(2, -1) * 1.0
    frame = np.repeat(np.arange(4), len(y))
    write_csv(
        tmp_path / "points.csv",
        {"frame": frame, "y": np.tile(y, 4) + 0.4 * frame, "x": np.tile(x, 4)},
    )
    result = run("track", tmp_path / "points.csv", "-o", tmp_path / "out", "--json")
    assert result.code == 0, result.error
    assert (result.json["tracks"], result.json["detections"]) == (25, 100)
    assert run("track", tmp_path / "points.csv", "-o", tmp_path / "o", "--model", "x").code == 2


def test_the_same_run_is_not_done_again_and_another_is_refused(run, stack, tmp_path):
    first = run("track", stack, "-o", tmp_path / "out", "--json")
    again = run("track", stack, "-o", tmp_path / "out", "--json")
    assert again.json["seconds"] == 0.0 != first.json["seconds"]
    assert again.json["tracks"] == first.json["tracks"]
    refused = run("track", stack, "-o", tmp_path / "out", "--no-divisions")
    assert refused.code == 2
    assert "divisions" in refused.error
    other = run("track", stack, "-o", tmp_path / "out", "--no-divisions", "--overwrite", "--json")
    assert other.json["divisions"] == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["tracking"]["divisions"] == 0


def test_links_are_pinned_and_written_for_trackmate(run, stack, tmp_path):
    first = run("track", stack, "-o", tmp_path / "out", "--trackmate", "--json")
    assert first.code == 0, first.error
    assert len(read_tracks(tmp_path / "out" / "tracks.xml").edges) == 10
    links = read_csv(tmp_path / "out" / "tracks_links.csv")
    division = (links["source_frame"] == 2) & (links["source_label"] == 1)
    wrong = np.flatnonzero(division)[:1]
    table = {name: column[wrong] for name, column in links.items()}
    write_csv(tmp_path / "pins.csv", table | {"pin": np.array(["forbidden"])})
    command = ("track", stack, "-o", tmp_path / "pinned", "--pins", tmp_path / "pins.csv", "--json")
    pinned = run(*command)
    assert pinned.code == 0, pinned.error
    assert pinned.json["divisions"] == first.json["divisions"] - 1
    assert run(*command).json["seconds"] == 0
    write_csv(tmp_path / "pins.csv", table | {"pin": np.array(["perhaps"])})
    refused = run("track", stack, "-o", tmp_path / "other", "--pins", tmp_path / "pins.csv")
    assert refused.code == 2
    assert "'forced', 'forbidden' or nothing" in refused.error
    # What somebody has filled in is not written over.
    doubtful = tmp_path / "pinned" / "tracks_doubtful.csv"
    write_csv(doubtful, table | {"pin": np.array(["forbidden"])})
    before = doubtful.read_bytes()
    refused = run(*command[:4], "--pins", doubtful, "--overwrite")
    assert refused.code == 2 and "another output folder" in refused.error, refused.error
    assert doubtful.read_bytes() == before


def test_movies_that_cannot_be_tracked(run, tmp_path):
    labels = _movie()
    write_labels(tmp_path / "planes.tif", labels, like=Image(labels, "ZYX"))
    planes = run("track", tmp_path / "planes.tif", "-o", tmp_path / "out")
    assert planes.code == 2
    assert "--axes TYX" in planes.error
    write_labels(tmp_path / "empty.tif", 0 * labels, like=Image(labels, "TYX"))
    empty = run("track", tmp_path / "empty.tif", "-o", tmp_path / "out2")
    assert empty.code == 2
    assert "no object" in empty.error
    (tmp_path / "sizes").mkdir()
    write_labels(tmp_path / "sizes" / "t0.tif", labels[0])
    write_labels(tmp_path / "sizes" / "t1.tif", labels[1, :-4])
    sizes = run("track", tmp_path / "sizes", "-o", tmp_path / "out3")
    assert sizes.code == 2
    assert "t1.tif" in sizes.error and "one size" in sizes.error
    assert not (tmp_path / "out3").exists()


def test_a_raw_movie_is_segmented_first(run, oracle, tmp_path):
    from models.oracle import oracle_image

    frames = [oracle_image(labels) for labels in _movie()]
    pixels = np.stack([frame.to_numpy() for frame in frames])
    names = frames[0].channel_names
    write(tmp_path / "raw.tif", Image(pixels, "TCYX", channel_names=names))
    result = run("track", tmp_path / "raw.tif", "-o", tmp_path / "out", "--model", oracle, "--json")
    assert result.code == 0, result.error
    assert result.json["detections"] == 12
    assert not (tmp_path / "out" / ".parts").exists()


@pytest.mark.parametrize("named", [True, False])
def test_all_channels_are_measured_those_of_the_model_first(run, oracle, tmp_path, named):
    from models.oracle import oracle_image

    movie = _movie()
    frames = [oracle_image(labels) for labels in movie]
    seen = np.stack([frame.to_numpy() for frame in frames]).astype(np.float32)
    reporter = np.stack([100 * labels + number for number, labels in enumerate(movie)])
    pixels = np.concatenate([reporter[:, None].astype(np.float32), seen], axis=1)
    names = ("GFP", *(frames[0].channel_names or map(str, range(seen.shape[1]))))
    write(tmp_path / "raw.tif", Image(pixels, "TCYX", channel_names=names if named else None))
    wanted = names[1:] if named else [str(number) for number in range(1, len(names))]
    chosen = [word for name in wanted for word in ("--channel", name)]
    result = run("track", tmp_path / "raw.tif", "-o", tmp_path / "out", "--model", oracle, *chosen)
    assert result.code == 0, result.error
    table = read_csv(tmp_path / "out" / "tracks.csv")
    means = [name for name in table if name.startswith("intensity_mean")]
    own = "GFP" if named else "0"
    assert means == [f"intensity_mean-{name}" for name in (*wanted, own)]
    reported = table[f"intensity_mean-{own}"] - table["frame"]
    assert set(reported) <= {100.0 * label for label in np.unique(movie)}


@pytest.mark.parametrize(
    ("axes", "options", "said"),
    [("TCYX", (), "Choose with --channel"), ("TCYX", ("--channel", "h2b"), "GFP, H2B"),
     ("TZYX", (), "works on single planes")],
)  # fmt: skip
def test_frames_that_the_model_does_not_take_are_told_first(run, tmp_path, axes, options, said):
    names = ("GFP", "H2B") if "C" in axes else None
    pixels = np.random.default_rng(0).integers(0, 99, (3, 2, 20, 24)).astype(np.uint16)
    write(tmp_path / "raw.ome.tif", Image(pixels, axes, channel_names=names))
    result = run("track", tmp_path / "raw.ome.tif", "-o", tmp_path / "out", *options)
    assert result.code == 2 and said in result.error, result.error
    assert not (tmp_path / "out").exists()


def test_images_of_several_folders_are_no_movie(run, tmp_path):
    labels = _movie()
    for folder in ("first", "second"):
        for frame in range(2):
            write_labels(tmp_path / "movies" / folder / f"{frame}.tif", labels[frame])
    refused = run("track", tmp_path / "movies", "-o", tmp_path / "out")
    assert refused.code == 2 and "Track one movie at a time" in refused.error
    assert not (tmp_path / "out").exists()
    one = run("track", tmp_path / "movies" / "first", "-o", tmp_path / "out")
    assert one.code == 0, one.error


def test_a_folder_of_a_raw_movie_and_its_truth_says_which_to_give(run, stack, tmp_path):
    run("track", stack, "-o", tmp_path / "found")
    for frame in range(5):
        write_labels(tmp_path / "sim" / "01" / f"t{frame}.tif", _movie()[frame])
    shutil.copytree(tmp_path / "found" / "ctc", tmp_path / "sim" / "01_GT" / "TRA")
    refused = run("track", tmp_path / "sim", "-o", tmp_path / "out")
    assert refused.code == 2
    raw, truth = tmp_path / "sim" / "01", tmp_path / "sim" / "01_GT"
    assert f"give '{raw}' for the raw movie, or '{truth}' for its true labels" in refused.error
    for movie in (raw, truth):
        assert run("track", movie, "-o", tmp_path / f"out {movie.name}").code == 0


def test_a_single_cell_is_followed(run, tmp_path):
    labels = np.zeros((6, 40, 40), np.int32)
    for frame in range(6):
        labels[frame, 10 + 2 * frame : 18 + 2 * frame, 12:20] = 1
    write_labels(tmp_path / "one.tif", labels, like=Image(labels, "TYX"))
    found = run("track", tmp_path / "one.tif", "-o", tmp_path / "out", "--json")
    assert found.code == 0 and found.json["tracks"] == 1


def test_the_result_is_scored_as_it_stands(run, stack, tmp_path):
    run("track", stack, "-o", tmp_path / "out")
    scores = run("evaluate", tmp_path / "out", tmp_path / "out" / "ctc", "-o", tmp_path / "scores")
    assert scores.code == 0, scores.error
    assert "TRA 1.0000" in scores.out


def test_the_report_says_how_things_go_on(run, tmp_path):
    motion = ParticleMotion(speed=4.0, turn=0.2, start=1.0, stop=0.0, life=30.0)
    truth = simulate_courses(ParticleSimulation((300, 300), 20, 40, motion=motion), seed=2)
    points = {name: truth[name] for name in ("frame", "y", "x")}
    write_csv(tmp_path / "points.csv", points)
    command = ("track", tmp_path / "points.csv", "--no-divisions", "--pixel-size", 0.1)
    assert run(*command, "-o", tmp_path / "auto").code == 0
    page = (tmp_path / "auto" / "report.html").read_text(encoding="utf-8")
    assert "They go on with a velocity of 0.2" in page and "µm per frame" in page
    found = json.loads((tmp_path / "auto" / "run.json").read_text(encoding="utf-8"))["motion"]
    assert found["persistence"] > 0.95 and found["stop"] == 0
    assert run(*command, "-o", tmp_path / "random", "--motion", "brownian").code == 0
    page = (tmp_path / "random" / "report.html").read_text(encoding="utf-8")
    assert "They go on with" not in page
    assert "brownian" in run(*command, "-o", tmp_path / "o", "--motion", "brownain").error


def test_spots_of_a_raw_movie_are_followed(run, tmp_path):
    motion = ParticleMotion(wander=1.0, blink=0.03)
    settings = ParticleSimulation((96, 96), 20, 25, snr=8.0, motion=motion)
    frames, truth = simulate_particles(settings, seed=4)
    write(tmp_path / "movie.tif", Image(frames, "TYX", (0.1, 0.1), 0.5))
    command = ("track", tmp_path / "movie.tif", "-o", tmp_path / "out", "--spots", 4)
    result = run(*command, "--json")
    assert result.code == 0, result.error
    assert result.json["divisions"] == 0
    assert result.json["diffusion"] == pytest.approx(1.0**2 / 2 * 0.01 / 0.5, rel=0.35)
    assert "diffusion coefficient" in run(*command).out
    motion, lags = (read_csv(tmp_path / "out" / f"tracks_{one}.csv") for one in ("motion", "msd"))
    assert len(motion["track"]) == result.json["tracks"] and "msd_um2" in lags
    names = {"frame": truth["frame"], "y": truth["y"], "x": truth["x"], "track": truth["particle"]}
    write_csv(tmp_path / "truth.csv", names)
    scores = run("evaluate", tmp_path / "out" / "tracks.csv", tmp_path / "truth.csv",
                 "-o", tmp_path / "scores", "--radius", 5, "--json").json  # fmt: skip
    assert scores["particles"]["alpha"] > 0.75 and scores["particles"]["rmse"] < 1.0
    refused = run("track", tmp_path / "movie.tif", "-o", tmp_path / "o", "--dark")
    assert refused.code == 2 and "without --spots" in refused.error
    assert run(*command[:-2], "--spots", 4, "--model", "x", "--overwrite").code == 2


def _spoiled():
    """The same movie with a cell cut in two in one frame, and with daughters joined in another."""
    cut, joined = _movie(), _movie()
    cut[1, 28:38, 39:44] = 9
    joined[4, 28:38, 31:47] = 1
    return cut, joined


def test_objects_are_chosen_among_segmentations_by_how_they_can_be_followed(
    run, tmp_path, monkeypatch
):
    cut, joined = _spoiled()
    for name, labels in (("cut", cut), ("joined", joined)):
        write_labels(tmp_path / f"{name}.tif", labels, like=Image(labels, "TYX"))
    both = ("track", tmp_path / "cut.tif", "--hypotheses", tmp_path / "joined.tif", "--json")
    result = run(*both, "-o", tmp_path / "out")
    assert result.code == 0, result.error
    assert (result.json["detections"], result.json["divisions"]) == (12, 1)
    masks = sorted((tmp_path / "out" / "ctc").glob("mask*.tif"))
    assert [len(np.unique(read_labels(file)[0])) - 1 for file in masks] == [2, 2, 2, 3, 3]
    assert run(*both, "-o", tmp_path / "out").json["seconds"] == 0
    monkeypatch.chdir(tmp_path)
    again = run("track", "cut.tif", "--hypotheses", "joined.tif", "--json", "-o", "out")
    assert again.json["seconds"] == 0
    write_labels(tmp_path / "short.tif", cut[:4], like=Image(cut[:4], "TYX"))
    short = run("track", tmp_path / "cut.tif", "--hypotheses", tmp_path / "short.tif", "-o", "x")
    assert short.code == 2 and "has 4 frames" in short.error
    small = cut[:, :-3]
    write_labels(tmp_path / "small.tif", small, like=Image(small, "TYX"))
    other = run("track", tmp_path / "cut.tif", "--hypotheses", tmp_path / "small.tif", "-o", "x")
    assert other.code == 2 and "small.tif' have the size" in other.error
    write_labels(tmp_path / "mask.tif", cut > 0, like=Image(cut, "TYX"))
    mask = run("track", tmp_path / "cut.tif", "--hypotheses", tmp_path / "mask.tif", "-o", "x")
    assert mask.code == 2 and "is a mask" in mask.error
    assert not (tmp_path / "out" / ".parts").exists()
    alone = run("track", tmp_path / "cut.tif", "--alternatives", "-o", tmp_path / "other")
    assert alone.code == 2 and "--hypotheses" in alone.error
    spots = run("track", tmp_path / "cut.tif", "--spots", 3, "--alternatives", "-o", "x")
    assert spots.code == 2 and "none to choose from" in spots.error


def test_objects_are_chosen_in_the_unit_of_the_distances_that_are_told(run, tmp_path):
    rng, (y, x) = np.random.default_rng(3), np.mgrid[:200, :200]
    place = 25.0 + 50 * np.stack(np.divmod(np.arange(12), 4), axis=1)
    whole, halves = np.zeros((2, 8, 200, 200), np.int32)
    for frame in range(8):
        place += rng.normal(0, 4, place.shape)
        for number, (row, column) in enumerate(place):
            cell = ((y - row) / 9) ** 2 + ((x - column) / 14) ** 2 < 1
            whole[frame][cell] = number + 1
            halves[frame][cell] = 2 * number + 1 + (x > column)[cell]
    for name, labels in (("whole", whole), ("halves", halves)):
        write_labels(tmp_path / f"{name}.tif", labels, like=Image(labels, "TYX"))
    both = ("track", tmp_path / "whole.tif", "--hypotheses", tmp_path / "halves.tif", "--json")
    for scale in (("--pixel-size", 0.1, "--max-distance", 3), ("--max-distance", 30)):
        result = run(*both, *scale, "-o", tmp_path / str(scale[-1]))
        assert (result.json["detections"], result.json["tracks"]) == (96, 12)


def test_what_is_said_of_the_movie_is_not_said_of_other_segmentations(run, tmp_path):
    cut, joined = _spoiled()
    write_labels(tmp_path / "cut.tif", cut, like=Image(cut, "ZYX"))
    for frame, number in enumerate((0, 1, 2, 3, 9)):
        write_labels(tmp_path / "joined" / f"t{number}.tif", joined[frame])
    command = ("track", tmp_path / "cut.tif", "--axes", "TYX", "--json")
    found = run(*command, "--hypotheses", tmp_path / "joined", "-o", tmp_path / "out")
    assert found.code == 0, found.error
    assert (found.json["detections"], found.json["divisions"]) == (12, 1)
    [told] = [said for said in found.json["warnings"] if "follow each other" in said]
    assert told.startswith("'joined': ") and "'t9.tif'" in told
    # What tells no time axis of its own has that of the movie.
    write_labels(tmp_path / "joined.tif", joined, like=Image(joined, "ZYX"))
    found = run(*command, "--hypotheses", tmp_path / "joined.tif", "-o", tmp_path / "other")
    assert found.code == 0, found.error


def test_options_without_a_meaning_are_refused(run, stack, tmp_path):
    refused = run("track", stack, "-o", tmp_path / "out", "--channel", 0)
    assert refused.code == 2 and "have no channels" in refused.error
    points = {name: np.arange(3.0) for name in ("frame", "y", "x")}
    write_csv(tmp_path / "points.csv", points)
    for option, value in (("--axes", "TYX"), ("--channel", 1)):
        refused = run("track", tmp_path / "points.csv", "-o", tmp_path / "out", option, value)
        assert refused.code == 2 and f"leave out {option}" in refused.error


def test_planes_of_unknown_distance_have_no_size(run, tmp_path):
    labels = np.repeat(_movie()[:, None], 3, axis=1)
    write_labels(tmp_path / "volumes.tif", labels, like=Image(labels, "TZYX"))
    command = ("track", tmp_path / "volumes.tif", "-o", tmp_path / "out")
    refused = run(*command, "--pixel-size", 0.5)
    assert refused.code == 2 and "how far apart its planes are" in refused.error
    assert not (tmp_path / "out").exists()
    assert "also give --pixel-size" in run(*command, "--plane-distance", 2).error
    assert run(*command).code == 0
    sized = run(*command[:-1], tmp_path / "sized", "--pixel-size", 0.5, "--plane-distance", 2)
    assert sized.code == 0, sized.error
    table = read_csv(tmp_path / "sized" / "tracks.csv")
    assert table["z_um"] == pytest.approx(2 * table["z"])
    assert table["x_um"] == pytest.approx(0.5 * table["x"])


def test_steps_of_z_of_points_are_what_is_said_of_them(run, tmp_path):
    rng = np.random.default_rng(0)
    place, frame = rng.uniform(0, 40, (12, 3)), np.repeat(np.arange(5), 12)
    moved = np.tile(place, (5, 1)) + rng.normal(0, 0.3, (60, 3))
    table = {"frame": frame} | dict(zip("zyx", moved.T, strict=True))
    write_csv(tmp_path / "points.csv", table)
    command = ("track", tmp_path / "points.csv", "--pixel-size", 0.5)
    assumed = run(*command, "-o", tmp_path / "assumed")
    assert "Steps of z are taken to be as long as those of y and x" in assumed.out
    told = run(*command, "--plane-distance", 2, "-o", tmp_path / "told")
    assert told.code == 0 and "Steps of z" not in told.out
    found = read_csv(tmp_path / "told" / "tracks.csv")
    assert found["z_um"] == pytest.approx(2 * found["z"])
    write_csv(tmp_path / "flat.csv", {name: table[name] for name in ("frame", "y", "x")})
    flat = run("track", tmp_path / "flat.csv", "--pixel-size", 1, "--plane-distance", 2,
               "-o", tmp_path / "o")  # fmt: skip
    assert flat.code == 2 and "has no column z" in flat.error
