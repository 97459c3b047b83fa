"""How far annotators of the same image agree, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray, LabelArray
from cellwright.metrics.matching import match
from cellwright.metrics.semantic import confusion_matrix

MATCH_IOU = 0.5
Box = tuple[slice, ...]


def cohen_kappa(confusion: AnyArray) -> float:
    """Return Cohen's κ: how much more two annotators agree than by chance.

    κ = (p_o - p_e) / (1 - p_e), where p_o is the share of cases on which they agree, and p_e the
    share on which they would, if each kept to the frequencies of their categories but drew them
    blindly. It is 1 for full agreement, 0 for that of chance, and below 0 for less.

    Parameters
    ----------
    confusion : array of int, shape (K, K)
        How many cases the first annotator put into the category of the row and the second into
        that of the column.

    Returns
    -------
    float
        NaN where there is no case, or both know only one and the same category: then there is
        nothing on which they could have differed.

    Raises
    ------
    InputError
        If the matrix is not square, or holds something below 0.

    References
    ----------
    .. [1] J. Cohen (1960) A coefficient of agreement for nominal scales. Educational and
       Psychological Measurement 20, 37-46. :doi:`10.1177/001316446002000104`

    Examples
    --------
    >>> round(cohen_kappa([[20, 5], [10, 15]]), 3)
    0.4
    """
    counts = np.asarray(confusion, float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
        raise InputError("κ needs a square matrix of counts, one row and column per category.")
    total = counts.sum()
    if not total:
        return float("nan")
    by_chance = float(counts.sum(0) @ counts.sum(1)) / total**2
    if by_chance == 1:
        return float("nan")
    return float((np.trace(counts) / total - by_chance) / (1 - by_chance))


def foreground_confusion(first: AnyArray, second: AnyArray) -> IntArray:
    """Count on which pixels two annotators see an object.

    Parameters
    ----------
    first, second : array of int, shape ([Z,] Y, X)
        Objects of each; 0 is background, pixels below 0 in either are left out.

    Returns
    -------
    array of int, shape (2, 2)
        Background and foreground of the first (rows) and the second (columns), for `cohen_kappa`.
    """
    first, second = both_known(first, second)
    return confusion_matrix(np.sign(first), np.sign(second), 2)


def both_known(first: AnyArray, second: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return labels with -1 in the first, and 0 in the second, wherever one of both is not sure."""
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise InputError(f"Labels of shapes {first.shape} and {second.shape} are not of one image.")
    unsure = (first < 0) | (second < 0)
    return np.where(unsure, -1, first), np.where(unsure, 0, second)


@dataclass(frozen=True, slots=True)
class Group:
    """What several annotators took for one object.

    Parameters
    ----------
    members : tuple of (annotator, label)
        At most one object of each annotator, in the order of the annotators.
    iou : float
        Mean intersection over union of its pairs that match; 1 for a single object.
    """

    members: tuple[tuple[int, int], ...]
    iou: float


def group_objects(labels: Sequence[AnyArray], threshold: float = MATCH_IOU) -> list[Group]:
    """Bring together what several annotators took for the same objects.

    The objects of every two annotators are matched one to one; then the pairs are taken, the most
    alike first, and their groups joined as long as no annotator would be in one twice.

    Parameters
    ----------
    labels : sequence of array of int, shape ([Z,] Y, X)
        The objects of each annotator; 0 is background, pixels below 0 are unknown.
    threshold : float
        Least intersection over union of a pair, in (0, 1].

    Returns
    -------
    list of Group
        Every object of every annotator is in one of them.
    """
    pairs = []
    for a, b in combinations(range(len(labels)), 2):
        found = match(*both_known(labels[a], labels[b]), threshold)
        pairs += [
            (-float(iou), (a, int(one)), (b, int(other)))
            for one, other, iou in zip(found.truth, found.prediction, found.iou, strict=True)
        ]
    own: dict[tuple[int, int], dict[int, int]] = {
        (who, int(label)): {who: int(label)}
        for who, of in enumerate(labels)
        for label in np.unique(np.asarray(of)[np.asarray(of) > 0])
    }
    alike: dict[tuple[tuple[int, int], tuple[int, int]], float] = {}
    for negative, one, other in sorted(pairs):
        alike[one, other] = -negative
        first, second = own[one], own[other]
        if first is not second and not first.keys() & second.keys():
            first |= second
            own.update(dict.fromkeys(second.items(), first))
    groups = {id(members): tuple(sorted(members.items())) for members in own.values()}
    return [Group(m, _mean_iou(m, alike)) for m in sorted(groups.values())]


def _mean_iou(
    members: tuple[tuple[int, int], ...],
    alike: dict[tuple[tuple[int, int], tuple[int, int]], float],
) -> float:
    found = [alike[pair] for pair in combinations(members, 2) if pair in alike]
    return float(np.mean(found)) if found else 1.0


def mean_outlines(
    masks: Sequence[Sequence[tuple[Box, BoolArray]]], shape: tuple[int, ...]
) -> LabelArray:
    """Return objects whose outlines lie in the middle between those of several annotators.

    The mean of the signed distances to the outlines of the annotators is above 0 inside of the
    object [1]_: one mask stays as it is, and an outline that most agree on is moved by the others
    only a little. A pixel that is inside of several objects goes to the one it lies deepest in.

    Parameters
    ----------
    masks : sequence of sequence of (box, mask)
        For each object, its masks by one or several annotators and where they are.
    shape : tuple of int
        Of the image.

    Returns
    -------
    array of int32, shape ([Z,] Y, X)
        The objects, 1..N in the given order.

    References
    ----------
    .. [1] T. Rohlfing, C. R. Maurer (2007) Shape-based averaging. IEEE Transactions on Image
       Processing 16, 153-161. :doi:`10.1109/TIP.2006.884936`
    """
    labels = np.zeros(shape, np.int32)
    deepest = np.zeros(shape, np.float32)
    for number, drawn in enumerate(masks, start=1):
        box, exact = _mean_depth(drawn)
        depth = exact.astype(np.float32)  # as it is kept: what is as deep stays with the first
        better = depth > deepest[box]
        labels[box][better] = number
        deepest[box][better] = depth[better]
    return labels


def mean_outline(drawn: Sequence[tuple[Box, BoolArray]]) -> tuple[Box, BoolArray]:
    """Return where the object in the middle between several masks is; see `mean_outlines`."""
    box, depth = _mean_depth(drawn)
    return box, depth > 0


def _mean_depth(drawn: Sequence[tuple[Box, BoolArray]]) -> tuple[Box, DoubleArray]:
    box = tuple(
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*(own for own, _ in drawn), strict=True)
    )
    return box, np.mean([_depth(own, mask, box) for own, mask in drawn], axis=0)


def _depth(own: Box, mask: BoolArray, box: Box) -> DoubleArray:
    """Return how deep in a mask the pixels of a box lie, in px; below 0 outside of it."""
    from scipy.ndimage import distance_transform_edt

    whole = np.zeros([part.stop - part.start + 2 for part in box], bool)
    within = tuple(
        slice(o.start - b.start + 1, o.stop - b.start + 1) for o, b in zip(own, box, strict=True)
    )
    whole[within] = mask
    inner = (slice(1, -1),) * len(box)
    depth = distance_transform_edt(whole) - distance_transform_edt(~whole)
    return np.asarray(depth[inner])
