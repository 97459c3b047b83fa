"""Whether confidences mean what they say: calibration and ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray

Binning = Literal["equal_mass", "equal_width"]


@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """How often predictions of similar confidence were right, bin by bin, empty bins left out.

    Attributes
    ----------
    confidence : array of float, shape (B,)
        Mean confidence of each bin, ascending.
    accuracy : array of float, shape (B,)
        Fraction of right predictions in each bin.
    count : array of int, shape (B,)
        Predictions in each bin.
    """

    confidence: DoubleArray
    accuracy: DoubleArray
    count: IntArray

    @property
    def expected_calibration_error(self) -> float:
        """Mean over predictions of their bin's |accuracy - confidence|; NaN without any."""
        if not self.count.size:
            return float("nan")
        gap = np.abs(self.accuracy - self.confidence)
        return float(np.average(gap, weights=self.count))


def reliability_curve(
    confidence: AnyArray, correct: AnyArray, bins: int = 15, binning: Binning = "equal_mass"
) -> ReliabilityCurve:
    """Bin predictions by confidence and compare it with how often they were right.

    Parameters
    ----------
    confidence : array of float, shape (N,)
        Stated probability of being right, in [0, 1].
    correct : array of bool, shape (N,)
        Whether each prediction was right.
    bins : int
        Number of bins.
    binning : {"equal_mass", "equal_width"}
        ``"equal_mass"``: bins between quantiles, with about the same number of predictions each;
        equal confidences always share a bin, so that there may be fewer bins. ``"equal_width"``:
        intervals of the same length in [0, 1], as in [1]_.

    Returns
    -------
    ReliabilityCurve
        Mean confidence, accuracy and number of predictions in each bin that is not empty.

    Raises
    ------
    InputError
        If the arrays differ in length or a confidence is not in [0, 1].
    UsageError
        If `bins` is below 1 or `binning` is unknown.

    References
    ----------
    .. [1] C. Guo et al. (2017) On calibration of modern neural networks. ICML.
       :arxiv:`1706.04599`
    """
    confidence, correct = _checked(confidence, correct)
    if bins < 1:
        raise UsageError(f"{bins} bins were asked for; use at least one.")
    inner = np.arange(1, bins) / bins
    if binning == "equal_mass":
        edges = np.unique(np.quantile(confidence, inner)) if confidence.size else inner
    elif binning == "equal_width":
        edges = inner
    else:
        raise UsageError(f"The binning '{binning}' is neither 'equal_mass' nor 'equal_width'.")
    place = np.searchsorted(edges, confidence, side="left")
    count = np.bincount(place, minlength=len(edges) + 1)
    filled = count > 0
    return ReliabilityCurve(
        confidence=np.bincount(place, confidence, len(count))[filled] / count[filled],
        accuracy=np.bincount(place, correct, len(count))[filled] / count[filled],
        count=count[filled],
    )


def expected_calibration_error(
    confidence: AnyArray, correct: AnyArray, bins: int = 15, binning: Binning = "equal_mass"
) -> float:
    """Return the mean gap between confidence and accuracy; see `reliability_curve`.

    0 is perfect. NaN without predictions.
    """
    return reliability_curve(confidence, correct, bins, binning).expected_calibration_error


def auroc(confidence: AnyArray, correct: AnyArray) -> float:
    """Return the area under the receiver operating characteristic.

    The probability that a right prediction has a higher confidence than a wrong one, ties counted
    half: the Mann-Whitney statistic divided by the number of pairs.

    Parameters
    ----------
    confidence : array of float, shape (N,)
        Stated probability of being right, in [0, 1].
    correct : array of bool, shape (N,)
        Whether each prediction was right.

    Returns
    -------
    float
        1 is perfect, 0.5 chance; NaN unless there are both right and wrong predictions.

    Raises
    ------
    InputError
        If the arrays differ in length or a confidence is not in [0, 1].

    References
    ----------
    .. [1] J. A. Hanley, B. J. McNeil (1982) The meaning and use of the area under a receiver
       operating characteristic (ROC) curve. Radiology 143, 29-36.
       :doi:`10.1148/radiology.143.1.7063747`
    """
    from scipy.stats import rankdata

    confidence, correct = _checked(confidence, correct)
    right = np.count_nonzero(correct)
    pairs = right * (correct.size - right)
    if pairs == 0:
        return float("nan")
    rank_sum = rankdata(confidence)[correct].sum()
    return float((rank_sum - right * (right + 1) / 2) / pairs)


def brier_score(confidence: AnyArray, correct: AnyArray) -> float:
    """Return the mean squared difference between confidence and outcome; NaN without any.

    Parameters
    ----------
    confidence : array of float, shape (N,)
        Stated probability of being right, in [0, 1].
    correct : array of bool, shape (N,)
        Whether each prediction was right.

    Returns
    -------
    float
        0 is perfect, 1 is confidently wrong throughout.

    Raises
    ------
    InputError
        If the arrays differ in length or a confidence is not in [0, 1].

    References
    ----------
    .. [1] G. W. Brier (1950) Verification of forecasts expressed in terms of probability.
       Monthly Weather Review 78, 1-3.
    """
    confidence, correct = _checked(confidence, correct)
    if not confidence.size:
        return float("nan")
    return float(np.mean((confidence - correct) ** 2))


def _checked(confidence: AnyArray, correct: AnyArray) -> tuple[DoubleArray, BoolArray]:
    confidence = np.asarray(confidence, dtype=np.float64)
    correct = np.asarray(correct, dtype=bool)
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise InputError(
            f"Confidences of shape {confidence.shape} do not fit outcomes of shape "
            f"{correct.shape}; give one of each per prediction."
        )
    bad = ~((confidence >= 0) & (confidence <= 1))
    if bad.any():
        raise InputError(
            f"{np.count_nonzero(bad)} confidences are not in [0, 1], such as {confidence[bad][0]}."
        )
    return confidence, correct


def calibration_figures(confidence: AnyArray, correct: AnyArray) -> dict[str, float | None]:
    """Return whether confidences mean what they say, ready for ``metrics.json``.

    Parameters
    ----------
    confidence : array of float, shape (N,)
    correct : array of bool, shape (N,)

    Returns
    -------
    dict
        ``objects``, their number, and the expected calibration error, AUROC and Brier score; None
        where that cannot be told.
    """
    figures = {
        "expected_calibration_error": expected_calibration_error(confidence, correct),
        "auroc": auroc(confidence, correct),
        "brier_score": brier_score(confidence, correct),
    }
    known = {name: value if np.isfinite(value) else None for name, value in figures.items()}
    return {"objects": len(confidence), **known}
