"""What people who annotated the same image say together, as the labels of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray, IntArray
from cellwright.metrics.agreement import Box, mean_outlines
from cellwright.studio.agreement import Case, Comparison, annotators, compare
from cellwright.studio.annotation import Changed
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.consensus_facts import agreed_classes, agreed_parents
from cellwright.studio.decisions import DRAW, NONE, OPEN, TAKE
from cellwright.studio.desk import Desk
from cellwright.studio.facts import CLASS, PARENT, Change, Facts
from cellwright.studio.journal import CONSENSUS, UNDO, Edit, Patch
from cellwright.studio.people_states import say
from cellwright.studio.people_work import DONE
from cellwright.studio.tools import Window, outlined

_Plane = tuple[tuple[int, ...], Comparison]


def write_consensus(desk: Desk, number: int, *, who: str) -> tuple[Changed, int]:
    """Make what people agree on, or was decided, the labels of an image.

    Objects go on through planes and frames, are of a class and come from others as they do for most
    of those who drew them. Where nothing is open, the image is done. What is drawn or decided
    meanwhile is in it, too.

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
    if len(annotators(desk, number)) < 2:
        raise UsageError("A consensus needs two people who annotated the image independently.")
    while True:
        latest = _latest(desk, number)
        changed, undecided = _write(desk, number, who)
        if _latest(desk, number) == latest:
            break
    desk.decisions.write_consensus(desk.item(number).name, *latest, who=who)
    if not undecided:
        say(desk, number, "", DONE, who=who)
    return changed, undecided


def _write(desk: Desk, number: int, who: str) -> tuple[Changed, int]:
    """Make what people agree on by now the labels of an image."""
    sheet = desk.sheet(number)
    indices = np.ndindex(*sheet.annotation.canvas.shape[:-2])
    planes = [(index, compare(desk, number, index)) for index in indices]
    kept = [[c for c in one.cases if c.decision.choice not in (OPEN, NONE)] for _, one in planes]
    objects = same_objects(kept)
    drawn = [(at, cases, of) for (at, _), cases, of in zip(planes, kept, objects, strict=True)]
    kinds = agreed_classes(desk, number, drawn)
    is_movie = sheet.annotation.place_axes.startswith("T")
    parents = agreed_parents(desk, number, drawn) if is_movie else {}
    first = 1

    def make(canvas: LabelCanvas, new: int) -> list[Window]:
        nonlocal first
        first = new if canvas.shape[:-2] else 1
        of_planes = zip(planes, kept, objects, strict=True)
        return [_window(plane, cases, first + of) for plane, cases, of in of_planes]

    def tell(facts: Facts, patches: Sequence[Patch], _: int) -> list[Change]:
        told = {CLASS: {first + n: kind for n, kind in kinds.items()}}
        told[PARENT] = {first + n: first + m if m >= 0 else 0 for n, m in parents.items()}
        return _changes(facts, patches, told)

    changed = sheet.annotation.apply(CONSENSUS, make, who=who, tell=tell)
    undecided = sum(c.decision.choice == OPEN for _, found in planes for c in found.cases)
    return changed, undecided


def consensus_state(desk: Desk, number: int) -> str:
    """Return whether the labels of an image are a consensus: ``none``, ``old`` or ``written``."""
    name = desk.item(number).name
    made_of = desk.decisions.consensus(name)
    if made_of is None:
        return "none"
    is_old = made_of != _latest(desk, number) or _is_taken_back(desk.journal.edits(name))
    return "old" if is_old else "written"


def _is_taken_back(edits: Sequence[Edit]) -> bool:
    """Whether the last edit that wrote a consensus was undone, and not done again."""
    written = next((one.id for one in reversed(edits) if one.kind == CONSENSUS), None)
    return written is not None and [e.kind for e in edits if e.target == written][-1:] == [UNDO]


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


def _changes(
    facts: Facts, patches: Sequence[Patch], told: Mapping[str, Mapping[int, int]]
) -> list[Change]:
    """Return what becomes of facts; those of objects that are others now are forgotten."""
    redrawn = {
        int(label)
        for patch in patches
        for side in (patch.before, patch.after)
        for label in np.unique(side[patch.before != patch.after])
    }
    return [
        change
        for about, values in told.items()
        for change in facts.changes(
            about, dict.fromkeys(n for n in facts[about] if values or n in redrawn) | dict(values)
        )
    ]


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


def _latest(desk: Desk, number: int) -> tuple[int, str]:
    """Return the last edit of those who annotate an image, and when something was decided last."""
    item = desk.item(number)
    own = (desk.project.own(item, person).name for person in annotators(desk, number))
    newest = max((edit.id for name in own for edit in desk.journal.edits(name)[-1:]), default=0)
    return newest, desk.decisions.latest(item.name)
