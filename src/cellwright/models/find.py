"""Models by name: those that come with Cellwright and those that the user has added."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cellwright._arguments import as_path
from cellwright._errors import ModelError, OutputError, UsageError
from cellwright._words import did_you_mean, missing, option
from cellwright.models.card import check_name
from cellwright.models.package import (
    CARD,
    ZIP_SUFFIXES,
    Package,
    load_package,
    save_package,
    verify_package,
)

SHIPPED = Path(__file__).parent / "shipped"
USER_FOLDER_VARIABLE = "CELLWRIGHT_MODELS"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be used by its name.

    Parameters
    ----------
    name : str
    path : Path
        Its package.
    shipped : bool
        Whether it came with Cellwright.
    """

    name: str
    path: Path
    shipped: bool


def user_folder() -> Path:
    """Return the folder of the user's own models: ``CELLWRIGHT_MODELS``, or the system's place."""
    import platformdirs

    chosen = os.environ.get(USER_FOLDER_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_data_path("cellwright") / "models"


def list_models() -> list[KnownModel]:
    """Return all models that have a name, the shipped ones first."""
    shipped = [KnownModel(name, path, True) for name, path in _packages(SHIPPED).items()]
    names = {model.name for model in shipped}
    own = _packages(user_folder()).items()
    return shipped + [KnownModel(name, path, False) for name, path in own if name not in names]


def find_model(name_or_path: str | Path) -> Path:
    """Return the package of a model.

    Parameters
    ----------
    name_or_path : str or Path
        A name that `list_models` knows, or the path of a package.

    Raises
    ------
    ModelError
        If there is no such model; the message lists those there are.
    """
    known = {model.name: model.path for model in list_models()}
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    path = as_path(name_or_path, "model")
    if path.exists():
        return path
    if len(path.parts) > 1:
        said = missing(path, "model")
    else:
        near = did_you_mean(str(path), known)
        said = f"There is no model '{path}', neither by that name nor at that path.{near}"
    raise ModelError(f"{said} Models with a name: {', '.join(known) or 'none'}.")


def is_model(name_or_path: str | Path) -> bool:
    """Return whether there is a model of that name, or something like a package at that path."""
    path = Path(name_or_path)
    packed = path.suffix in ZIP_SUFFIXES and path.is_file()
    named = str(name_or_path) in {model.name for model in list_models()}
    return named or packed or (path / CARD).is_file()


def refuse_swapped(model: str | Path, dataset: str | Path) -> None:
    """Refuse a dataset that stands in the place of the model, and the model in its place.

    Raises
    ------
    UsageError
        If that is so.
    """
    if is_model(dataset) and not is_model(model):
        raise UsageError(
            f"Model and dataset are swapped: '{dataset}' is a model, and '{model}' is none. Give "
            "the model first, then the dataset."
        )


def add_model(path: Path, name: str | None = None) -> KnownModel:
    """Check a package and copy it to the user's models, where its name finds it.

    Parameters
    ----------
    path : Path
    name : str, optional
        What finds it; that on its card by default.

    Raises
    ------
    ModelError
        If the package is broken, or the name is none or that of a different model.
    """
    package = load_package(path)
    verify_package(package)
    name = name or package.card.name
    check_name(name)
    taken = {model.name: model for model in list_models()}.get(name)
    if taken is not None and _alike(load_package(taken.path), package):
        return taken
    if taken is not None:
        raise ModelError(
            f"There is another model named '{name}' at '{taken.path}'. Choose another name with "
            f"{option('name')}{_or_remove(taken)}."
        )
    target = user_folder() / f"{name}.cellwright"
    save_package(target, package.card, package.files)
    return KnownModel(name, target, shipped=False)


def remove_model(name: str) -> KnownModel:
    """Delete one of the user's models that have a name.

    Parameters
    ----------
    name : str

    Returns
    -------
    KnownModel
        What it was, and where.

    Raises
    ------
    ModelError
        If there is none of that name, or it came with Cellwright.
    OutputError
        If it cannot be deleted.
    """
    known = {model.name: model for model in list_models()}
    if name not in known:
        own = [model.name for model in known.values() if not model.shipped]
        raise ModelError(
            f"There is no model named '{name}'.{did_you_mean(name, own)} "
            f"Models that can be removed: {', '.join(own) or 'none'}."
        )
    model = known[name]
    if model.shipped:
        raise ModelError(f"The model '{name}' came with Cellwright and stays.")
    try:
        shutil.rmtree(model.path) if model.path.is_dir() else model.path.unlink()
    except OSError as error:
        raise OutputError(f"'{model.path}' cannot be removed: {error.strerror}.") from error
    return model


def _or_remove(model: KnownModel) -> str:
    """Return what else makes room for another model of that name, if anything does."""
    return "" if model.shipped else f", or remove it with 'cellwright models remove {model.name}'"


def _alike(one: Package, other: Package) -> bool:
    """Return whether two packages hold the same, if perhaps written by different versions."""
    return one.card == other.card and one.files == other.files


def _packages(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in ZIP_SUFFIXES and path.is_file():
            found[path.stem] = path
        elif (path / CARD).is_file():
            found[path.name] = path
    return found
