"""How right links and divisions are, with a scorer and without."""

from __future__ import annotations

from collections.abc import Sequence

from cellwright.tracking.link import link
from cellwright.tracking.pair import MovieScorer
from cellwright.tracking.tracks import Tracks


def f1_scores(truths: Sequence[Tracks], scorer: MovieScorer | None = None) -> dict[str, float]:
    """Link the detections of tracked movies anew and return the F1 of all links and divisions.

    A division is right if mother and both daughters are. Where there is none, and none is found,
    the F1 is 1.
    """
    true_links = right_links = links = 0
    true_divisions = right_divisions = divisions = 0
    for truth in truths:
        known, found = _pairs(truth), _pairs(link(truth, scorer=scorer))
        true_links, links = true_links + len(known), links + len(found)
        right_links += len(known & found)
        families, seen = _divisions(known), _divisions(found)
        true_divisions, divisions = true_divisions + len(families), divisions + len(seen)
        right_divisions += len(families & seen)
    return {
        "links": _f1(right_links, true_links + links),
        "divisions": _f1(right_divisions, true_divisions + divisions),
    }


def _f1(right: int, both: int) -> float:
    return 2 * right / both if both else 1.0


def _pairs(tracks: Tracks) -> set[tuple[int, int]]:
    return {(source, target) for source, target in tracks.unshared().edges.tolist()}


def _divisions(links: set[tuple[int, int]]) -> set[tuple[int, ...]]:
    daughters: dict[int, list[int]] = {}
    for source, target in sorted(links):
        daughters.setdefault(source, []).append(target)
    return {(mother, *both) for mother, both in daughters.items() if len(both) > 1}
