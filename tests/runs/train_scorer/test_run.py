import json
import subprocess
import sys

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import InputError, ModelError, UsageError
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.models.load import load_model
from cellwright.models.package import load_package, save_package, verify_package
from cellwright.models.scorer import load_scorer
from cellwright.runs.track.run import track_movie
from cellwright.runs.train_scorer.run import ScorerOptions, train_scorer
from cellwright.runs.train_scorer.truths import read_truth, truth_folders
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.studio.review_links import Pin, Solver
from cellwright.tracking.formats.files import read_tracks

pytest.importorskip("torch")
QUICK = ScorerOptions(simulated=0, steps=4)


@pytest.fixture(scope="module")
def movies(tmp_path_factory):
    """Two small movies as the Cell Tracking Challenge has them; the second without images."""
    home = tmp_path_factory.mktemp("movies")
    sample = NucleiSimulation(size=(96, 96), diameter=14, density=0.2)
    for number in (1, 2):
        frames, labels, table = simulate_movie(sample, Motion(6, 3, 0.5, 8), seed=number)
        truth = home / f"{number:02}_GT" / "TRA"
        for time, (pixels, objects) in enumerate(zip(frames, labels, strict=True)):
            write_labels(truth / f"man_track{time:03}.tif", objects)
            if number == 1:
                write(home / "01" / f"t{time:03}.tif", Image(pixels, "YX"))
        rows = zip(*(table[name].tolist() for name in ("label", "begin", "end", "parent")),
                   strict=True)  # fmt: skip
        (truth / "man_track.txt").write_text("".join("{} {} {} {}\n".format(*row) for row in rows))
    return home


@pytest.fixture(scope="module")
def scorer(movies, tmp_path_factory):
    return train_scorer([movies], tmp_path_factory.mktemp("out") / "mine", QUICK)


def test_movies_are_found_and_images_looked_at_where_they_are(movies):
    first, second = truth_folders([movies])
    assert truth_folders([first, movies]) == (first, second)
    assert "intensity_mean" in read_truth(first).properties
    assert "intensity_mean" not in read_truth(second).properties
    assert read_truth(first).divides().any()
    with pytest.raises(InputError, match="no tracked movie"):
        truth_folders([movies / "01"])


def test_a_scorer_is_a_package_that_says_how_good_it_is(scorer):
    card = scorer.package.card
    assert verify_package(load_package(scorer.folder)) == 0
    assert card.name == "mine" and card.task == "links"
    assert {"F1, links", "F1, divisions without it"} <= set(card.evaluation)
    assert sum(file.stat().st_size for file in scorer.folder.iterdir() if file.is_file()) < 1e6
    assert len(scorer.table()) == 2


def test_a_scorer_names_the_movies_that_it_learned_from_and_those_that_judged_it(scorer, movies):
    card = scorer.package.card
    names = {f"{movies.name}/{number:02}_GT" for number in (1, 2)}
    assert {*card.training["learned from"], card.evaluation["movies"]} == names


def test_the_same_seed_makes_the_same_weights(scorer, movies, tmp_path):
    again = train_scorer([movies], tmp_path / "again", QUICK)
    assert again.package.files == scorer.package.files
    other = train_scorer([movies], tmp_path / "other", ScorerOptions(0, 4, seed=1))
    assert other.package.files["weights.safetensors"] != again.package.files["weights.safetensors"]


def test_a_scorer_that_is_there_is_not_trained_again(scorer, movies):
    before = (scorer.folder / "run.json").read_bytes()
    again = train_scorer([movies], scorer.folder, QUICK)
    assert again.table() == scorer.table()
    assert (scorer.folder / "run.json").read_bytes() == before


def test_movies_in_which_nothing_can_be_followed_are_refused(movies, tmp_path):
    for number in (1, 2):
        truth = tmp_path / f"{number:02}_GT" / "TRA"
        truth.mkdir(parents=True)
        (truth / "man_track.txt").write_text("1 0 0 0\n")
        write_labels(truth / "man_track000.tif", np.eye(8, dtype=np.int32))
    with pytest.raises(InputError, match="nothing to learn from"):
        train_scorer([tmp_path], tmp_path / "out", QUICK)


def test_tracking_takes_it_and_needs_no_torch(scorer, movies, tmp_path):
    code = (
        "import sys\n"
        "from cellwright.cli.program import program\n"
        "program(sys.argv[1:], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules and 'torch was loaded')"
    )
    words = ["track", movies / "02_GT", "-o", tmp_path / "out", "--scorer", scorer.folder]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["parameters"]["scorer"]["sha256"] == scorer.package.sha256
    found = read_tracks(tmp_path / "out" / "tracks.geff")
    cut = Pin("cut", tuple(found.edges[0].tolist()))
    corrected = Solver(tmp_path / "out", record, found).tracks([cut])
    assert cut.rows not in set(map(tuple, corrected.edges.tolist()))
    record["parameters"]["scorer"]["sha256"] = "another"
    with pytest.raises(UsageError, match="a scorer"):
        Solver(tmp_path / "out", record, found).tracks([cut])


def test_other_models_score_no_links_and_a_scorer_finds_nothing(scorer, movies, tmp_path):
    with pytest.raises(ModelError, match="does not score links"):
        track_movie(movies / "02_GT", tmp_path / "out", scorer="nuclei")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ModelError, match=r"track\(…, scorer=…\)"):
        load_model(scorer.folder)


def test_a_scorer_of_other_numbers_is_refused(scorer, tmp_path):
    from dataclasses import replace

    card = replace(scorer.package.card, readout={"features": 0})
    save_package(tmp_path / "old", card, scorer.package.files)
    with pytest.raises(ModelError, match="another version"):
        load_scorer(tmp_path / "old")


def test_one_movie_is_too_few_and_images_have_to_fit(movies, tmp_path):
    with pytest.raises(UsageError, match="two movies"):
        train_scorer([movies / "01_GT"], tmp_path / "out", QUICK)
    (tmp_path / "01_GT").symlink_to(movies / "01_GT")
    write(tmp_path / "01" / "t000.tif", Image(np.zeros((96, 96), np.uint8), "YX"))
    write(tmp_path / "01" / "t001.tif", Image(np.zeros((96, 96), np.uint8), "YX"))
    with pytest.raises(InputError, match="only 2 images"):
        read_truth(tmp_path / "01_GT")


def test_arrays_are_tracked_with_it_as_files_are(movies, scorer, tmp_path):
    labels = [read(path).to_numpy() for path in sorted((movies / "02_GT" / "TRA").glob("*.tif"))]
    tracks = cw.track(labels, scorer=scorer.folder)
    track_movie(movies / "02_GT" / "TRA", tmp_path / "out", scorer=scorer.folder)
    (geff,) = (tmp_path / "out").glob("tracks.geff*")
    assert len(read_tracks(geff).edges) == len(tracks.edges)
    with pytest.raises(ModelError, match="does not score links"):
        cw.track(labels, scorer="nuclei")
