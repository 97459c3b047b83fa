"""All scores of tracks at once, as plain numbers."""

from __future__ import annotations

import math
from typing import Any

from cellwright.tracking.metrics import association, biology
from cellwright.tracking.metrics.divisions import division_scores
from cellwright.tracking.metrics.graph import graph_errors
from cellwright.tracking.metrics.matching import MatchedTracks

TOLERANCE = 3


def track_scores(
    matched: MatchedTracks, *, seg: float | None = None, tolerance: int = TOLERANCE
) -> dict[str, Any]:
    """Return all scores of matched tracks, by the names that the challenge gives them.

    Parameters
    ----------
    matched : MatchedTracks
    seg : float, optional
        SEG of the same objects, for ``OP_CTB``.
    tolerance : int
        Greatest tolerance of ``BC(i)``, ``BIO(i)``, ``OP_CLB(i)`` and divisions, in frames.

    Returns
    -------
    dict
        ``SEG``, ``DET``, ``TRA``, ``LNK``, ``CT``, ``TF``, ``CCA``, ``BC(i)``, ``BIO(i)``,
        ``OP_CSB``, ``OP_CTB``, ``OP_CLB(i)``, ``HOTA``, ``CHOTA``, ``IDF1``, ``MOTA``;
        ``errors``: the counts behind DET, TRA and LNK; ``divisions``: one entry per tolerance.
        None where the truth has nothing to score.
    """
    errors = graph_errors(matched)
    shared = association.share_lives(matched)
    scores: dict[str, Any] = {"SEG": seg, "DET": errors.det, "TRA": errors.tra, "LNK": errors.lnk}
    scores["OP_CSB"], scores["OP_CTB"] = _mean(seg, errors.det), _mean(seg, errors.tra)
    scores |= _biological(matched, errors.lnk, tolerance)
    scores |= {
        "HOTA": association.hota(shared),
        "CHOTA": association.chota(shared),
        "IDF1": association.identities(shared).f1,
        "MOTA": association.mota(shared, matched),
    }
    known = {name: None if one is None or math.isnan(one) else one for name, one in scores.items()}
    counts = ("splits", "missed", "surplus", "wrong_links", "missed_links", "changed_links")
    return {
        **known,
        "errors": {name: getattr(errors, name) for name in (*counts, "detections", "links")},
        "divisions": _divisions(matched, tolerance),
    }


def _biological(matched: MatchedTracks, lnk: float, tolerance: int) -> dict[str, float | None]:
    pair = biology.match_tracklets(matched)
    complete, fraction = biology.complete_tracks(pair), biology.track_fraction(pair)
    cycles = biology.cell_cycle_accuracy(pair)
    scores: dict[str, float | None] = {"CT": complete, "TF": fraction, "CCA": cycles}
    for frames in range(tolerance + 1):
        branching = biology.branches(pair, frames).f1
        known = [one for one in (complete, fraction, branching, cycles) if one is not None]
        scores[f"BC({frames})"] = branching
        scores[f"BIO({frames})"] = sum(known) / len(known)
        scores[f"OP_CLB({frames})"] = (lnk + sum(known) / len(known)) / 2
    return scores


def _divisions(matched: MatchedTracks, tolerance: int) -> list[dict[str, float | int | None]]:
    rows: list[dict[str, float | int | None]] = []
    for frames, one in enumerate(division_scores(matched, tolerance)):
        ratios = {"precision": one.precision, "recall": one.recall, "f1": one.f1}
        rows.append(
            {
                "tolerance": frames,
                "right": one.right,
                "wrong_daughters": one.wrong_daughters,
                "surplus": one.surplus,
                "missed": one.missed,
                **{name: None if math.isnan(value) else value for name, value in ratios.items()},
            }
        )
    return rows


def _mean(one: float | None, other: float) -> float | None:
    return None if one is None else (one + other) / 2
