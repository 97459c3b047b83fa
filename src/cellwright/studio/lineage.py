"""Tracks in a movie of labels: a track is a label in all its frames, and may have a parent.

A parent is a fact about a label (`PARENT`): the label of the track that it comes from, 0 for none.
As in the Cell Tracking Challenge, a parent ends before its daughters begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.inventory import Inventory
from cellwright.studio.tables import csv_text
from cellwright.studio.tools import Window
from cellwright.tracking.lineage import tree_rows


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of tracks.

    Parameters
    ----------
    frame : int
        From here on labels change.
    labels : mapping of int to int
        What they become.
    parents : mapping of int to int
        What the parents of tracks are then; None where the track is gone.
    """

    frame: int = 0
    labels: Mapping[int, int] = field(default_factory=dict)
    parents: Mapping[int, int | None] = field(default_factory=dict)


class Lineage:
    """The tracks of a movie as they are.

    Parameters
    ----------
    canvas : LabelCanvas
        Its labels, shape ``(T, [Z,] Y, X)``.
    inventory : Inventory
        Its objects.
    parents : mapping of int to int
        Facts about labels.
    """

    def __init__(
        self, canvas: LabelCanvas, inventory: Inventory, parents: Mapping[int, int]
    ) -> None:
        self._canvas, self._inventory = canvas, inventory
        self.frames: dict[int, list[int]] = {}
        for frame in range(canvas.shape[0]):
            for label in np.unique(
                np.concatenate([inventory.plane(place).label for place in self._places(frame)])
            ).tolist():
                self.frames.setdefault(label, []).append(frame)
        # A parent that is gone, or there still when its daughter begins, is none.
        self.parents = {
            label: mother
            for label, mother in parents.items()
            if label in self.frames
            and mother in self.frames
            and self.frames[mother][-1] < self.frames[label][0]
        }

    def link(self, label: int, other: int, frame: int, new: int) -> Plan:
        """Make `other` the same cell as `label` from a frame on; what was `label` there is `new`.

        Raises
        ------
        UsageError
            If they are the same, or `label` is not in an earlier frame.
        """
        self._check(label, other, frame)
        labels, parents = {other: label}, self._handed_over(other, label, frame)
        if self.frames[label][-1] >= frame:
            labels[label] = new
            parents |= self._handed_over(label, new, frame) | {new: 0}
        if self.frames[other][0] >= frame:
            parents[other] = None
        return Plan(frame, labels, {label: self.parents.get(label, 0)} | parents)

    def divide(self, mother: int, daughter: int, frame: int, new: int) -> Plan:
        """Make a track a daughter of `mother`, which ends; what goes on of it is a daughter, `new`.

        Raises
        ------
        UsageError
            If they are the same, or `mother` does not begin before `daughter`.
        """
        self._check(mother, daughter, frame)
        begin = self.frames[daughter][0]
        self._check(mother, daughter, begin)
        parents: dict[int, int | None] = {daughter: mother}
        if self.frames[mother][-1] < begin:
            return Plan(begin, {}, parents)
        handed = self._handed_over(mother, new, begin)
        return Plan(begin, {mother: new}, handed | parents | {new: mother})

    def cut(self, label: int, frame: int, new: int) -> Plan:
        """End a track before a frame; what follows is a track of its own.

        Raises
        ------
        UsageError
            If it does not go on from an earlier frame.
        """
        frames = self.frames.get(label, [])
        if not (frames and frames[0] < frame <= frames[-1]):
            raise UsageError(f"Object {label} does not come from an earlier frame into this one.")
        parents = {label: self.parents.get(label, 0), new: 0}
        return Plan(frame, {label: new}, parents | self._handed_over(label, new, frame))

    def orphan(self, label: int) -> Plan:
        """Take its parent away from a track."""
        return Plan(parents={label: 0} if label in self.frames else {})

    def windows(self, plan: Plan) -> list[Window]:
        """Return the new pixels of a plan."""
        old = np.array(list(plan.labels), np.int32)
        windows = []
        for frame in range(plan.frame, self._canvas.shape[0]) if len(old) else ():
            for place in self._places(frame):
                objects = self._inventory.plane(place)
                own = np.isin(objects.label, old)
                if own.any():
                    top, left = objects.box[own, :2].min(axis=0).tolist()
                    bottom, right = objects.box[own, 2:].max(axis=0).tolist()
                    values = self._canvas[(*place, slice(top, bottom), slice(left, right))].copy()
                    masks = [(values == label, to) for label, to in plan.labels.items()]
                    for mask, to in masks:
                        values[mask] = to
                    windows.append(Window(place, top, left, values))
        return windows

    def family(self, label: int) -> list[dict[str, Any]]:
        """Return the family of a track as a tree, mothers before daughters.

        Returns
        -------
        list of dict
            ``label``, ``parent`` (place in the list, -1 for the first), ``at`` (place across,
            leaves at 0, 1, 2 …) and ``frames`` of every track.
        """
        if label not in self.frames:
            return []
        root = label
        while root in self.parents:
            root = self.parents[root]
        tracks = sorted(self.frames)
        number = {one: row for row, one in enumerate(tracks)}
        children: list[list[int]] = [[] for _ in tracks]
        for child, mother in sorted(self.parents.items()):
            children[number[mother]].append(number[child])
        tree = tree_rows(number[root], children)
        order = {tracks[row]: at for at, row in enumerate(tree)}
        return [
            {
                "label": tracks[row],
                "parent": order.get(self.parents.get(tracks[row], 0), -1),
                "at": at,
                "frames": self.frames[tracks[row]],
            }
            for row, at in tree.items()
        ]

    def table(self) -> str:
        """Return all detections as a table: see `cellwright.tracking.formats.table.read_table`."""
        has_depth = len(self._canvas.shape) == 4
        rows = []
        for label, frames in sorted(self.frames.items()):
            for frame in frames:
                z, y, x = self._centre(label, frame)
                centre = [f"{one:.3f}" for one in ([z, y, x] if has_depth else [y, x])]
                rows.append([frame, label, label, self.parents.get(label, 0), *centre])
        axes = ("z", "y", "x") if has_depth else ("y", "x")
        return csv_text(("frame", "label", "track", "parent", *axes), sorted(rows))

    def _centre(self, label: int, frame: int) -> tuple[float, float, float]:
        """Return the middle of a detection in px, whole numbers being centres of pixels."""
        total, area = np.zeros(3), 0
        for z, place in enumerate(self._places(frame)):
            objects = self._inventory.plane(place)
            if (row := objects.row(label)) is not None:
                size = int(objects.area[row])
                total += size * np.array([z, *(objects.centre[row] - 0.5)])
                area += size
        z_mean, y, x = (total / area).tolist()
        return z_mean, y, x

    def _places(self, frame: int) -> list[tuple[int, ...]]:
        return [(frame, *rest) for rest in np.ndindex(*self._canvas.shape[1:-2])]

    def _handed_over(self, label: int, to: int, frame: int) -> dict[int, int | None]:
        """Return the new parent of the daughters that a track has after a frame."""
        born = (child for child, mother in self.parents.items() if mother == label)
        return {child: to for child in born if self.frames[child][0] > frame}

    def _check(self, label: int, other: int, frame: int) -> None:
        for one in (label, other):
            if one not in self.frames:
                raise UsageError(f"There is no object {one}.")
        if label == other:
            raise UsageError(f"Object {label} is this track already.")
        if self.frames[label][0] >= frame or frame not in self.frames[other]:
            raise UsageError(
                f"Object {label} is in no earlier frame: select it there, then click what it is, "
                "or becomes, in a later one."
            )
