import json
import shutil
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from cellwright import ModelError, OutputError
from cellwright.models.card import NetworkFacts
from cellwright.models.package import (
    CARD,
    NETWORK,
    TEST_INPUT,
    WEIGHTS,
    file_names,
    load_package,
    make_files,
    save_package,
    verify_package,
)


def rewrite(source, target, **changes):
    """Copy a zip with members replaced (bytes), removed (None) or added."""
    with zipfile.ZipFile(source) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= {name.replace("__", "."): data for name, data in changes.items()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    return target


def edited_card(source, **changes):
    with zipfile.ZipFile(source) as archive:
        content = json.loads(archive.read(CARD))
    return json.dumps(content | changes).encode()


@pytest.mark.parametrize("name", ["toy.zip", "toy.cellwright", "folder"])
def test_a_package_comes_back_as_it_was_saved(name, tmp_path, card, exported):
    saved = save_package(tmp_path / name, card, exported[1])
    loaded = load_package(tmp_path / name)
    assert loaded == saved
    assert loaded.card.to_json() == card.to_json()
    assert loaded.files == exported[1]
    assert verify_package(loaded) < 1e-4


def test_the_same_content_makes_the_same_bytes(tmp_path, card, exported):
    save_package(tmp_path / "a.zip", card, exported[1])
    save_package(tmp_path / "b.zip", card, exported[1])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_another_card_is_another_model(tmp_path, package, exported):
    other = replace(package.card, version="0.2.0")
    assert save_package(tmp_path / "other", other, exported[1]).sha256 != package.sha256


def test_a_folder_may_hold_other_files_and_loses_none(tmp_path, card, exported):
    (tmp_path / "report.html").write_text("mine")
    save_package(tmp_path, card, exported[1])
    load_package(tmp_path)
    assert (tmp_path / "report.html").read_text() == "mine"


@pytest.mark.parametrize("name", file_names(NetworkFacts({}, (1,), (0,), 0), ""))
def test_a_changed_file_is_named(name, tmp_path, package):
    broken = rewrite(package.source, tmp_path / "m.zip", **{name: package.files[name] + b"x"})
    with pytest.raises(ModelError, match=f"'{name}' in .* is damaged or was changed"):
        load_package(broken)


@pytest.mark.parametrize("name", [CARD, NETWORK])
def test_a_missing_file_is_named(name, tmp_path, package):
    with pytest.raises(ModelError, match=f"'{name}' is missing"):
        load_package(rewrite(package.source, tmp_path / "m.zip", **{name: None}))


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "a/network.onnx", "run.py"])
def test_unexpected_members_are_refused(name, tmp_path, package):
    with pytest.raises(ModelError, match="unexpected file"):
        load_package(rewrite(package.source, tmp_path / "m.zip", **{name: b"x"}))


def test_a_member_that_appears_twice_is_refused(tmp_path, package):
    target = tmp_path / "m.zip"
    shutil.copy(package.source, target)
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(target, "a") as archive,
    ):
        archive.writestr(NETWORK, b"x")
    with pytest.raises(ModelError, match="a file twice"):
        load_package(target)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, package):
    bomb = rewrite(package.source, tmp_path / "m.zip", **{CARD: b" " * (17 << 20)})
    assert bomb.stat().st_size < 1_000_000
    with pytest.raises(ModelError, match="17,825,792 bytes; a model has at most"):
        load_package(bomb)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 60])
def test_what_is_no_zip_says_so(content, tmp_path):
    (tmp_path / "m.zip").write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.zip' is not a Cellwright model, or is damaged"):
        load_package(tmp_path / "m.zip")


def test_a_truncated_zip_says_so(tmp_path, package):
    (tmp_path / "m.zip").write_bytes(Path(package.source).read_bytes()[:-500])
    with pytest.raises(ModelError, match="damaged"):
        load_package(tmp_path / "m.zip")


def test_the_model_in_a_folder_of_results_is_named(tmp_path, card, exported):
    save_package(tmp_path / "compared" / "model", card, exported[1])
    with pytest.raises(ModelError, match=r"The model in it is '.*compared.model'"):
        load_package(tmp_path / "compared")


def test_a_path_without_a_model_says_so(tmp_path):
    with pytest.raises(ModelError, match="There is no model at"):
        load_package(tmp_path / "nowhere.zip")
    with pytest.raises(ModelError, match=r"'model\.json' is missing"):
        load_package(tmp_path)


def _facts(stride, halo):
    return {"config": {}, "stride": stride, "halo": halo, "bytes_per_pixel": 200}


MIRRORED = {"channels": ["grey"], "normalisation": {}, "tta": "bright ground"}


def test_only_a_card_that_asks_for_mirror_images_needs_a_newer_program(tmp_path, package):
    assert package.card.to_json()["format_version"] == 1
    assert "tta" not in package.card.to_json()["input"]
    changed = edited_card(package.source, input=MIRRORED)
    card = load_package(rewrite(package.source, tmp_path / "m.zip", **{CARD: changed})).card
    assert card.input.tta == "bright ground"
    assert card.to_json()["format_version"] == 2
    assert card.to_json()["input"]["tta"] == "bright ground"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "zip"}, "is not a Cellwright model"),
        ({"format_version": 99}, "Update Cellwright"),
        ({"network": []}, "mapping belongs"),
        ({"network": _facts("8", [3, 3])}, "one number per axis belongs"),
        ({"network": _facts([8, 8], [3, "3"])}, "natural number belongs"),
        ({"input": {}}, "is broken"),
        ({"extra": 1}, "unknown field 'extra'"),
        ({"input": MIRRORED | {"tta": "dark ground"}}, "'tta' is none of never, bright ground"),
        ({"name": "../evil"}, "not a name for a model"),
        ({"authors": 3}, "is broken"),
        ({"files": {}}, "does not list its files"),
        ({"network": _facts([8, 8], [3, 3]) | {"engine": "oracle"}}, "Update Cellwright"),
    ],
)
def test_a_wrong_card_is_explained(change, message, tmp_path, package):
    changed = edited_card(package.source, **change)
    with pytest.raises(ModelError, match=message):
        load_package(rewrite(package.source, tmp_path / "m.zip", **{CARD: changed}))


def test_a_card_that_is_no_json_says_so(tmp_path, package):
    with pytest.raises(ModelError, match="not valid JSON"):
        load_package(rewrite(package.source, tmp_path / "m.zip", **{CARD: b"{"}))


def test_a_network_that_misses_its_test_output_is_refused(tmp_path, card, exported, package):
    wrong = package.test_output + np.float32(0.01)
    files = make_files(
        {name: exported[1][name] for name in (NETWORK, WEIGHTS)},
        package.test_input,
        wrong,
    )
    with pytest.raises(ModelError, match=r"misses its stored test output by 0\.01"):
        verify_package(save_package(tmp_path / "m", card, files))


def test_a_pickle_or_a_lying_header_is_no_test_array(tmp_path, card, package):
    pickled = np.array([{"run": "me"}], dtype=object)
    np.save(tmp_path / "evil.npy", pickled, allow_pickle=True)
    honest = package.files[TEST_INPUT]
    lying = honest.replace(b"64, 64), }", b"99, 99), }")
    assert lying != honest
    for number, data in enumerate([(tmp_path / "evil.npy").read_bytes(), lying, b"", honest[:-4]]):
        saved = save_package(tmp_path / str(number), card, {**package.files, TEST_INPUT: data})
        with pytest.raises(ModelError, match="is not a test array"):
            verify_package(load_package(tmp_path / str(number)))
        assert sha256(saved.files[TEST_INPUT]).digest() == sha256(data).digest()


def test_a_file_in_the_way_of_a_folder_is_kept(tmp_path, card, exported):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        save_package(tmp_path / "model", card, exported[1])
    assert (tmp_path / "model").read_text() == "mine"
