"""From what a readout saw of an object to the probability that the object is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations_with_replacement
from typing import Any, Self

import numpy as np

from cellwright._errors import InputError, ModelError, TrainingError
from cellwright._types import AnyArray, DoubleArray, FloatArray

EARLIER_WEIGHT = 5.0
"""Of the coefficients of an earlier model against those of the objects at hand, like `ridge`."""
_EARLIER_LEVEL = 1.0  # weight of its intercept: how often objects are right changes most
_EXTREME = 4.0  # standard deviations; what lies beyond was hardly seen and counts as this
_ROUNDING = 1e-9  # of a mean: objects differ by less in rounding alone
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic model of the probability that an object matches a true one at IoU ≥ 0.5.

    Parameters
    ----------
    names : tuple of str
        What the evidence is, in the order of its columns.
    mean, scale : tuple of float
        Of each kind of evidence in the objects that the model was fitted to. Evidence more than
        4 `scale` away from the mean counts as that far, unknown evidence (NaN) as the mean.
    coefficients : tuple of float
        One per kind of evidence; for a quadratic model, also one per product of two kinds, in the
        order (0, 0), (0, 1), … (1, 1), ….
    intercept : float
        Log-odds of average evidence.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def confidence(self, evidence: FloatArray) -> FloatArray:
        """Return the probability of every object to be right.

        Parameters
        ----------
        evidence : ndarray, shape (N, F)
            One column for each of `names`.

        Returns
        -------
        ndarray, shape (N,), float32
            In (0, 1).

        Raises
        ------
        ModelError
            If the number of columns is another.
        """
        if evidence.ndim != 2 or evidence.shape[1] != len(self.names):
            raise ModelError(
                f"The calibration needs {len(self.names)} columns of evidence "
                f"({', '.join(self.names)}), not an array of shape {evidence.shape}."
            )
        return _logistic(self._odds(evidence)).astype(np.float32)

    def weights_for(self, design: DoubleArray, evidence: AnyArray) -> DoubleArray:
        """Return the weights of another design that say of objects most nearly what this one says.

        Parameters
        ----------
        design : ndarray, shape (N, W)
        evidence : ndarray, shape (N, F)
            Of the same objects. What is far from all that this model has seen counts as in
            `confidence`: slopes beyond are not made up.

        Returns
        -------
        ndarray, shape (W,)
        """
        return np.asarray(np.linalg.lstsq(design, self._odds(evidence), rcond=None)[0], np.float64)

    def _odds(self, evidence: AnyArray) -> DoubleArray:
        terms = _terms(
            _standardised(evidence, np.array(self.mean), np.array(self.scale)),
            quadratic=len(self.coefficients) > len(self.names),
        )
        return np.asarray(terms @ np.array(self.coefficients) + self.intercept, np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return the model as plain lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return what `to_json` described.

        Raises
        ------
        ModelError
            If something is missing or of the wrong length.
        """
        try:
            model = cls(
                names=tuple(str(name) for name in content["names"]),
                mean=tuple(float(value) for value in content["mean"]),
                scale=tuple(float(value) for value in content["scale"]),
                coefficients=tuple(float(value) for value in content["coefficients"]),
                intercept=float(content["intercept"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"The model's calibration is damaged: {error!r}.") from error
        kinds = len(model.names)
        fits = len(model.coefficients) in (kinds, kinds + kinds * (kinds + 1) // 2)
        if not fits or {len(model.mean), len(model.scale)} != {kinds}:
            raise ModelError("The model's calibration is damaged: its lists differ in length.")
        if not min(model.scale, default=1) > 0:
            raise ModelError("The model's calibration is damaged: a scale is not above 0.")
        return model


def fit_calibration(
    evidence: AnyArray,
    correct: AnyArray,
    names: Sequence[str],
    *,
    ridge: float = 1.0,
    quadratic: bool = False,
    earlier: Calibration | None = None,
) -> Calibration:
    """Fit the probability that an object is right to objects of which this is known.

    Newton's method on the logistic loss. The targets are smoothed as Platt did, so that a model
    stays finite where evidence parts right from wrong perfectly.

    Parameters
    ----------
    evidence : ndarray, shape (N, F)
        Evidence about every object.
    correct : ndarray, shape (N,), bool
        Whether it matches a true object.
    names : sequence of str
        What the F columns are.
    ridge : float
        Weight of the sum of squared coefficients against the sum of losses.
    quadratic : bool
        Use products of evidence too, for curved and joint effects.
    earlier : Calibration, optional
        Of the model that this one began from. Few objects change it little
        (``benchmarks/bench_least_confidence.py``). Left aside where it is about other evidence.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If the arrays do not fit together, are empty or not finite.
    TrainingError
        If the fit does not converge.

    References
    ----------
    Platt, Probabilistic outputs for support vector machines, 1999.
    """
    values = np.asarray(evidence, np.float64)
    right = np.asarray(correct, bool)
    if values.shape != (len(right), len(names)) or not len(right):
        raise InputError(
            f"Evidence of shape {values.shape} does not fit {len(right)} objects with "
            f"{len(names)} kinds of evidence each, or there are none."
        )
    if not np.isfinite(values).all():
        raise InputError("Evidence for a calibration must be finite; leave out other objects.")
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale[scale <= _ROUNDING * np.abs(mean)] = 1  # all alike
    terms = _terms(_standardised(values, mean, scale), quadratic=quadratic)
    design = np.column_stack([np.ones(len(right)), terms])
    centre, penalty = np.zeros(design.shape[1]), np.full(design.shape[1], ridge)
    penalty[0] = 0
    if earlier and earlier.names == tuple(names):
        centre = earlier.weights_for(design, values)
        penalty[:] = EARLIER_WEIGHT
        penalty[0] = _EARLIER_LEVEL
    weights = _newton(design, _smoothed(right), penalty, centre)
    return Calibration(
        names=tuple(names),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        coefficients=tuple(weights[1:].tolist()),
        intercept=float(weights[0]),
    )


def _standardised(evidence: AnyArray, mean: DoubleArray, scale: DoubleArray) -> DoubleArray:
    distance = np.nan_to_num((evidence - mean) / scale, nan=0.0)
    return np.clip(distance, -_EXTREME, _EXTREME)


def _terms(standardised: DoubleArray, *, quadratic: bool) -> DoubleArray:
    if not quadratic:
        return standardised
    pairs = combinations_with_replacement(range(standardised.shape[1]), 2)
    products = [standardised[:, i] * standardised[:, j] for i, j in pairs]
    return np.column_stack([standardised, *products])


def _smoothed(right: AnyArray) -> DoubleArray:
    """Targets a little inside 0 and 1: the posterior mean under a uniform prior."""
    positive = np.count_nonzero(right)
    negative = len(right) - positive
    return np.where(right, (positive + 1) / (positive + 2), 1 / (negative + 2))


def _logistic(odds: DoubleArray) -> DoubleArray:
    # Beyond ±15 a float32 probability could not be told from 0 or 1.
    return 1 / (1 + np.exp(-np.clip(odds, -15, 15)))


def _newton(
    design: DoubleArray, target: DoubleArray, penalty: DoubleArray, centre: DoubleArray
) -> DoubleArray:
    """Minimise the logistic loss and the penalised squares of what weights are off `centre`."""
    weights = centre
    loss = _loss(design, target, penalty, centre, weights)
    for _ in range(_STEPS):
        probability = _logistic(design @ weights)
        gradient = design.T @ (probability - target) + penalty * (weights - centre)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design
        step = np.linalg.lstsq(curvature + np.diag(penalty), gradient, rcond=None)[0]
        length = 1.0
        while (new := _loss(design, target, penalty, centre, weights - length * step)) > loss:
            length /= 2
            if length < 1e-6:
                return weights  # no descent left but rounding
        weights = weights - length * step
        if loss - new <= 1e-10 * abs(loss):
            return weights
        loss = new
    raise TrainingError(f"The calibration did not settle in {_STEPS} steps; use a larger ridge.")


def _loss(
    design: DoubleArray,
    target: DoubleArray,
    penalty: DoubleArray,
    centre: DoubleArray,
    weights: DoubleArray,
) -> float:
    odds = design @ weights
    squares = (penalty * (weights - centre) ** 2).sum()
    return float((np.logaddexp(0, odds) - target * odds).sum() + squares / 2)
