"""Rounds of training: a folder for each, with what was ordered and what came of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cellwright._errors import InputError
from cellwright._files import write_json
from cellwright.models.package import CARD
from cellwright.studio.parts import Part
from cellwright.training.history import HISTORY

FOLDER = "rounds"
MODEL = "model"
_ORDER, _FAILURE, _VERDICT, _IN_USE = "round.json", "failure.json", "verdict.json", "in-use.json"
_FIT = "training"


@dataclass(frozen=True, slots=True)
class Order:
    """What a round of training was asked to do.

    Parameters
    ----------
    minutes : float
        Of training; choosing thresholds comes on top.
    start : int or str
        What it starts from: an earlier round, or the name of a model.
    channel : int, optional
        What is learned, where images have several channels.
    who, made : str
        Who asked, and when, in ISO 8601.
    images, objects : int
        How many are learned from, those set aside included.
    parts : tuple of Part
        What exactly.
    """

    minutes: float
    start: int | str
    channel: int | None
    who: str
    made: str
    images: int = 0
    objects: int = 0
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """How good a model is on what was set aside.

    Parameters
    ----------
    precision : float
        Average precision at IoU 0.5, mean over the parts.
    found, true : int
        Objects found, and objects there are.
    """

    precision: float
    found: int
    true: int

    @property
    def count_error(self) -> float:
        """How many too many (or, below 0, too few) are found, as a share of those there are."""
        return (self.found - self.true) / max(1, self.true)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a round.

    Parameters
    ----------
    before : Judged
        The model it started from, on what this round set aside.
    after : Judged
        The model it made.
    sentences : tuple of str
        What this means, and what to do next.
    worst : tuple of Part
        Where the model is least right, the worst first.
    """

    before: Judged
    after: Judged
    sentences: tuple[str, ...]
    worst: tuple[Part, ...] = ()

    @property
    def better(self) -> bool:
        """Whether the round is no step back."""
        return self.after.precision >= self.before.precision


@dataclass(frozen=True, slots=True)
class Round:
    """One round on the disk.

    Parameters
    ----------
    folder : Path
    """

    folder: Path

    @property
    def number(self) -> int:
        """Counts from 1."""
        return int(self.folder.name)

    @property
    def model(self) -> Path:
        """The package that it makes."""
        return self.folder / MODEL

    @property
    def order(self) -> Order:
        """What it was asked to do."""
        content = json.loads((self.folder / _ORDER).read_text(encoding="utf-8"))
        return Order(**content | {"parts": _parts(content["parts"])})

    @property
    def verdict(self) -> Verdict | None:
        """What came of it, once it is done."""
        content = _read(self.folder / _VERDICT)
        if content is None or not (self.model / CARD).exists():
            return None
        return Verdict(
            Judged(**content["before"]),
            Judged(**content["after"]),
            tuple(content["sentences"]),
            _parts(content["worst"]),
        )

    @property
    def failure(self) -> str | None:
        """Why it ended without a model."""
        content = _read(self.folder / _FAILURE)
        return None if content is None else str(content["message"])

    def history(self) -> list[dict[str, float]]:
        """Return the validations so far: step, seconds, losses and average precision."""
        try:
            with (self.model / _FIT / HISTORY).open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        except FileNotFoundError:
            return []
        return [{name: float(value) for name, value in row.items() if value} for row in rows]

    def last_validation(self) -> float:
        """Return when that was, in s since 1970; 0 where there was none."""
        try:
            return (self.model / _FIT / HISTORY).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def fail(self, message: str) -> None:
        """Note that it has failed."""
        write_json(self.folder / _FAILURE, {"message": message})

    def retry(self) -> None:
        """Forget that it failed."""
        (self.folder / _FAILURE).unlink(missing_ok=True)

    def judge(self, verdict: Verdict) -> None:
        """Note what came of it."""
        write_json(self.folder / _VERDICT, asdict(verdict))


@dataclass(frozen=True, slots=True)
class Rounds:
    """All rounds of a project.

    Parameters
    ----------
    folder : Path
    """

    folder: Path

    def all(self) -> list[Round]:
        """Return the rounds that were ordered, the first one first."""
        folders = (path.parent for path in self.folder.glob(f"*/{_ORDER}"))
        found = (Round(folder) for folder in folders if folder.name.isdecimal())
        return sorted(found, key=lambda one: one.number)

    def round(self, number: int) -> Round:
        """Return one round.

        Raises
        ------
        InputError
            If there is none of that number.
        """
        for one in self.all():
            if one.number == number:
                return one
        raise InputError(f"There is no round {number}; reload the page.")

    def next_folder(self) -> Path:
        """Return where the next round will be."""
        rounds = self.all()
        return self.folder / f"{rounds[-1].number + 1 if rounds else 1:03d}"

    def write(self, folder: Path, order: Order) -> Round:
        """Make a round; its lesson is in the folder already."""
        write_json(folder / _ORDER, asdict(order))
        return Round(folder)

    @property
    def in_use(self) -> int | None:
        """The round whose model proposes; None for the model that the program was given."""
        content = _read(self.folder / _IN_USE)
        number = content and content.get("round")
        known = [one.number for one in self.all() if one.verdict is not None]
        return number if number in known else None

    def use(self, number: int | None) -> None:
        """Choose whose model proposes."""
        write_json(self.folder / _IN_USE, {"round": number})


def start_model(one: Round) -> str:
    """Return the model that a round starts from, as a name or a path."""
    start = one.order.start
    return str(Round(one.folder.parent / f"{start:03d}").model) if isinstance(start, int) else start


def model_name(one: Round) -> str:
    """Return what the model of a round is called."""
    return f"round-{one.number}"


def _parts(content: Sequence[dict[str, Any]]) -> tuple[Part, ...]:
    return tuple(
        Part(one["image"], tuple(one["index"]), tuple(one["box"]), one["split"], one["plane"])
        for one in content
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content
