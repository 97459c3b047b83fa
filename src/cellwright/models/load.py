"""From a name or a package to a model that is ready to run."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from cellwright._arguments import check_flags, given
from cellwright._errors import ModelError
from cellwright._words import by_place
from cellwright.inference.runtime import Device
from cellwright.models.boxes import BoxModel
from cellwright.models.classes import ClassModel
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.package import Package, load_package
from cellwright.models.points import PointModel
from cellwright.models.readouts import mirrored_of
from cellwright.models.scorer import TASK as SCORER

AnyModel: TypeAlias = InstanceModel | ClassModel | BoxModel | PointModel
KINDS: dict[str, type[AnyModel]] = {
    "instances": InstanceModel,
    "classes": ClassModel,
    "boxes": BoxModel,
    "points": PointModel,
}
"""What a model is, by the task on its card."""


def load_model(
    name_or_path: str | Path,
    *,
    device: Device = "auto",
    threads: int | None = None,
    tta: bool | None = None,
) -> AnyModel:
    """Load a model by its name, or from a package.

    Parameters
    ----------
    name_or_path : str or Path
        Such as ``"nuclei"``, or the path of a package.
    device : {"auto", "cpu", "cuda"}
        Where to run it.
    threads : int, optional
        CPU threads; as many as there are physical cores when not given.
    tta : bool, optional
        Test-time augmentation: look at every image and its mirror images, and average what the
        network says; often better where it is unsure, and 4 times as slow (volumes 8 times). By
        default the model's card says which images are worth it: of `nuclei`, those on a bright
        ground, such as stained tissue.

    Returns
    -------
    InstanceModel, ClassModel, BoxModel or PointModel
        By what it was trained to find.

    Raises
    ------
    ModelError
        If there is no such model, or its package is broken.
    UsageError
        If an argument is of a wrong kind, or the maps of its method cannot be averaged over mirror
        images.
    """
    check_flags(**given(tta=tta))
    model = open_model(load_package(find_model(name_or_path)), device=device, threads=threads)
    if tta:
        mirrored_of(model.card)  # refused here, not in the middle of a run
    if tta is not None:
        model.tta = "always" if tta else "never"
    return model


def open_model(
    package: Package, *, device: Device = "auto", threads: int | None = None
) -> AnyModel:
    """Return the model in a package, ready to run.

    Raises
    ------
    ModelError
        If it finds nothing in images, its task is not known, or its network is broken.
    """
    task = package.card.task
    if task == SCORER:
        raise ModelError(
            f"'{package.source}' scores links of tracks and finds nothing in images: use it with "
            f"{by_place('cellwright track --scorer', 'cellwright.track(…, scorer=…)')}."
        )
    if task not in KINDS:
        raise ModelError(
            f"'{package.source}' is a model for '{task}', which this version of Cellwright does "
            f"not know ({', '.join(KINDS)}). Update Cellwright."
        )
    return KINDS[task](package, device=device, threads=threads)


def load_instance_model(
    name_or_path: str | Path, *, device: Device = "auto", threads: int | None = None
) -> InstanceModel:
    """Load a model that finds objects.

    Raises
    ------
    ModelError
        As `load_model`, and if the model finds something else.
    """
    model = load_model(name_or_path, device=device, threads=threads)
    if not isinstance(model, InstanceModel):
        raise ModelError(f"'{name_or_path}' is a model of {model.card.task}; it draws no objects.")
    return model
