"""The model that proposes objects, and what it saw last, to be read again as knobs are turned."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from cellwright._errors import CellwrightError, ModelError, UsageError
from cellwright._types import BoolArray, LabelArray, Table
from cellwright.datasets.boxes import ONE_CLASS
from cellwright.images.image import Image
from cellwright.inference.apply import Maps
from cellwright.models.classes import ClassModel
from cellwright.models.instances import InstanceModel
from cellwright.models.load import AnyModel, load_model
from cellwright.models.model import Seen
from cellwright.models.scale import ScaleChoice
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.knobs import SMALLEST, knobs_of, settings
from cellwright.studio.levels import Levels, plane_of
from cellwright.studio.proposals import Box, Found, Proposals, Request, are_uncovered

MOST_PIXELS = 96 * 1024**2
"""The largest part that is proposed on at once, so that memory stays within bounds."""
_KEPT_BYTES = 192 * 1024**2
"""Maps up to this size are kept, those of one part at a time."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a network said of the part that was proposed on last, and for whom."""

    model: InstanceModel
    maps: Maps
    request: Request
    proposals: Proposals


class Assistant:
    """A model that works in one thread of its own, one request after the other.

    Parameters
    ----------
    model : str
        Name of a model of objects, or the path of its package. It is loaded when first used.
    """

    def __init__(self, model: str) -> None:
        self.given = self.name = self._source = model
        self._model: AnyModel | None = None
        self._kept: _Kept | None = None
        self._turned: dict[str, float] = {}
        self._worker = ThreadPoolExecutor(1, "cellwright-model")

    def use(self, model: str, name: str) -> None:
        """Work with another model once what was asked for before is done, and wait for that.

        Parameters
        ----------
        model : str
            Name, or path of a package.
        name : str
            What people call it.
        """

        def change() -> None:
            if model != self._source:
                self._source, self._model = model, None
                self._kept, self._turned = None, {}
            self.name = name

        self._worker.submit(change).result()

    def use_given(self) -> None:
        """Work again with the model that the program was given."""
        self.use(self.given, self.given)

    def load(self) -> InstanceModel:
        """Return the model.

        Raises
        ------
        ModelError, UsageError
            If there is none of that name, or it does not find objects in planes.
        """
        model = self.load_any()
        if not isinstance(model, InstanceModel):
            raise UsageError(
                f"The model '{self.name}' finds {model.card.task}; it draws no outlines. Let it "
                f"find {model.card.task}, or choose another one with --model."
            )
        return model

    def load_any(self) -> AnyModel:
        """Return the model, whether it finds outlines, boxes or points.

        Raises
        ------
        ModelError, UsageError
            If there is none of that name, or it does not find objects in planes.
        """
        if self._model is None:
            model = load_model(self._source)
            if isinstance(model, ClassModel):
                raise ModelError(f"'{self.name}' finds classes of pixels; choose one of objects.")
            if model.card.network.dimensions != 2:
                raise UsageError(
                    f"The model '{self.name}' works on volumes; the studio proposes plane by "
                    "plane. Choose a model of planes with --model."
                )
            self._model = model
        return self._model

    def detect(self, image: Image, channel: int | None) -> Table:
        """Find boxes or points on a plane, after what was asked for before.

        Returns
        -------
        Table
            As of `Detections`; without a class where the model tells none apart.
        """

        def work() -> Table:
            model = self.load_any()
            assert not isinstance(model, ClassModel)
            table = model.detect(image, channel=channel).table
            alone = tuple(model.classes) == (ONE_CLASS,)
            return {name: column for name, column in table.items() if name != "class" or not alone}

        return self._worker.submit(work).result()

    def propose(
        self, levels: Levels, labels: LabelCanvas, request: Request, proposals: Proposals
    ) -> Future[None]:
        """Start looking for objects.

        Parameters
        ----------
        levels : Levels
            The image.
        labels : LabelCanvas
            What is annotated already; such objects are not proposed.
        request : Request
        proposals : Proposals
            Takes the result.

        Raises
        ------
        UsageError
            If the part is too large.
        """
        pixels = int(np.prod([part.stop - part.start for part in request.box]))
        if pixels > MOST_PIXELS:
            raise UsageError(
                f"{pixels / 1024**2:,.0f} megapixels are too many to propose at once "
                f"({MOST_PIXELS // 1024**2} at most). Zoom in and propose on what is visible; for "
                "whole images so large there is 'cellwright segment'."
            )
        proposals.begin()
        return self._worker.submit(self._work, levels, labels, request, proposals)

    def turn(self, labels: LabelCanvas, proposals: Proposals, asked: Mapping[str, Any]) -> None:
        """Read the maps of what was proposed last in another way.

        Parameters
        ----------
        labels : LabelCanvas
            What is annotated already.
        proposals : Proposals
        asked : mapping
            Numbers of the knobs that are not where the model has them.

        Raises
        ------
        UsageError
            If something else was proposed since, or there is no such knob or number.
        """

        def work() -> None:
            kept = self._kept
            if kept is None or kept.proposals is not proposals or proposals.state != "ready":
                raise UsageError("What the model saw here is not kept any more; propose again.")
            self._turned = settings(knobs_of(kept.model.card), asked)
            self._read_again(kept, labels)

        self._worker.submit(work).result()

    def run(self, job: Callable[[InstanceModel], T]) -> T:
        """Do something with the model, after what was asked for before."""
        return self._worker.submit(lambda: job(self.load())).result()

    def close(self) -> None:
        """Let go of the thread; what it does is of no use any more."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _work(
        self, levels: Levels, labels: LabelCanvas, request: Request, proposals: Proposals
    ) -> None:
        try:
            self._kept, model = None, self.load()
            image = plane_of(levels.image, request.place)
            found = find_objects(model, image, request.box, request.channel)
            if found.maps is None:
                proposals.fill(request, found, _uncovered(found, labels, request))
            else:
                self._kept = _Kept(model, found.maps, request, proposals)
                self._read_again(self._kept, labels, None if self._turned else found)
        except CellwrightError as error:
            proposals.fail(str(error))
        except Exception:
            proposals.fail("The model failed; the terminal says more.")
            raise

    def _read_again(self, kept: _Kept, labels: LabelCanvas, found: Found | None = None) -> None:
        """Show what is found as the knobs are; `found` is what the model's own numbers find."""
        request, turned = kept.request, dict(self._turned)
        smallest = turned.pop(SMALLEST, 0)
        if found is None:
            found = _read(kept.model, kept.maps, request.box, turned)
        keep = _uncovered(found, labels, request) & (found.table["area"] >= smallest)
        kept.proposals.fill(request, found, keep, knobs_of(kept.model.card), self._turned)


def find_objects(model: InstanceModel, image: Image, box: Box, channel: int | None) -> Found:
    """Find all objects in a part of a plane, of whatever confidence.

    Intensities are normalised as for the whole plane, so that what is visible changes nothing.
    """

    def looked(seen: Seen, scale: float) -> tuple[Table, tuple[LabelArray, Maps | None]]:
        labels = np.zeros(seen.shape, np.int32)
        if math.prod(seen.shape) * scale**2 * model.bytes_of_maps > _KEPT_BYTES:
            return model.find_objects(seen, scale, labels), (labels, None)
        maps = model.find_maps(seen, scale)
        return model.read_objects(maps, labels), (labels, maps)

    part = model.seen(image, channel).part(box)
    choice = ScaleChoice(model.card, part, looked)
    scale = choice.scale(None)
    table, (labels, maps) = choice.whole(scale) or looked(part, scale)
    return Found(labels, _placed(table, box), maps)


def _read(model: InstanceModel, maps: Maps, box: Box, parameters: Mapping[str, float]) -> Found:
    """Read what `find_objects` found in another way."""
    labels = np.zeros(tuple(part.stop - part.start for part in box), np.int32)
    return Found(labels, _placed(model.read_objects(maps, labels, parameters), box), maps)


def _placed(table: Table, box: Box) -> Table:
    kept = ("label", "confidence", "area", "class")
    rows = {name: table[name] for name in kept if name in table}
    return rows | {
        "y": table["row"] + box[0].start + 0.5,
        "x": table["column"] + box[1].start + 0.5,
    }


def _uncovered(found: Found, labels: LabelCanvas, request: Request) -> BoolArray:
    """Return which objects were not annotated already."""
    existing = labels[(*request.index, *request.box)]
    return are_uncovered([(found.labels, existing)], len(found.table["label"]))
