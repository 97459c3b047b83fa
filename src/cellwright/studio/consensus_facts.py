"""What people who annotated the same image say together about its objects: classes and parents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cellwright._types import IntArray
from cellwright.studio.agreement import Case, annotators
from cellwright.studio.desk import Desk
from cellwright.studio.facts import CLASS, PARENT

Drawn = Sequence[tuple[tuple[int, ...], Sequence[Case], IntArray]]
"""Of every plane its index, what is drawn on it, and which object, 0..N-1, each of that is of."""
_NONE = -1
_Members = dict[int, dict[str, int]]
"""The label of each object by person."""


def agreed_classes(desk: Desk, number: int, drawn: Drawn) -> dict[int, int]:
    """Return the class that most say each object is of, where anybody does."""
    facts = _said(desk, number, CLASS)
    said: dict[int, Counter[int]] = {}
    for _, cases, of in drawn:
        for case, one in zip(cases, of.tolist(), strict=True):
            told = (facts[p][n] for p, n in case.members.items() if n in facts[p])
            said.setdefault(one, Counter()).update(told)
    return {
        one: min(votes, key=lambda kind: (-votes[kind], kind))
        for one, votes in said.items()
        if votes
    }


def agreed_parents(desk: Desk, number: int, drawn: Drawn) -> dict[int, int]:
    """Return which object of a movie every object comes from, -1 for none.

    An object has a parent where more than half of those who drew both say so, as it goes on in the
    next frame where more than half do. Nothing is returned where nobody has said what is who.
    """
    facts = _said(desk, number, PARENT)
    if not any(facts.values()):
        return {}
    tracks: dict[tuple[str, int], int] = {}
    drawn_by: dict[int, set[str]] = {}
    parents: dict[int, int] = {}
    for members in _by_frame(drawn):
        for one in members.keys() - parents.keys():
            mother = _mother(members[one], facts, tracks, drawn_by)
            parents[one] = _NONE if mother in members else mother  # a mother ends before
        for one, own in members.items():
            drawn_by.setdefault(one, set()).update(own)
            tracks |= dict.fromkeys(own.items(), one)
    return parents


def _said(desk: Desk, number: int, about: str) -> dict[str, Mapping[int, int]]:
    return {p: desk.sheet(number, p).annotation.facts[about] for p in annotators(desk, number)}


def _by_frame(drawn: Drawn) -> list[_Members]:
    """Return what is in every frame, in order of time."""
    frames: dict[int, _Members] = {}
    for (frame, *_), cases, of in drawn:
        members = frames.setdefault(frame, {})
        for case, one in zip(cases, of.tolist(), strict=True):
            members.setdefault(one, {}).update(case.members)
    return [frames[frame] for frame in sorted(frames)]


def _mother(
    own: Mapping[str, int],
    facts: Mapping[str, Mapping[int, int]],
    tracks: Mapping[tuple[str, int], int],
    drawn_by: Mapping[int, set[str]],
) -> int:
    """Return where most of those who drew an object say that it comes from."""
    votes = Counter(
        tracks[person, facts[person][label]]
        for person, label in own.items()
        # Somebody whose track began earlier says nothing about where this object comes from.
        if (person, label) not in tracks and (person, facts[person].get(label, 0)) in tracks
    )
    for mother, count in votes.most_common(1):
        if 2 * count > len(own.keys() & drawn_by[mother]):
            return mother
    return _NONE
