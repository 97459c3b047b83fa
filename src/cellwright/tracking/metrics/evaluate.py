"""Tracks of any format against the truth."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._arguments import check_numbers, described, given
from cellwright._errors import InputError, UsageError
from cellwright._words import option
from cellwright.tracking.formats.files import is_ctc, read_tracks
from cellwright.tracking.metrics.challenge import score_folders
from cellwright.tracking.metrics.matching import MatchedTracks, match_near, match_same
from cellwright.tracking.metrics.particles import GATE, particle_scores
from cellwright.tracking.metrics.scores import track_scores
from cellwright.tracking.tracks import Tracks


def _hint() -> str:
    return (
        f"Give the radius (in px) within which positions match ({option('radius')}), such as 5 for "
        "spots."
    )


def score_tracks(
    result: Tracks | str | Path, truth: Tracks | str | Path, *, radius: float | None = None
) -> dict[str, Any]:
    """Say how right tracks are.

    Two folders of the Cell Tracking Challenge are compared by their masks, as the challenge does:
    a true object is found by the object that covers more than half of it. Other tracks are
    compared by position within `radius` or, without it, by frame and label, which is right where
    both are tracks of the same detections. An object that holds two cells counts for one of them;
    the other has a gap there.

    Parameters
    ----------
    result, truth : Tracks, str or Path
        Tracks, or where they are: a GEFF folder, a TrackMate XML, a CSV or Parquet table, or a
        folder with ``res_track.txt`` or ``TRA/man_track.txt``.
    radius : float, optional
        Greatest distance of a found position from a true one, in px.

    Returns
    -------
    dict
        ``SEG`` (of masks), ``DET``, ``TRA``, ``LNK``, ``CT``, ``TF``, ``CCA``, ``BC(i)``,
        ``BIO(i)``, ``OP_CSB``, ``OP_CTB``, ``OP_CLB(i)``, ``HOTA``, ``CHOTA``, ``IDF1``,
        ``MOTA``, where i is a tolerance of 0 to 3 frames; ``errors``: the counts behind them;
        ``divisions``: precision, recall and F1 at each tolerance; but for folders of the challenge
        ``particles``: alpha, beta, jsc, jsc_theta and rmse within the radius, or 5 px. None where
        there is nothing to score.

    Raises
    ------
    InputError
        If tracks cannot be read, one of them are of planes and the others of volumes, or, without a
        radius, they are not tracks of the same detections.
    UsageError
        If an argument is of a wrong kind.
    """
    check_numbers(**given(radius=radius))
    for name, one in (("result", result), ("truth", truth)):
        if not isinstance(one, Tracks | str | os.PathLike):
            raise UsageError(f"{name} must be Tracks or the path of some, not {described(one)}.")
    if radius is None and _is_challenge(result) and _is_challenge(truth):
        return score_folders(Path(str(result)), Path(str(truth)))
    found, true = (
        (one if isinstance(one, Tracks) else read_tracks(one)).unshared() for one in (result, truth)
    )
    if found.dimensions != true.dimensions:
        raise InputError(
            f"The tracks have {found.dimensions} dimensions, the true ones {true.dimensions}; "
            "compare the same movie."
        )
    matched = _same(true, found) if radius is None else match_near(true, found, radius)
    particles = asdict(particle_scores(true, found, radius or GATE))
    known = {name: None if math.isnan(one) else one for name, one in particles.items()}
    return {**track_scores(matched), "particles": known}


def _same(true: Tracks, found: Tracks) -> MatchedTracks:
    """Match detections by frame and label, or refuse to where those name different ones."""
    matched = match_same(true, found)
    both = np.flatnonzero(matched.found)
    if len(true) and len(found) and not len(both):
        raise InputError(f"No true detection has the frame and label of a found one. {_hint()}")
    apart = found.position[matched.partner[both]] - true.position[both]
    if len(both) and float(np.median(np.linalg.norm(apart, axis=1))) > GATE:
        raise InputError(
            f"Detections of the same frame and label lie more than {GATE:g} px apart, so these are "
            f"not tracks of the same detections. {_hint()}"
        )
    return matched


def _is_challenge(tracks: Tracks | str | Path) -> bool:
    return not isinstance(tracks, Tracks) and is_ctc(Path(tracks))
