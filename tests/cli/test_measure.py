import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.measure.objects import measure_in_image
from cellwright.measure.tables import read_csv


@pytest.fixture
def labelled(tmp_path):
    """A label image of two objects, and the image that was labelled."""
    labels = np.zeros((20, 30), np.int32)
    labels[2:6, 2:12], labels[10:15, 10:20] = 1, 2
    pixels = np.where(labels == 1, 100, np.where(labels == 2, 200, 10)).astype(np.uint16)
    (tmp_path / "labels").mkdir()
    (tmp_path / "images").mkdir()
    write_labels(tmp_path / "labels" / "a.tif", labels)
    write(tmp_path / "images" / "a.png", Image(pixels, "YX"))
    return tmp_path


def test_areas_and_intensities(run, labelled):
    result = run(
        *("measure", labelled / "labels", "--images", labelled / "images"),
        *("-o", labelled / "out", "--json"),
    )
    assert result.code == 0, result.error
    table = read_csv(labelled / "out" / "objects.csv")
    assert table["area"].tolist() == [40, 50]
    assert table["intensity_mean"].tolist() == [100, 200]
    assert set(table["image"]) == {"a"}
    assert (labelled / "out" / "report.html").exists()


def _double(labelled):
    """Add a second label image and its image, with the values of the first doubled."""
    labels = read(labelled / "labels" / "a.tif").to_numpy()
    write_labels(labelled / "labels" / "b.tif", labels.T.copy())
    pixels = read(labelled / "images" / "a.png").to_numpy()
    write(labelled / "images" / "b.png", Image(2 * pixels.T, "YX"))


def test_labels_that_come_later_are_measured_and_the_others_stay(run, labelled, monkeypatch):
    given = ("measure", labelled / "labels", "--images", labelled / "images")
    assert run(*given, "-o", labelled / "out").code == 0
    _double(labelled)
    assert run(*given, "-o", labelled / "fresh").code == 0
    measured = []
    monkeypatch.setattr(
        "cellwright.runs.measure.measure_in_image",
        lambda labels, image: measured.append(image.name) or measure_in_image(labels, image),
    )
    result = run(*given, "-o", labelled / "out")
    assert result.code == 0, result.error
    assert measured == ["b"]
    table = (labelled / "out" / "objects.csv").read_text()
    assert table == (labelled / "fresh" / "objects.csv").read_text()
    assert read_csv(labelled / "out" / "objects.csv")["intensity_mean"].tolist()[2:] == [200, 400]


def test_numbers_without_intensities_are_no_part_of_numbers_with_them(run, labelled):
    given = ("measure", labelled / "labels", "-o", labelled / "out")
    assert run(*given).code == 0
    before = (labelled / "out" / "objects.csv").read_text()
    _double(labelled)
    refused = run(*given, "--images", labelled / "images")
    assert refused.code == 2
    assert (
        "intensities yes instead of no" in refused.error
        and "all images together" not in refused.error
    )
    assert (labelled / "out" / "objects.csv").read_text() == before


def test_labels_of_which_the_image_changed_are_measured_in_another_folder(run, labelled):
    given = ("measure", labelled / "labels", "--images", labelled / "images")
    assert run(*given, "-o", labelled / "out").code == 0
    _double(labelled)
    pixels = read(labelled / "images" / "a.png").to_numpy()
    write(labelled / "images" / "a.png", Image(pixels + 1, "YX"), overwrite=True)
    refused = run(*given, "-o", labelled / "out")
    assert refused.code == 2 and "; changes in 'a.png'. " in refused.error


def test_frames_are_measured_one_by_one(run, labelled):
    movie = np.zeros((3, 20, 30), np.int32)
    for frame in range(3):
        movie[frame, : frame + 1, :5] = 7
    write_labels(labelled / "movie.tif", movie, like=Image(movie, "TYX"))
    assert run("measure", labelled / "movie.tif", "-o", labelled / "out").code == 0
    table = read_csv(labelled / "out" / "objects.csv")
    assert table["frame"].tolist() == [0, 1, 2]
    assert table["area"].tolist() == [5, 10, 15]


def test_labels_of_another_size_than_their_image_are_named(run, labelled):
    write(labelled / "images" / "a.png", Image(np.zeros((5, 5), np.uint8), "YX"), overwrite=True)
    result = run(
        *("measure", labelled / "labels", "--images", labelled / "images", "-o", labelled / "out")
    )
    assert result.code == 2
    assert "a.tif" in result.error and "pixel by pixel" in result.error


def test_labels_without_an_image_of_their_name_are_named(run, labelled):
    (labelled / "images" / "a.png").rename(labelled / "images" / "b.png")
    result = run(
        *("measure", labelled / "labels", "--images", labelled / "images", "-o", labelled / "out")
    )
    assert result.code == 2
    assert "no image has the name 'a'" in result.error


@pytest.mark.parametrize("end", ["_masks", "_cp_masks", "_label"])
def test_labels_beside_their_image_are_known_by_the_end_of_their_name(run, labelled, end):
    folder = labelled / "images"
    (labelled / "labels" / "a.tif").rename(folder / f"a{end}.tif")
    given = ("measure", folder / f"*{end}.tif", "--images", folder, "-o", labelled / "out")
    result = run(*given)
    assert result.code == 0, result.error
    table = read_csv(labelled / "out" / "objects.csv")
    assert set(table["image"]) == {f"a{end}"}
    assert table["intensity_mean"].tolist() == [100, 200]


def test_a_microscopy_image_in_place_of_labels_is_told(run, labelled, rng):
    noisy = rng.normal(100, 20, (64, 64)).clip(0, 255).astype(np.uint8)
    write(labelled / "images" / "b.png", Image(noisy, "YX"))
    result = run("measure", labelled / "images" / "b.png", "-o", labelled / "out", "--json")
    assert result.code == 0
    (warning,) = result.json["warnings"]
    assert warning.startswith("Not labels: ") and "--images" in warning
    assert not run("measure", labelled / "labels", "-o", labelled / "more", "--json").json[
        "warnings"
    ]


def test_an_image_with_fractions_is_no_label_image(run, tmp_path, rng):
    write(tmp_path / "a.tif", Image(rng.random((9, 9), np.float32), "YX"))
    result = run("measure", tmp_path / "a.tif", "-o", tmp_path / "out")
    assert result.code == 2
    assert "no label image" in result.error


def test_what_is_measured_is_never_removed(run, labelled):
    run("measure", labelled / "labels", "-o", labelled / "out")
    inside = labelled / "out" / "labels"
    (labelled / "labels").rename(inside)
    before = sorted(file.read_bytes() for file in inside.iterdir())
    refused = run("measure", inside, "-o", labelled / "out", "--overwrite")
    assert refused.code == 2 and "contains the input" in refused.error
    assert sorted(file.read_bytes() for file in inside.iterdir()) == before


def test_each_scene_of_labels_is_measured_in_its_own(run, tmp_path):
    import tifffile

    labels = np.zeros((2, 20, 30), np.uint16)
    labels[0, 2:6, 2:12] = labels[1, 10:15, 10:20] = 1
    for folder, factor in (("labels", 1), ("images", 100)):
        (tmp_path / folder).mkdir()
        with tifffile.TiffWriter(tmp_path / folder / "slide.ome.tif", ome=True) as file:
            for number, scene in enumerate(labels, 1):
                file.write(scene * number * factor, metadata={"axes": "YX"})
    given = ("measure", tmp_path / "labels", "--images", tmp_path / "images")
    assert run(*given, "-o", tmp_path / "out").code == 0
    table = read_csv(tmp_path / "out" / "objects.csv")
    assert table["image"].tolist() == ["slide_Image0", "slide_Image1"]
    assert table["area"].tolist() == [40, 50]
    assert table["intensity_mean"].tolist() == [100, 200]


def test_one_file_of_labels_and_one_image_need_not_share_a_name(run, labelled):
    labels, image = labelled / "labels" / "cells.tif", labelled / "images" / "a.png"
    next((labelled / "labels").iterdir()).rename(labels)
    result = run("measure", labels, "--images", image, "-o", labelled / "out")
    assert result.code == 0, result.error
    table = read_csv(labelled / "out" / "objects.csv")
    assert table["intensity_mean"].tolist() == [100, 200]
    assert set(table["image"]) == {"cells"}
    # In folders nobody has said that they belong together.
    refused = run(
        *("measure", labelled / "labels", "--images", labelled / "images"),
        *("-o", labelled / "other"),
    )
    assert refused.code == 2 and "cannot be paired" in refused.error
