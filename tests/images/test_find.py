"""Files, folders and patterns become a list of images with names for their results."""

from pathlib import Path

import numpy as np
import pytest

from cellwright._errors import InputError
from cellwright.images.find import find_images, left_out, natural_key
from cellwright.images.image import Image
from cellwright.images.write import write


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    for name in ("B/a10.tif", "B/a2.tif", "A/a2.ome.tif", "A/notes.txt", ".hidden/x.tif", "c.PNG"):
        path = tmp_path / "plate" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    write(tmp_path / "plate" / "A" / "stack.ome.zarr", Image(np.zeros((4, 5), np.uint8), "YX"))
    return tmp_path / "plate"


def names(*inputs: str | Path) -> list[str]:
    return [image.relative.as_posix() for image in find_images(inputs)]


def test_folder_keeps_sub_folders_in_natural_order(plate: Path) -> None:
    assert names(plate) == ["A/a2", "A/stack", "B/a2", "B/a10", "c"]


def test_pattern_is_relative_to_its_fixed_part(plate: Path) -> None:
    assert names(plate / "*" / "a2*.tif") == ["A/a2", "B/a2"]
    assert names(f"{plate}/**/*.tif") == ["A/a2", "B/a2", "B/a10"]


def test_files_are_named_by_their_stem_and_told_apart_by_their_folder(plate: Path) -> None:
    a, b = plate / "A" / "a2.ome.tif", plate / "B" / "a2.tif"
    assert names(b, plate / "B" / "a10.tif", plate / "A" / "stack.ome.zarr") == [
        "a2",
        "a10",
        "stack",
    ]
    assert names(a, b) == ["A/a2", "B/a2"]


def test_image_given_twice_is_found_once(plate: Path) -> None:
    assert names(plate / "B", plate / "B" / "a2.tif") == ["a2", "a10"]


def test_name_with_brackets_is_a_file_not_a_pattern(plate: Path) -> None:
    (plate / "cell[1].tif").touch()
    assert names(plate / "cell[1].tif") == ["cell[1]"]


def test_same_result_name_is_refused_with_both_files(plate: Path) -> None:
    (plate / "B" / "A2.png").touch()
    with pytest.raises(InputError, match=r"(?s)a2\.tif.*A2\.png|A2\.png.*a2\.tif"):
        find_images([plate / "B"])


@pytest.mark.parametrize("missing", ["absent.tif", "absent/*.tif"])
def test_missing_input_is_named(plate: Path, missing: str) -> None:
    with pytest.raises(InputError, match=missing.replace("*", r"\*")):
        find_images([plate / missing])


def test_folder_without_images_tells_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it is empty.*\.tif"):
        find_images([tmp_path])
    (tmp_path / "scan.czi").touch()
    with pytest.raises(InputError, match=r"1 × \.czi"):
        find_images([tmp_path])


def test_images_of_other_formats_are_not_passed_over_in_silence(plate: Path) -> None:
    assert left_out([plate]) == ()
    for name in ("a.czi", "b.CZI", "c.nd2", "notes.txt", ".hidden.lif"):
        (plate / name).write_bytes(b"")
    (said,) = left_out([plate, plate])
    assert "2 × .czi, 1 × .nd2." in said and "OME-TIFF" in said
    assert left_out([plate / "B" / "*.tif"]) == ()


def test_a_link_to_nothing_is_told_as_such(tmp_path: Path) -> None:
    try:
        (tmp_path / "dead.tif").symlink_to("moved.tif")
    except OSError:
        pytest.skip("links cannot be made here")
    with pytest.raises(InputError, match=r"dead\.tif' is a link to 'moved\.tif', which"):
        find_images([tmp_path / "dead.tif"])


def test_natural_key_orders_numbers_by_value() -> None:
    assert sorted(["t10", "t9", "T1", "a"], key=natural_key) == ["a", "T1", "t9", "t10"]


def test_a_file_given_under_a_second_name_is_done_once_and_told(plate: Path) -> None:
    link = plate / "B" / "control.tif"
    try:
        link.symlink_to(plate / "B" / "a2.tif")
    except OSError:
        pytest.skip("links cannot be made here")
    given = [plate / "B" / "a2.tif", link, plate / "B" / "a10.tif"]
    assert names(*given) == ["a2", "a10"]
    (said,) = left_out(given)
    assert "control.tif' is a link to" in said and "a2.tif'" in said
    assert left_out([plate / "B" / "a2.tif", plate / "B" / "a2.tif"]) == ()
