"""How the maps of a model become objects, and what is said of each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, FloatArray, Table
from cellwright._words import option
from cellwright.inference.overlaps import Covered
from cellwright.methods.object_classes.readout import with_object_classes
from cellwright.methods.readout import MapReader, OverlapReadout, Readout
from cellwright.models.card import ModelCard
from cellwright.models.readouts import map_reader_of, object_classes_of, readout_of
from cellwright.quality.calibration import Calibration


class Reading:
    """What the card of a model of objects says about reading its maps.

    Parameters
    ----------
    card : ModelCard

    Attributes
    ----------
    classes : tuple of str
        The classes of objects that are told apart; none, most often.
    maps : int
        Number of the maps.
    """

    def __init__(self, card: ModelCard) -> None:
        self._card = card
        self._objects = readout_of(card)
        whole = map_reader_of(card)
        self._class_columns = whole.evidence_names[len(self._objects.evidence_names) :]
        self._calibration = Calibration.from_json(card.calibration) if card.calibration else None
        self.maps = len(whole.outputs)
        self.classes = object_classes_of(card)

    @property
    def tells_overlaps(self) -> bool:
        """Whether what others hide of objects is known."""
        return isinstance(self._objects, OverlapReadout)

    def reader(self, parameters: Mapping[str, float] | None = None) -> MapReader:
        """Return what reads maps, with some parameters in place of those on the card."""
        return with_object_classes(self._with(parameters), self.classes)

    def covering(self, parameters: Mapping[str, float] | None = None) -> Covered:
        """Return what takes the pixels that others hide, for a `reader` of the same parameters.

        Raises
        ------
        UsageError
            If the method knows of none.
        """
        objects = self._with(parameters)
        if not isinstance(objects, OverlapReadout):
            raise UsageError(
                f"The model '{self._card.name}' was trained by the method '{self._card.method}', "
                f"which gives each pixel to one object. Leave out {option('overlaps')}, or train a "
                "model by the method 'stars', 'masks' or 'embeddings'."
            )
        maps = len(objects.outputs)
        return Covered(lambda seen, found: objects.covered(seen[:maps], found))

    def judged(self, table: Table) -> Table:
        """Return objects with what they are, and how surely they are right."""
        confidence = self._confidence(self.evidence(table))
        return table | self._classes(table) | {"confidence": confidence}

    def evidence(self, table: Table) -> FloatArray:
        """Return what the readout saw of objects, from which confidences come; shape (N, F)."""
        columns = [table[name] for name in self._objects.evidence_names]
        return np.stack(columns, axis=1).astype(np.float32)

    def _with(self, parameters: Mapping[str, float] | None) -> Readout:
        return replace(self._objects, **parameters) if parameters else self._objects

    def _classes(self, table: Table) -> Table:
        """Return the likeliest class of every object, where classes are told apart."""
        if not self.classes:
            return {}
        probability = np.stack([table[name] for name in self._class_columns], axis=1)
        return {
            "class": np.array(self.classes, np.str_)[probability.argmax(1)],
            "class_prob": probability.max(1, initial=0.0).astype(np.float64),
        }

    def _confidence(self, evidence: FloatArray) -> AnyArray:
        if self._calibration is None:
            return np.ones(len(evidence))
        return self._calibration.confidence(evidence)
