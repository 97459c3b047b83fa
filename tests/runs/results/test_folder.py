import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright._errors import OutputError
from cellwright.runs.results import folder as module
from cellwright.runs.results.folder import RunFolder
from cellwright.runs.results.plan import InputFile, Outcome, Plan
from cellwright.runs.results.result import OBJECTS, earlier_result


def open_run(*arguments, **options) -> tuple[RunFolder, dict | None]:
    """Open a run as one that was killed at once: its lock is gone, all else is there."""
    with module.open_run(*arguments, **options) as opened:
        return opened


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    image = tmp_path / "images" / "a.tif"
    image.parent.mkdir()
    image.write_bytes(b"pixels")
    return Plan("segment", (InputFile.of(image),), {"threshold": 0.5}, ("labels/a.tif",))


def write_result(out: Path) -> None:
    (out / "labels").mkdir(parents=True)
    (out / "labels" / "a.tif").write_bytes(b"labels")


def complete(out: Path, plan: Plan) -> None:
    folder, _ = open_run(out, plan, overwrite=False)
    write_result(out)
    folder.keep(Outcome("a.tif", files=("labels/a.tif",)), {"label": np.arange(3)})
    folder.finish(failed=0, images=[{"image": "a.tif", "files": ["labels/a.tif"]}])


def test_an_interrupted_run_knows_what_is_done(tmp_path, plan):
    folder, _ = open_run(tmp_path / "out", plan, overwrite=False)
    write_result(tmp_path / "out")
    folder.keep(Outcome("a.tif", objects=3, files=("labels/a.tif",)), {"label": np.arange(3)})
    again, finished = open_run(tmp_path / "out", plan, overwrite=False)
    assert finished is None
    assert again.outcome("a.tif").objects == 3
    np.testing.assert_array_equal(again.table("a.tif")["label"], [0, 1, 2])


def test_an_outcome_whose_file_is_gone_or_that_failed_is_done_again(tmp_path, plan):
    folder, _ = open_run(tmp_path / "out", plan, overwrite=False)
    folder.keep(Outcome("a.tif", files=("labels/a.tif",)), {"label": np.arange(3)})
    folder.keep(Outcome("b.tif", error="broken"))
    assert folder.outcome("a.tif") is None
    assert folder.outcome("b.tif") is None


def test_the_same_run_is_recognised_as_complete_and_leaves_no_parts(tmp_path, plan):
    complete(tmp_path / "out", plan)
    _, finished = open_run(tmp_path / "out", plan, overwrite=False)
    assert finished is not None
    assert not (tmp_path / "out" / ".parts").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": {"threshold": 0.4}}, r"threshold 0\.4 instead of 0\.5\."),
        ({"parameters": {}}, r"threshold not given instead of 0\.5\."),
        ({"inputs": ()}, r"without 'a\.tif'"),
        ({"inputs": (InputFile("/b.tif", 6, 1),)}, r"'b\.tif' instead of 'a\.tif'"),
        (
            {"model": {"name": "b", "version": "2", "sha256": "0"}},
            r"the model 'b' 2 .* instead of no model",
        ),
        ({"version": "99"}, r"Cellwright 99 instead of"),
        ({"command": "detect"}, "'cellwright detect' instead of 'cellwright segment'"),
        ({"files": ("labels/a.zarr",)}, "names of files that are written"),
    ],
)
def test_another_run_is_refused(tmp_path, plan, change, said):
    complete(tmp_path / "out", plan)
    with pytest.raises(OutputError, match=rf"another run; different now: .*{said}.*overwrite=True"):
        open_run(tmp_path / "out", replace(plan, **change), overwrite=False)


def test_an_image_that_changed_makes_another_run(tmp_path, plan):
    complete(tmp_path / "out", plan)
    image = Path(plan.inputs[0].path)
    image.write_bytes(b"other pixels")
    with pytest.raises(OutputError, match=r"different now: changes in 'a\.tif'"):
        open_run(tmp_path / "out", replace(plan, inputs=(InputFile.of(image),)), overwrite=False)


def test_a_run_of_which_all_images_failed_makes_room_for_another(tmp_path, plan):
    out = tmp_path / "out"
    plan = replace(plan, files=("labels/a.tif", "objects.csv"))
    folder, _ = open_run(out, plan, overwrite=False)
    folder.keep(Outcome("a.tif", error="'a.tif' is damaged."))
    (out / "objects.csv").write_text("image,label\n")
    (out / "labels").mkdir()
    (out / "labels" / "notes.txt").write_text("keep me")
    folder.finish(failed=1, images=[{"image": "a.tif", "status": "failed", "files": []}])
    other = replace(plan, inputs=())
    (out / "labels" / "a.tif").write_bytes(b"drawn by hand")
    with pytest.raises(OutputError, match=r"a\.tif' is in the way"):
        open_run(out, other, overwrite=False)
    (out / "labels" / "a.tif").rename(out / "labels" / "b.tif")
    _, finished = open_run(out, other, overwrite=False)
    assert finished is None and not (out / "objects.csv").exists()
    assert (out / "labels" / "notes.txt").read_text() == "keep me"


def test_a_run_with_one_result_does_not(tmp_path, plan):
    folder, _ = open_run(tmp_path / "out", plan, overwrite=False)
    images = [{"status": status, "files": []} for status in ("failed", "done")]
    folder.finish(failed=1, images=images)
    with pytest.raises(OutputError, match="another run"):
        open_run(tmp_path / "out", replace(plan, inputs=()), overwrite=False)


def test_a_run_that_was_stopped_before_it_did_anything_makes_room(tmp_path, plan):
    open_run(tmp_path / "out", plan, overwrite=False)
    folder, _ = open_run(tmp_path / "out", replace(plan, inputs=()), overwrite=False)
    folder.keep(Outcome("a.tif"), {"label": np.arange(3)})
    with pytest.raises(OutputError, match="another run"):
        open_run(tmp_path / "out", plan, overwrite=False)


def test_overwrite_removes_only_what_the_earlier_run_wrote(tmp_path, plan):
    complete(tmp_path / "out", plan)
    mine = tmp_path / "out" / "labels" / "notes.txt"
    mine.write_text("keep me")
    open_run(tmp_path / "out", replace(plan, parameters={}), overwrite=True)
    assert mine.read_text() == "keep me"
    assert not (tmp_path / "out" / "labels" / "a.tif").exists()


def test_a_record_that_was_edited_is_refused_so_that_overwrite_takes_nothing_else(tmp_path, plan):
    complete(tmp_path / "out", plan)
    mine = tmp_path / "out" / "thesis.doc"
    mine.write_text("years of work")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    record["files"] = ["thesis.doc"]
    (tmp_path / "out" / "run.json").write_text(json.dumps(record))
    with pytest.raises(OutputError, match=r"run\.json' was changed"):
        open_run(tmp_path / "out", replace(plan, parameters={}), overwrite=True)
    assert mine.exists()


@pytest.mark.parametrize("name", ["../precious.txt", "{folder}/precious.txt", "link/precious.txt"])
def test_overwrite_never_leaves_the_folder(tmp_path, plan, name):
    precious = tmp_path / "precious.txt"
    precious.write_text("keep me")
    hostile = replace(plan, files=(name.format(folder=tmp_path),))
    RunFolder(tmp_path / "out", hostile, "now", "").write_record()
    if name.startswith("link"):
        if os.name == "nt":
            pytest.skip("links need a privilege on Windows")
        (tmp_path / "out" / "link").symlink_to(tmp_path, target_is_directory=True)
    open_run(tmp_path / "out", plan, overwrite=True)
    assert precious.exists()


@pytest.mark.parametrize("below", ["", "x", "x/y"])
def test_the_file_that_is_no_folder_is_named(tmp_path, plan, below):
    file = tmp_path / "afile"
    file.write_text("")
    with pytest.raises(OutputError, match=r"afile' is a file; name a folder"):
        open_run(file / below, plan, overwrite=False)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_files_of_the_user_is_refused(tmp_path, plan, overwrite):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.doc").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.doc"):
        open_run(out, plan, overwrite=overwrite)


def test_a_folder_that_contains_an_input_is_refused(tmp_path, plan):
    for out in (tmp_path / "images", tmp_path):
        with pytest.raises(OutputError, match="contains the input"):
            open_run(out, plan, overwrite=True)


def test_a_foreign_run_json_is_refused(tmp_path, plan):
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text('{"speed": "10 km/h"}')
    with pytest.raises(OutputError, match="not written by Cellwright"):
        open_run(out, plan, overwrite=True)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, plan):
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        open_run(tmp_path / "out", plan, overwrite=False)


@pytest.mark.parametrize("change", ["larger", "as large", "one more", "one less"])
def test_a_changed_chunk_deep_inside_a_zarr_makes_another_run(tmp_path, change):
    chunk = tmp_path / "a.zarr" / "0" / "c" / "0" / "1"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"pixels")
    before = InputFile.of(tmp_path / "a.zarr")
    assert before == InputFile.of(tmp_path / "a.zarr")
    later = before.modified_ns + 10**9
    if change == "one less":
        chunk.unlink()
    else:
        target = chunk.with_name("2") if change == "one more" else chunk
        target.write_bytes(b"more pixels" if change == "larger" else b"PIXELS")
        os.utime(target, ns=(later, later))
    assert InputFile.of(tmp_path / "a.zarr") != before


def test_a_record_without_notes_is_one_without_notes(tmp_path, plan):
    complete(tmp_path / "out", plan)
    folder, finished = open_run(tmp_path / "out", plan, overwrite=False)
    record = finished | {"objects": 5, "images": [{"image": "a.tif", "warnings": []}]}
    assert earlier_result(folder, OBJECTS, record).notes == ()
