import json
import os
import shutil

import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.images.read import read, read_labels
from cellwright.images.write import write
from cellwright.measure.tables import read_csv, read_parquet
from cellwright.models.package import NETWORK, load_package, save_package
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from models.oracle import oracle_package

from .conftest import save_field, truth


@pytest.fixture
def segment(run, oracle, tmp_path):
    def invoke(*arguments):
        return run("segment", *arguments, "--model", oracle, "-o", tmp_path / "out", "--json")

    return invoke


def modified(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_labels_tables_report_and_record_are_written(segment, fields, tmp_path):
    result = segment(fields)
    out = tmp_path / "out"
    assert result.code == 0, result.error
    for plate, seed in (("plate1", 1), ("plate2", 2)):
        labels, _ = read_labels(out / "labels" / plate / "a.tif")
        np.testing.assert_array_equal(labels > 0, truth(seed) > 0)
        assert read(out / "labels" / plate / "a.tif").dtype == np.uint16
    table = read_csv(out / "objects.csv")
    assert list(table)[:5] == ["image", "label", "class", "class_prob", "confidence"]
    assert set(table["image"]) == {"plate1/a", "plate2/a"}
    assert len(table["label"]) == result.json["objects"] > 20
    np.testing.assert_allclose(table["area_um2"], table["area"] / 4)
    assert read_parquet(out / "objects.parquet").keys() == table.keys()
    assert "plate1/a" in (out / "report.html").read_text(encoding="utf-8")
    record = json.loads((out / "run.json").read_text())
    assert record["model"]["name"] == "oracle" and len(record["model"]["sha256"]) == 64
    assert record["parameters"]["min_size"] == 0
    assert record["images"][0]["status"] == "done"
    assert record["timings"]["steps_s"]["find objects"] > 0
    hidden = [path.name for path in out.iterdir() if path.name.startswith(".")]
    assert hidden == [".pictures.json"]


def test_the_labels_have_the_pixel_size_of_the_image(segment, fields, tmp_path):
    segment(fields)
    assert read(tmp_path / "out" / "labels" / "plate1" / "a.tif").pixel_size == (0.5, 0.5)


def test_the_same_command_again_recomputes_nothing(segment, fields, tmp_path):
    segment(fields)
    before = modified(tmp_path / "out")
    again = segment(fields)
    assert again.code == 0
    assert modified(tmp_path / "out") == before


@pytest.mark.parametrize("late", ["plate1", "plate2"])
def test_an_image_that_comes_later_is_done_and_the_others_stay(
    segment, run, oracle, fields, tmp_path, late
):
    out = tmp_path / "out"
    waiting = fields / late / "a.tif"
    waiting.rename(tmp_path / "later.tif")
    assert segment(fields).json["images"] == 1
    (done,) = (out / "labels").rglob("*.tif")
    before = done.stat().st_mtime_ns
    (tmp_path / "later.tif").rename(waiting)
    both = segment(fields)
    assert both.code == 0 and both.json["images"] == 2
    assert done.stat().st_mtime_ns == before
    assert segment(fields).json["seconds"] == 0  # and that is now the run that is done
    run("segment", fields, "--model", oracle, "-o", tmp_path / "fresh")
    for table in ("objects.csv", "objects.parquet"):
        assert (out / table).read_bytes() == (tmp_path / "fresh" / table).read_bytes()
    pictured = [
        (folder / "report.html").read_text("utf-8").count('<figure class="card">')
        for folder in (out, tmp_path / "fresh")
    ]
    assert pictured == [2, 2]


def test_images_of_an_earlier_run_are_not_dropped_for_others(segment, fields):
    assert segment(fields / "plate1").code == 0
    refused = segment(fields / "plate2")
    assert refused.code == 2
    first, second = (fields / plate / "a.tif" for plate in ("plate1", "plate2"))
    assert f"different now: '{second}' instead of '{first}'. " in refused.error
    assert "give all images together" in refused.error


def test_another_image_of_the_same_name_is_no_image_that_was_done(segment, fields, tmp_path):
    assert segment(fields / "plate1").code == 0
    save_field(fields / "a.tif", 5)  # now `a`, and what was that is `plate1/a`
    refused = segment(fields)
    assert refused.code == 2 and "another run" in refused.error


@pytest.mark.parametrize("cure", ["mended", "left out"])
def test_a_broken_image_is_put_right_without_doing_the_others_again(
    segment, fields, tmp_path, cure
):
    broken = fields / "broken.tif"
    broken.write_bytes(b"II*\0 and no more")
    assert segment(fields).code == 1
    before = modified(tmp_path / "out" / "labels")
    broken.unlink()
    if cure == "mended":
        save_field(broken, 3)
    after = segment(fields)
    assert after.code == 0 and after.json["images"] == (3 if cure == "mended" else 2)
    assert before.items() <= modified(tmp_path / "out" / "labels").items()
    assert not (tmp_path / "out" / ".parts").exists()


def test_results_that_were_reviewed_stay_as_they_are(segment, fields, tmp_path):
    assert segment(fields / "plate1").code == 0
    (tmp_path / "out" / ".cellwright").mkdir()
    save_field(fields / "plate1" / "b.tif", 5)
    refused = segment(fields / "plate1")
    assert refused.code == 2 and "They were reviewed" in refused.error


def test_other_parameters_are_refused_then_overwritten_on_request(segment, fields):
    first = segment(fields)
    refused = segment(fields, "--min-size", 150)
    assert refused.code == 2
    assert "different now: min_size 150 instead of 0. " in refused.error
    assert "--overwrite" in refused.error
    replaced = segment(fields, "--min-size", 150, "--overwrite")
    assert replaced.code == 0
    assert 0 < replaced.json["objects"] < first.json["objects"]


def test_a_broken_image_does_not_stop_the_others(segment, fields, tmp_path):
    (fields / "broken.tif").write_bytes(b"II*\0 and no more")
    (fields / "empty.png").write_bytes(b"")
    result = segment(fields)
    assert result.code == 1
    assert result.json["images"] == 2
    assert "broken.tif" in result.error and "empty.png" in result.error
    assert "2 of 4 images failed" in result.error
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [image["status"] for image in record["images"]].count("failed") == 2


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_that_leads_nowhere_does_not_stop_the_others(segment, fields):
    (fields / "link.tif").symlink_to(fields / "nowhere.tif")
    result = segment(fields)
    assert result.code == 1
    assert "link.tif" in result.error and result.json["images"] == 2


def test_after_a_failure_only_what_failed_is_done_again(segment, fields, tmp_path):
    field = fields / "broken.tif"
    save_field(field, 3)
    stamp, whole = field.stat().st_mtime_ns, field.read_bytes()
    field.write_bytes(bytes(len(whole)))  # as large as the whole file, as a failed copy is
    os.utime(field, ns=(stamp, stamp))
    assert segment(fields).code == 1
    labels = tmp_path / "out" / "labels" / "plate1" / "a.tif"
    before = labels.stat().st_mtime_ns
    field.write_bytes(whole)
    os.utime(field, ns=(stamp, stamp))
    again = segment(fields)
    assert again.code == 0 and again.json["images"] == 3
    assert labels.stat().st_mtime_ns == before


def test_nothing_that_can_be_used_is_wrong_input(segment, tmp_path):
    (tmp_path / "a.tif").write_bytes(b"")
    result = segment(tmp_path / "a.tif")
    assert result.code == 2
    assert "a.tif" in result.error and "Traceback" not in result.error


@pytest.mark.parametrize("what", ["missing", "empty folder", "only text"])
def test_without_images_the_message_says_so(segment, tmp_path, what):
    folder = tmp_path / "inputs"
    if what != "missing":
        folder.mkdir()
    if what == "only text":
        (folder / "notes.txt").write_text("no image")
    result = segment(folder)
    assert result.code == 2
    assert str(folder) in result.error


def test_an_output_folder_that_is_the_input_is_refused(run, oracle, fields):
    result = run("segment", fields, "--model", oracle, "-o", fields)
    assert result.code == 2
    assert "contains the input" in result.error


def test_results_inside_the_input_folder_are_not_segmented_again(run, oracle, fields):
    arguments = ("segment", fields, "--model", oracle, "-o", fields / "results", "--json")
    assert run(*arguments).json["images"] == 2
    assert run(*arguments).json["images"] == 2


def test_results_alone_are_nothing_to_segment(segment, fields, tmp_path):
    segment(fields)
    for more in ((), ("--preview",)):
        refused = segment(tmp_path / "out" / "labels", *more)
        assert refused.code == 2 and "results of the run" in refused.error


def test_frames_are_segmented_one_by_one_and_numbered_through(segment, tmp_path):
    from models.oracle import oracle_image

    frames = [oracle_image(truth(seed)) for seed in (1, 2, 3)]
    names = frames[0].channel_names
    movie = np.stack([frame.to_numpy() for frame in frames])
    write(tmp_path / "movie.tif", Image(movie, "TCYX", frame_interval=5.0, channel_names=names))
    assert segment(tmp_path / "movie.tif").code == 0
    labels, axes = read_labels(tmp_path / "out" / "labels" / "movie.tif")
    table = read_csv(tmp_path / "out" / "objects.csv")
    assert axes == "TYX"
    for frame in range(3):
        inside = set(np.unique(labels[frame])) - {0}
        assert inside == set(table["label"][table["frame"] == frame])
    assert len(set(table["label"])) == len(table["label"])


def test_planes_of_a_stack_need_a_decision(segment, tmp_path):
    from models.oracle import oracle_image

    image = oracle_image(truth(1))
    stack = np.stack([image.to_numpy()] * 2, axis=1)
    write(tmp_path / "z.tif", Image(stack, "CZYX", channel_names=image.channel_names))
    assert "--z max" in segment(tmp_path / "z.tif").error
    one = segment(tmp_path / "z.tif", "--z", "max", "--overwrite").json["objects"]
    each = segment(tmp_path / "z.tif", "--z", "each", "--overwrite").json["objects"]
    assert each == 2 * one > 0


def test_many_jobs_give_the_same_table(segment, fields, tmp_path):
    segment(fields)
    alone = (tmp_path / "out" / "objects.csv").read_bytes()
    assert segment(fields, "--jobs", 2).code == 0  # the same run: nothing is done
    (tmp_path / "out").rename(tmp_path / "first")
    assert segment(fields, "--jobs", 2).code == 0
    assert (tmp_path / "out" / "objects.csv").read_bytes() == alone


def test_an_image_without_objects_is_an_empty_table(segment, tmp_path):
    write(tmp_path / "dark.tif", Image(np.zeros((3, 64, 64), np.uint16), "CYX"))
    result = segment(tmp_path / "dark.tif")
    assert (result.code, result.json["objects"]) == (0, 0)
    assert "confidence" in read_csv(tmp_path / "out" / "objects.csv")


def test_preview_writes_one_picture_and_leaves_the_folder_free(segment, fields, tmp_path):
    shown = segment(fields, "--preview")
    assert shown.code == 0, shown.error
    assert read(tmp_path / "out" / "preview.png").sizes["X"] == 2 * 128
    assert segment(fields).code == 0


def test_labels_can_be_ome_zarr(segment, fields, tmp_path):
    assert segment(fields / "plate1", "--format", "ome-zarr").code == 0
    labels, _ = read_labels(tmp_path / "out" / "labels" / "a.ome.zarr")
    np.testing.assert_array_equal(labels > 0, truth(1) > 0)
    assert segment(fields / "plate1", "--overwrite").code == 0
    assert not (tmp_path / "out" / "labels" / "a.ome.zarr").exists()


def test_a_model_that_does_not_run_is_told_once_and_nothing_is_written(
    run, oracle, fields, tmp_path
):
    broken = tmp_path / "broken"
    package = load_package(oracle)
    save_package(broken, package.card, {**package.files, NETWORK: b"no network"})
    result = run("segment", fields, "--model", broken, "-o", tmp_path / "out")
    assert result.code == 2
    assert result.error.count("cannot be opened") == 1
    assert not (tmp_path / "out").exists()


def test_a_channel_that_no_image_has_is_refused_before_anything_is_written(run, tmp_path, rng):
    for name in "ab":
        write(tmp_path / "in" / f"{name}.tif", Image(rng.integers(0, 99, (64, 64), "u1"), "YX"))
    refused = run("segment", tmp_path / "in", "-o", tmp_path / "out", "--channel", "DAPI")
    assert refused.code == 2 and not (tmp_path / "out").exists()
    assert "'a' has no channel 'DAPI', but a single one" in refused.error
    assert "The same holds for all 2 images" in refused.error


def test_a_model_that_learned_nothing_is_no_secret(run, fields, tmp_path):
    oracle_package(tmp_path / "blind", evaluation={"AP@0.5 per image": 0.0})
    arguments = ("segment", fields, "-o", tmp_path / "out", "--model", tmp_path / "blind", "--json")
    for _ in range(2):  # also where all was done before
        result = run(*arguments)
        assert result.code == 0
        (note,) = result.json["notes"]
        assert "has not learned" in note and f"Note: {note}" in result.error
    assert "has not learned" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_images_in_folders_are_no_annotation(run, oracle, tmp_path):
    for seed, name in enumerate(("dim/a", "dim/b", "bright/c", "bright/d")):
        save_field(tmp_path / "set" / f"{name}.tif", seed)
    result = run("evaluate", oracle, tmp_path / "set", "-o", tmp_path / "scores", "--split", "all")
    assert result.code == 2 and "and no labels" in result.error


def test_overlaps_are_refused_where_the_method_knows_of_none(segment, fields, tmp_path):
    refused = segment(fields, "--overlaps")
    assert refused.code == 2 and "gives each pixel to one object" in refused.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["segment", "detect", "track", "evaluate"])
def test_a_model_is_never_removed_by_what_it_is_used_for(run, fields, tmp_path, command, oracle):
    trained = tmp_path / "trained" / "model"
    shutil.copytree(oracle, trained)
    before = sorted(trained.rglob("*"))
    shutil.copy(fields / "plate1" / "a.tif", fields / "plate1" / "b.tif")
    images = fields / "plate1" if command == "track" else fields
    given = (images, "--model", trained) if command != "evaluate" else (trained, images)
    refused = run(command, *given, "-o", trained.parent, "--overwrite")
    assert refused.code == 2 and "contains the input" in refused.error, refused.error
    assert sorted(trained.rglob("*")) == before


def test_several_dyes_are_told_in_the_terminal_the_report_and_as_json(run, tmp_path):
    blue, green = (simulate_field(NucleiSimulation(size=(128, 128)), seed)[0] for seed in (1, 2))
    composite = np.stack([np.zeros_like(blue), green, blue])
    scaled = (composite / composite.max() * 255).astype(np.uint8)
    rgb = ("red", "green", "blue")
    write(tmp_path / "merged.png", Image(scaled, "CYX", channel_names=rgb))
    given = ("segment", tmp_path / "merged.png", "--json", "-o")
    result = run(*given, tmp_path / "out")
    assert "Warning: merged: Several dyes in one picture" in result.error
    assert "--channel" in result.error
    assert any(said.startswith("Several dyes") for said in result.json["warnings"])
    assert result.json["images_with_warnings"] == 1
    assert "Several dyes in one picture" in (tmp_path / "out" / "report.html").read_text("utf-8")
    again = run(*given, tmp_path / "out")  # done before, and still to be known
    assert again.json["warnings"] == result.json["warnings"]
    chosen = run(*given, tmp_path / "blue", "--channel", "blue")
    assert "Several dyes" not in chosen.error


def test_a_warning_of_several_images_tells_of_the_first(run, tmp_path):
    from cellwright.cli.options import _some

    assert _some(["a"]) == "a"
    assert _some(["a", "b"]) == "a, and likewise 1 more image"
    for name in ("a", "b", "c"):
        write(tmp_path / "in" / f"{name}.tif", Image(np.zeros((64, 64), np.uint8), "YX"))
    error = run("segment", tmp_path / "in", "-o", tmp_path / "out").error
    assert "Warning: a, and likewise 2 more images: Constant: all pixels" in error
