"""Boxes and points as the tables that datasets are read from: ``boxes.csv`` and ``points.csv``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cellwright.datasets.boxes import ONE_CLASS, SIDES, read_boxes
from cellwright.datasets.columns import image_key
from cellwright.datasets.points import read_points
from cellwright.studio.facts import BOX, POINT, Change, Facts
from cellwright.studio.object_classes import ObjectClasses
from cellwright.studio.project import Item
from cellwright.studio.tables import Present, csv_text

DIGITS = 2
"""Positions are kept to a hundredth of a pixel, so that tables hold exactly what the page shows."""
_Row = tuple[str, tuple[float, ...]]
"""Name of the class, and the position as the table has it."""
_Rows = dict[str, list[_Row]]


class MarkTable(ABC):
    """A table of marks; see `BoxTable` and `PointTable`.

    Parameters
    ----------
    path : Path
    classes : ObjectClasses
    """

    about: str
    columns: tuple[str, ...]

    def __init__(self, path: Path, classes: ObjectClasses) -> None:
        self.path = path
        self._classes = classes

    def changes(self, item: Item, facts: Facts) -> list[Change]:
        """Return how facts change when what the file says is true."""
        rows, _ = self._content()
        told = [
            self._value(row) for name, own in rows.items() if image_key(name) == item.name
            for row in own
        ]  # fmt: skip
        left = dict(facts[self.about])
        new = []
        for value in told:
            same = next((number for number, known in left.items() if known == value), None)
            if same is None:
                new.append(value)
            else:
                del left[same]
        first = facts.largest(self.about) + 1
        return facts.changes(self.about, dict.fromkeys(left) | dict(enumerate(new, first)))

    def text(self, item: Item, facts: Facts, present: Present) -> str:
        """Return the file with the facts of one image in place of its rows; empty for none."""
        rows, splits = self._content()
        name = next((one for one in rows if image_key(one) == item.name), item.path.name)
        own = [self._row(value) for _, value in sorted(facts[self.about].items())]
        if name in rows or own:
            rows[name] = own
        return self._text(rows, splits) if any(rows.values()) else ""

    def renamed(self, old: str, new: str | None) -> str:
        """Return the file with another name for a class, or without it."""
        rows, splits = self._content()
        for own in rows.values():
            own[:] = [(new or ONE_CLASS if name == old else name, at) for name, at in own]
        return self._text(rows, splits)

    @abstractmethod
    def _read(self) -> tuple[Mapping[str, Iterable[_Row]], Mapping[str, str]]:
        """Return what the file says about each image, and their splits."""

    @abstractmethod
    def _from_table(self, at: Sequence[float]) -> list[float]:
        """Return a position as the page has it."""

    @abstractmethod
    def _to_table(self, at: Sequence[float]) -> tuple[float, ...]:
        """Return a position as the table has it."""

    def _content(self) -> tuple[_Rows, Mapping[str, str]]:
        if not self.path.exists():
            return {}, {}
        rows, splits = self._read()
        return {name: list(own) for name, own in rows.items()}, splits

    def _value(self, row: _Row) -> dict[str, Any]:
        name, at = row
        kind = 0 if name in ("", ONE_CLASS) else self._classes.number(name)
        return {"class": kind, "at": self._from_table(at)}

    def _row(self, value: Mapping[str, Any]) -> _Row:
        name = self._classes.name(value["class"]) if value["class"] else None
        return name or ONE_CLASS, self._to_table(value["at"])

    def _text(self, rows: _Rows, splits: Mapping[str, str]) -> str:
        """Return the table; an image without marks has a row without numbers."""
        sides = max((len(at) for own in rows.values() for _, at in own), default=0)
        columns = self.columns[-sides:]
        has_splits = any(splits.values())
        lines: list[tuple[str, ...]] = []
        for name, own in rows.items():
            split = (splits.get(name, ""),) if has_splits else ()
            lines += [(name, kind, *map(_written, at), *split) for kind, at in own]
            if not own:
                lines.append((name, "", *("" for _ in columns), *split))
        return csv_text(("image", "class", *columns, *(("split",) if has_splits else ())), lines)


class BoxTable(MarkTable):
    """Boxes, in ``boxes.csv`` beside the images; see `read_boxes`."""

    about = BOX
    columns = SIDES

    def _read(self) -> tuple[Mapping[str, Iterable[_Row]], Mapping[str, str]]:
        table = read_boxes(self.path)
        rows = {
            image: [(str(n), tuple(at)) for n, at in zip(b.names, b.corners.tolist(), strict=True)]
            for image, b in table.boxes.items()
        }
        return rows, table.splits

    def _from_table(self, at: Sequence[float]) -> list[float]:
        return [round(value, DIGITS) for value in at]

    def _to_table(self, at: Sequence[float]) -> tuple[float, ...]:
        return tuple(at)


class PointTable(MarkTable):
    """Points, in ``points.csv`` beside the images; there, whole numbers are centres of pixels."""

    about = POINT
    columns = ("z", "y", "x")

    def _read(self) -> tuple[Mapping[str, Iterable[_Row]], Mapping[str, str]]:
        table = read_points(self.path)
        rows = {
            image: [
                (str(n), tuple(at)) for n, at in zip(p.names, p.positions.tolist(), strict=True)
            ]
            for image, p in table.points.items()
        }
        return rows, table.splits

    def _from_table(self, at: Sequence[float]) -> list[float]:
        *z, y, x = at
        return [*(round(value) for value in z), round(y + 0.5, DIGITS), round(x + 0.5, DIGITS)]

    def _to_table(self, at: Sequence[float]) -> tuple[float, ...]:
        *z, y, x = at
        return (*z, y - 0.5, x - 0.5)


def _written(value: float) -> str:
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")


def mark_tables(folder: Path, classes: ObjectClasses) -> tuple[MarkTable, ...]:
    """Return the tables of marks of a folder of images."""
    return BoxTable(folder / "boxes.csv", classes), PointTable(folder / "points.csv", classes)
