import shutil
from dataclasses import replace

import pytest

from cellwright import ModelError
from cellwright.models import find
from cellwright.models.find import add_model, find_model, list_models, remove_model
from cellwright.models.package import save_package


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLWRIGHT_MODELS", str(tmp_path / "mine"))
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "shipped")


def test_an_added_model_is_found_by_name(tmp_path, package):
    assert list_models() == []
    added = add_model(find_model(package.source))
    assert find_model("toy") == added.path
    assert [(model.name, model.shipped) for model in list_models()] == [("toy", False)]
    assert add_model(added.path) == added  # adding it again changes nothing


def test_shipped_models_come_first_and_keep_their_names(tmp_path, package, card, exported):
    (tmp_path / "shipped").mkdir()
    shutil.copy(package.source, tmp_path / "shipped" / "toy.zip")
    save_package(tmp_path / "other", replace(card, version="9"), exported[1])
    with pytest.raises(ModelError, match="another model named 'toy'"):
        add_model(tmp_path / "other")
    assert find_model("toy") == tmp_path / "shipped" / "toy.zip"


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_removed_model_is_gone_and_its_name_free(tmp_path, package, card, exported, as_folder):
    if as_folder:
        save_package(tmp_path / "mine" / "toy", card, exported[1])
    else:
        add_model(find_model(package.source))
    save_package(tmp_path / "other", replace(card, version="9"), exported[1])
    with pytest.raises(ModelError, match="or remove it with 'cellwright models remove toy'"):
        add_model(tmp_path / "other")
    removed = remove_model("toy")
    assert not removed.path.exists() and list_models() == []
    assert add_model(tmp_path / "other").name == "toy"
    assert find_model(package.source).exists()


def test_only_models_that_were_added_can_be_removed(tmp_path, package):
    (tmp_path / "shipped").mkdir()
    shutil.copy(package.source, tmp_path / "shipped" / "toy.zip")
    with pytest.raises(ModelError, match="'toy' came with Cellwright and stays"):
        remove_model("toy")
    for wrong in ("tyo", str(package.source)):
        with pytest.raises(ModelError, match=r"no model named.*can be removed: none"):
            remove_model(wrong)
    assert find_model("toy").exists() and find_model(package.source).exists()


def test_a_wrong_name_lists_the_right_ones(package):
    add_model(find_model(package.source))
    with pytest.raises(ModelError, match=r"There is no model 'tyo'.*Models with a name: toy"):
        find_model("tyo")


@pytest.mark.parametrize("name", ["Toyy", "toyx", "some/whre/toy"])
def test_a_mistyped_name_or_path_is_put_right(tmp_path, monkeypatch, package, name):
    add_model(find_model(package.source))
    (tmp_path / "some" / "where").mkdir(parents=True)
    (tmp_path / "some" / "where" / "toy").touch()
    monkeypatch.chdir(tmp_path)
    if "/" not in name:
        with pytest.raises(ModelError, match="Did you mean 'toy'"):
            find_model(name)
        return
    with pytest.raises(ModelError, match=r"There is no folder 'some.whre' either"):
        find_model(name)
    with pytest.raises(ModelError, match=r"Did you mean 'some.where.toy'"):
        find_model("some/where/ty")
