"""What a scorer learns from: candidates of tracked movies, and which of them are true."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from cellwright._types import BoolArray, DoubleArray, FloatArray, IntArray
from cellwright.tracking.frames import Movie
from cellwright.tracking.learned.features import division_features, link_features, link_odds
from cellwright.tracking.learned.scorer import Views
from cellwright.tracking.link import start_linking
from cellwright.tracking.pair import Draft, Scorer
from cellwright.tracking.tracks import Tracks

NONE = -1


@dataclass(frozen=True, slots=True)
class Lesson:
    """Candidates of E links and S divisions, with the truth about them.

    A false link (i, k) would take the place of the true ones of i and of k, and their former
    partners could take each other. `instead` says which candidates these are.

    Attributes
    ----------
    links : array of float32, shape (LINK_FEATURES, E)
    odds : array of float, shape (E,)
        Log odds of the links by the model.
    true : array of bool, shape (E,)
    instead : array of int, shape (E, 3)
        For a false one: the true link of its first detection, that of its second one, and the link
        between the two that they leave; each -1 where there is none.
    judged : array of bool, shape (E,)
        Whether a link counts: not where a mother divides, a daughter is born, or tracks merge.
    divisions : array of float32, shape (DIVISION_FEATURES, S)
    prices : array of float, shape (S,)
        Log odds against the divisions by the model.
    divides : array of bool, shape (S,)
    """

    links: FloatArray
    odds: DoubleArray
    true: BoolArray
    instead: IntArray
    judged: BoolArray
    divisions: FloatArray
    prices: DoubleArray
    divides: BoolArray


def find_lessons(truth: Tracks) -> list[Lesson]:
    """Return the candidates of each frame pair of a movie whose true links are known.

    Pairs with an empty frame have none. An object that holds two cells is one of them; what merges
    otherwise is not judged.

    Raises
    ------
    InputError
        If there are no detections at all.
    """
    found: list[Lesson] = []
    truth = truth.unshared()

    def of_movie(movie: Movie) -> Scorer:
        views, parent, merges = Views(movie), _parents(truth), truth.in_degree() > 1

        def look(draft: Draft) -> Draft:
            found.append(_lesson(views, draft, parent, merges))
            return draft

        return look

    start_linking(truth, scorer=of_movie)
    return found


def joined(lessons: list[Lesson]) -> Lesson:
    """Return several, one at least, as one."""
    counts = np.cumsum([0, *(len(one.odds) for one in lessons[:-1])])
    columns = {
        field.name: np.concatenate([getattr(one, field.name) for one in lessons], axis=-1)
        for field in fields(Lesson)
        if field.name != "instead"
    }
    instead = [
        np.where(one.instead == NONE, NONE, one.instead + first)
        for one, first in zip(lessons, counts, strict=True)
    ]
    return Lesson(**columns, instead=np.concatenate(instead))


def _parents(truth: Tracks) -> IntArray:
    """Return the detection in the frame before that each one comes from, or -1, shape (N,)."""
    source, target = truth.edges.T
    next_frame = truth.frame[target] - truth.frame[source] == 1
    parent = np.full(len(truth), NONE)
    parent[target[next_frame]] = source[next_frame]
    return parent


def _lesson(views: Views, draft: Draft, parent: IntArray, merges: BoolArray) -> Lesson:
    view = views(draft)
    edges, splits = draft.problem.edges, draft.splits
    earlier, later = draft.pair.earlier.rows, draft.pair.later.rows
    mother_of = parent[later]
    rows, columns = edges.rows, edges.columns
    true = mother_of[columns] == earlier[rows]
    children = np.bincount(mother_of[mother_of >= 0], minlength=len(parent))
    divides = children[earlier] > 1
    born = (mother_of >= 0) & (children[mother_of] > 1)
    one, other = columns[splits.edges].T
    both = (mother_of[one] == earlier[splits.mother]) & (mother_of[other] == earlier[splits.mother])
    return Lesson(
        links=link_features(view),
        odds=link_odds(draft),
        true=true,
        instead=_instead(rows, columns, true, len(earlier), len(later)),
        judged=~divides[rows] & ~(born | merges[later])[columns],
        divisions=division_features(view),
        prices=splits.price,
        divides=both,
    )


def _instead(
    rows: IntArray, columns: IntArray, true: BoolArray, row_count: int, column_count: int
) -> IntArray:
    """Return the candidates whose place each one would take; see `Lesson`."""
    numbers = np.arange(len(rows))
    of_row, of_column = np.full(row_count, NONE), np.full(column_count, NONE)
    of_row[rows[true]] = numbers[true]
    of_column[columns[true]] = numbers[true]
    first, second = of_row[rows], of_column[columns]
    both = (first != NONE) & (second != NONE) & ~true
    wanted = rows[second] * column_count + columns[first]
    known = rows * column_count + columns
    order = np.argsort(known)
    place = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(order) - 1)]
    swap = np.where(both & (known[place] == wanted), place, NONE)
    return np.stack([first, second, swap], axis=1)
