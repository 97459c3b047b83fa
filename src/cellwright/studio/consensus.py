"""What people who annotated the same image say together, as the labels of the image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray, IntArray
from cellwright.metrics.agreement import Box, mean_outlines
from cellwright.studio.agreement import Case, Comparison, annotators, compare
from cellwright.studio.annotation import Changed
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.decisions import DRAW, NONE, OPEN, TAKE
from cellwright.studio.desk import Desk
from cellwright.studio.facts import CLASS, Change, Facts
from cellwright.studio.journal import CONSENSUS
from cellwright.studio.people_states import say
from cellwright.studio.people_work import DONE
from cellwright.studio.tools import Window, outlined

_Plane = tuple[tuple[int, ...], Comparison]


def write_consensus(desk: Desk, number: int, *, who: str) -> tuple[Changed, int]:
    """Make what people agree on, or was decided, the labels of an image.

    Objects go on through planes and frames as they do for most of those who drew them. Where
    nothing is open, the image is done.

    Returns
    -------
    changed : Changed
    open : int
        How many objects are still undecided, and left out.

    Raises
    ------
    UsageError
        If fewer than two people have annotated it.
    """
    sheet = desk.sheet(number)
    if len(annotators(desk, number)) < 2:
        raise UsageError("A consensus needs two people who annotated the image independently.")
    indices = np.ndindex(*sheet.annotation.canvas.shape[:-2])
    planes = [(index, compare(desk, number, index)) for index in indices]
    kept = [[c for c in one.cases if c.decision.choice not in (OPEN, NONE)] for _, one in planes]
    objects = same_objects(kept)
    kinds = _classes(desk, number, kept, objects)
    first = 1

    def make(canvas: LabelCanvas, new: int) -> list[Window]:
        nonlocal first
        first = new if canvas.shape[:-2] else 1
        drawn = zip(planes, kept, objects, strict=True)
        return [_window(plane, cases, first + of) for plane, cases, of in drawn]

    def tell(facts: Facts, *_: Any) -> list[Change]:
        gone = dict.fromkeys(facts[CLASS]) if kinds else {}
        return facts.changes(CLASS, gone | {first + n: kind for n, kind in kinds.items()})

    changed = sheet.annotation.apply(CONSENSUS, make, who=who, tell=tell)
    undecided = sum(c.decision.choice == OPEN for _, found in planes for c in found.cases)
    if not undecided:
        say(desk, number, "", DONE, who=who)
    return changed, undecided


def consensus_state(desk: Desk, number: int) -> str:
    """Return whether the labels of an image are a consensus: ``none``, ``old`` or ``written``."""
    item = desk.item(number)
    written = [one for one in desk.journal.edits(item.name) if one.kind == CONSENSUS]
    if not written:
        return "none"
    newest = max(
        (e.id for p in annotators(desk, number) for e in _edits(desk, number, p)[-1:]), default=0
    )
    is_old = newest > written[-1].id or desk.decisions.latest(item.name) > written[-1].made
    return "old" if is_old else "written"


def same_objects(planes: Sequence[Sequence[Case]]) -> list[IntArray]:
    """Return which object every case of every plane is of, 0..N-1 in the order of the planes.

    Somebody's object says that a case goes on in the next plane that it is on; it does where more
    than half of those who drew both say so.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    cases = [case for plane in planes for case in plane]
    latest: dict[tuple[str, int], int] = {}
    joined = []
    for number, case in enumerate(cases):
        befores = {latest[member] for member in case.members.items() if member in latest}
        joined += [(before, number) for before in befores if _is_same(cases[before], case)]
        latest |= dict.fromkeys(case.members.items(), number)
    one, other = np.array(joined, np.int64).reshape(-1, 2).T
    links = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(cases), len(cases)))
    of = connected_components(links, directed=False)[1].astype(np.int64)
    return np.split(of, np.cumsum([len(plane) for plane in planes])[:-1])


def _is_same(one: Case, other: Case) -> bool:
    both = one.members.keys() & other.members.keys()
    return 2 * sum(one.members[who] == other.members[who] for who in both) > len(both)


def _window(plane: _Plane, cases: Sequence[Case], numbers: IntArray) -> Window:
    """Return the labels of a plane that people agree on."""
    index, found = plane
    labels = mean_outlines([_masks(case, found) for case in cases], found.size)
    return Window(index, 0, 0, np.concatenate([[0], numbers]).astype(np.int32)[labels])


def _masks(case: Case, found: Comparison) -> list[tuple[Box, BoolArray]]:
    """Return the masks that make an object, in px of the whole plane."""
    decision = case.decision
    if decision.choice == DRAW:
        return [outlined(decision.outline, found.size)]
    people = [decision.person] if decision.choice == TAKE else list(case.members)
    return [found.mask(person, case.members[person]) for person in people]


def _classes(
    desk: Desk, number: int, planes: Sequence[Sequence[Case]], objects: Sequence[IntArray]
) -> dict[int, int]:
    """Return the class that most say each object is of, where anybody does."""
    facts = {p: desk.sheet(number, p).annotation.facts[CLASS] for p in annotators(desk, number)}
    said: dict[int, Counter[int]] = {}
    for cases, of in zip(planes, objects, strict=True):
        for case, one in zip(cases, of.tolist(), strict=True):
            told = (facts[p][n] for p, n in case.members.items() if n in facts[p])
            said.setdefault(one, Counter()).update(told)
    return {
        one: min(votes, key=lambda kind: (-votes[kind], kind))
        for one, votes in said.items()
        if votes
    }


def _edits(desk: Desk, number: int, person: str) -> list[Any]:
    return desk.journal.edits(desk.project.own(desk.item(number), person).name)
