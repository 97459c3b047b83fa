"""Scores of tracks, by the program and from Python."""

import json

import pytest
from click.testing import CliRunner

import cellwright as cw
from cellwright.cli.program import program
from tracking.toys import late, perfect


@pytest.fixture
def folders(tmp_path):
    return late().write(tmp_path / "result"), perfect().write_truth(tmp_path / "truth_GT")


def run(*arguments):
    return CliRunner().invoke(program, ["evaluate", *map(str, arguments)])


def test_a_result_folder_is_scored_against_a_truth_folder(folders, tmp_path):
    done = run(*folders, "-o", tmp_path / "scores")
    assert done.exit_code == 0, done.output
    assert "LNK 0.9048" in done.output and "1 right, 0 with other daughters" in done.output
    metrics = json.loads((tmp_path / "scores" / "metrics.json").read_text())
    assert metrics["SEG"] == 1 and metrics["divisions"][1]["f1"] == 1
    assert metrics["LNK"] == cw.score_tracks(*folders)["LNK"]
    again = run(*folders, "-o", tmp_path / "scores", "--json")
    assert json.loads(again.stdout) == metrics


def test_a_result_folder_without_masks_is_scored_by_its_table(folders, tmp_path):
    spots = tmp_path / "spots"
    spots.mkdir()
    cw.write_tracks(spots / "tracks.csv", cw.read_tracks(folders[0]))
    done = run(spots, folders[1], "-o", tmp_path / "scores", "--radius", 3)
    assert done.exit_code == 0, done.output
    assert "alpha" in done.output


def test_tracks_of_any_format_are_scored_by_distance(folders, tmp_path):
    for name, folder in zip(("result.geff", "truth.xml"), folders, strict=True):
        cw.write_tracks(tmp_path / name, cw.read_tracks(folder))
    files = tmp_path / "result.geff", tmp_path / "truth.xml"
    done = run(*files, "-o", tmp_path / "scores", "--radius", 3)
    assert done.exit_code == 0, done.output
    assert "alpha" in done.output
    by_distance = json.loads((tmp_path / "scores" / "metrics.json").read_text())
    assert by_distance["LNK"] == pytest.approx(cw.score_tracks(*folders)["LNK"])
    assert by_distance["SEG"] is None


def test_options_of_models_mean_nothing_for_tracks(folders, tmp_path):
    done = run(*folders, "-o", tmp_path / "scores", "--split", "test")
    assert done.exit_code == 2 and "--split means nothing" in done.output
    done = run("nuclei", folders[1], "-o", tmp_path / "scores", "--radius", "3")
    assert done.exit_code == 2 and "--radius means nothing" in done.output


def test_tracks_without_anything_in_common_are_refused():
    one = cw.make_tracks(frame=[0], position=[[1.0, 1.0]], label=[1])
    other = cw.make_tracks(frame=[0], position=[[1.0, 1.0]], label=[2])
    with pytest.raises(cw.InputError, match="Give the radius"):
        cw.score_tracks(one, other)
    assert cw.score_tracks(one, other, radius=1.0)["DET"] == 1
    elsewhere = cw.make_tracks(frame=[0], position=[[1.0, 9.0]], label=[1])
    with pytest.raises(cw.InputError, match="not tracks of the same detections"):
        cw.score_tracks(one, elsewhere)
    assert cw.score_tracks(one, one)["particles"]["alpha"] == 1


def test_scores_are_not_written_into_the_tracks(folders):
    done = run(*folders, "-o", folders[0])
    assert done.exit_code == 2
