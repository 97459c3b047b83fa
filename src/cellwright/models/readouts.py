"""What turns the maps of a model into a result, as its card says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from cellwright._errors import ModelError, UsageError
from cellwright._words import option
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.methods.classes.readout import ClassesReadout
from cellwright.methods.mirrors import AXES, Mirrored, MirrorReadout
from cellwright.methods.object_classes.readout import CLASSES, with_object_classes
from cellwright.methods.points.readout import PointsReadout
from cellwright.methods.readout import MapReader, Readout
from cellwright.methods.registry import LEARNERS, METHODS
from cellwright.models.card import ModelCard

_Kind = TypeVar("_Kind")


def readout_of(card: ModelCard) -> Readout:
    """Return the readout of a model of objects with its parameters.

    What it does not read are the classes of objects; see `map_reader_of`.

    Raises
    ------
    ModelError
        If the method is unknown to this version, or has no such parameter.
    """
    known = METHODS | LEARNERS
    if card.method not in known:
        raise ModelError(
            f"The model '{card.name}' uses the method '{card.method}', which this version of "
            f"Cellwright does not have ({', '.join(known)}). Update Cellwright."
        )
    readout: Readout = _made(known[card.method].readout_class(), card, without=(CLASSES,))
    return readout


def object_classes_of(card: ModelCard) -> tuple[str, ...]:
    """Return the classes of objects that a model of objects tells apart; none, most often."""
    return tuple(card.readout.get(CLASSES, ()))


def map_reader_of(card: ModelCard) -> MapReader:
    """Return what reads the maps of a model of objects: objects, and their classes if told apart.

    Raises
    ------
    ModelError
        As `readout_of`, and if the classes cannot be.
    """
    try:
        return with_object_classes(readout_of(card), object_classes_of(card))
    except UsageError as error:
        raise ModelError(f"The readout of the model '{card.name}' is broken: {error}") from error


def classes_of(card: ModelCard) -> ClassesReadout:
    """Return the readout of a model of pixel classes.

    Raises
    ------
    ModelError
        If it has no such parameter.
    """
    return _made(ClassesReadout, card)


def boxes_of(card: ModelCard) -> BoxesReadout:
    """Return the readout of a model of boxes.

    Raises
    ------
    ModelError
        If it has no such parameter.
    """
    return _made(BoxesReadout, card)


def mirrored_of(card: ModelCard) -> tuple[Mirrored, ...]:
    """Return how the maps of a model are put right that were found in mirror images, per axis.

    Raises
    ------
    ModelError
        As `readout_of`.
    UsageError
        If that is not known of its method.
    """
    kinds = {"classes": classes_of, "boxes": boxes_of, "points": points_of}
    readout = kinds.get(card.task, readout_of)(card)
    refusal = (
        f"The model '{card.name}' was trained by the method '{card.method}', whose maps "
        f"{'of volumes ' if card.network.dimensions == 3 else ''}cannot be averaged over mirror "
        f"images. Leave out {option('tta')}."
    )
    if not isinstance(readout, MirrorReadout):
        raise UsageError(refusal)
    try:
        return tuple(map(readout.mirrored, AXES[3 - card.network.dimensions :]))
    except UsageError as error:
        raise UsageError(refusal) from error


def points_of(card: ModelCard) -> PointsReadout:
    """Return the readout of a model of points.

    Raises
    ------
    ModelError
        If it has no such parameter.
    """
    return _made(PointsReadout, card)


def _made(kind: type[_Kind], card: ModelCard, without: Collection[str] = ()) -> _Kind:
    parameters: Mapping[str, Any] = {
        name: value for name, value in card.readout.items() if name not in without
    }
    try:
        return kind(**parameters)
    except TypeError as error:
        raise ModelError(f"The readout of the model '{card.name}' is broken: {error}.") from error
