import json

import numpy as np
import pytest
import tifffile

from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write


@pytest.fixture
def folder(tmp_path, rng):
    """Six pairs of squares on noise."""
    for i in range(6):
        labels = np.zeros((64, 64), np.uint16)
        labels[10:30, 10:30], labels[35:55, 30:50] = 1, 2
        pixels = (rng.integers(0, 60, labels.shape) + 100 * (labels > 0)).astype(np.uint8)
        for name, array in (("images", pixels), ("labels", labels)):
            (tmp_path / "set" / name).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(tmp_path / "set" / name / f"{i}.tif", array)
    return tmp_path / "set"


def test_inspect_tells_what_is_there(run, folder):
    found = run("data", "inspect", folder, "--json")
    assert found.code == 0
    assert found.json["layout"] == "paired folders" and found.json["examples"] == 6
    assert found.json["objects_per_image"] == [2, 2, 2] and found.json["leaks"] == []
    assert found.json["median_diameter_px"] == [22.6, 22.6, 22.6]
    said = run("data", "inspect", folder).out
    assert "64 × 64 (6)" in said and "12 in all; an image has 2\n" in said
    assert "diameter    22.6 px (median of an image's objects)" in said


def test_inspect_lists_problems_and_leaks(run, folder):
    (folder / "images" / "3.tif").write_bytes(b"")
    (folder / "images" / "1.tif").write_bytes((folder / "images" / "0.tif").read_bytes())
    (folder / "index.csv").write_text("id,split\n0,train\n1,val\n")
    found = run("data", "inspect", folder)
    assert found.code == 1
    assert "Problems (1)" in found.out and "3.tif" in found.out
    assert "Leaks (1)" in found.out and "same file" in found.out


def test_split_writes_a_description_that_opens(run, folder):
    description = folder / "dataset.yaml"
    arguments = ("data", "split", folder, "-o", description, "--val", "0.5", "--train", "0.5")
    assert run(*arguments, "--json").json["splits"] == {"train": 3, "val": 3}
    assert run("data", "inspect", folder, "--json").json["splits"] == {"train": 3, "val": 3}
    refused = run(*arguments)
    assert refused.code == 2 and "or give --overwrite" in refused.error


def test_dividing_again_says_that_all_stay_where_they_are(run, folder):
    arguments = ("data", "split", folder, "-o", folder / "dataset.yaml")
    assert "before" not in run(*arguments).out
    before = (folder / "dataset.yaml").read_text()
    again = run(*arguments, "--overwrite", "--seed", 5, "--val", 0.5)
    assert (folder / "dataset.yaml").read_text() == before
    assert "All of 6 examples were in a split before (dataset.yaml) and stay in it" in again.out


def test_preview_writes_a_seeded_contact_sheet(run, folder, tmp_path):
    sheets = [tmp_path / f"{i}.png" for i in range(3)]
    for sheet, seed in zip(sheets, (1, 1, 2), strict=True):
        assert (
            run(
                "data", "preview", folder, "-o", sheet, "--patches", 5, "--size", 48, "--seed", seed
            ).code
            == 0
        )
    first, again, other = (read(sheet).to_numpy() for sheet in sheets)
    assert first.shape == (3, 2 * 52 + 4, 3 * 52 + 4)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_preview_frames_boxes(run, tmp_path):
    write(tmp_path / "images/a.tif", Image(np.zeros((60, 60), np.float32), "YX"))
    (tmp_path / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\na,10,12,40,45\n")
    sheet = tmp_path / "sheet.png"
    options = ("--patches", 1, "--size", 60, "--augmentation", "none")
    assert run("data", "preview", tmp_path, "-o", sheet, *options).code == 0
    red, _, blue = read(sheet).to_numpy()
    assert (blue > red).sum() > 100


def test_unknown_layout_is_wrong_input(run, tmp_path):
    found = run("data", "inspect", tmp_path)
    assert found.code == 2 and "no known layout" in found.error


def test_repair_writes_copies_and_says_what_it_did(run, folder, tmp_path):
    drawn = tifffile.imread(folder / "labels" / "0.tif")
    drawn[15, 15], drawn[0, 60] = 0, 1
    tifffile.imwrite(folder / "labels" / "0.tif", drawn)
    out = tmp_path / "repaired"
    found = run("data", "repair", folder / "labels", "-o", out, "--json")
    assert found.code == 0
    assert (found.json["scattered"], found.json["holed"]) == (1, 1)
    assert (found.json["objects_before"], found.json["objects_after"]) == (12, 13)
    copy = tifffile.imread(out / "0.tif")
    assert copy[15, 15] == 1 and copy[0, 60] == 3
    assert np.array_equal(tifffile.imread(folder / "labels" / "0.tif"), drawn)
    record = json.loads((out / "repair.json").read_text())
    assert record["labels"][0]["flaws"] == {"scattered": 1, "holed": 1}
    assert run("data", "repair", folder / "labels", "-o", out).code == 2
    dropped = run(
        "data", "repair", folder / "labels", "-o", out, "--parts", "largest", "--overwrite"
    )
    assert dropped.code == 0 and "12 after" in dropped.out


def test_repair_names_what_it_cannot_read_and_does_the_rest(run, folder, tmp_path):
    (folder / "labels" / "1.tif").write_bytes(b"")
    found = run("data", "repair", folder / "labels", "-o", tmp_path / "out")
    assert found.code == 1 and "Failed: 1:" in found.error
    assert len(list((tmp_path / "out").glob("*.tif"))) == 5
    assert run("data", "repair", folder / "labels", "-o", folder).code == 2


def test_inspect_mentions_objects_in_parts_without_calling_them_a_problem(run, folder):
    drawn = tifffile.imread(folder / "labels" / "0.tif")
    drawn[0, 60] = 1
    tifffile.imwrite(folder / "labels" / "0.tif", drawn)
    found = run("data", "inspect", folder)
    assert found.code == 0
    assert "Objects in several parts: 1; with holes: 0." in found.out


def test_photographs_are_not_repaired(run, folder, tmp_path):
    found = run("data", "repair", folder / "images", "-o", tmp_path / "out")
    assert found.code == 2 and "does not look like labels" in found.error
    assert not list((tmp_path / "out").glob("*.tif"))


def test_boxes_outside_of_their_image_are_a_problem(run, folder):
    for labels in (folder / "labels").iterdir():
        labels.unlink()
    (folder / "labels").rmdir()
    rows = ["image,class,min_row,min_col,max_row,max_col"]
    rows += [f"{number}.tif,cell,{top},5,{top + 20},30" for number, top in enumerate((5, 9, 300))]
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    found = run("data", "inspect", folder)
    assert found.code == 1 and "lies outside" in found.out


def test_an_image_whose_classes_cannot_be_read_is_there_all_the_same(run, folder):
    rows = [f"{i},{label},{'ab'[label - 1]}" for i in range(6) for label in (1, 2)]
    text = "\n".join(["image,label,class", *rows, "3,9,a"])
    (folder / "classes.csv").write_text(text, encoding="utf-8")
    found = run("data", "inspect", folder, "--json")
    assert found.code == 1 and found.json["sizes"] == {"64 × 64": 6}
    (problem,) = found.json["problems"]
    assert "tells the class of object 9 of '3'" in problem


def test_nothing_is_written_over_the_dataset(run, folder, tmp_path):
    image = folder / "images" / "0.tif"
    before = image.read_bytes()
    preview = run("data", "preview", folder, "-o", image, "--overwrite")
    assert preview.code == 2 and "belongs to the dataset" in preview.error
    split = run("data", "split", folder, "-o", image, "--overwrite")
    assert split.code == 2 and "must end in .yaml" in split.error
    assert image.read_bytes() == before
    nothing = run("data", "split", folder, "-o", tmp_path / "a.yaml", "--train", 0, "--val", 0)
    assert nothing.code == 2 and "All shares are 0" in nothing.error


def test_what_is_not_known_is_still_not_known_after_a_repair(run, tmp_path):
    labels = np.zeros((32, 32), np.int32)
    labels[:4], labels[10:20, 10:20], labels[15, 15], labels[30, 30] = -1, 2_000_000_000, 0, 7
    tifffile.imwrite(tmp_path / "a.tif", labels)
    command = ("data", "repair", tmp_path / "a.tif", "-o", tmp_path / "out", "--min-size", 2)
    assert run(*command).code == 0
    labels[15, 15], labels[30, 30] = 2_000_000_000, 0
    assert np.array_equal(tifffile.imread(tmp_path / "out" / "a.tif"), labels)
