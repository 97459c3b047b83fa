"""Scorers of links: model packages that tracking takes in place of its own costs."""

from __future__ import annotations

from pathlib import Path

from cellwright._errors import ModelError
from cellwright.models.engines import open_engine
from cellwright.models.find import find_model
from cellwright.models.package import Package, load_package
from cellwright.tracking.learned.features import VERSION
from cellwright.tracking.learned.scorer import make_scorer
from cellwright.tracking.pair import MovieScorer

TASK = "links"
"""What the card of a scorer says that it finds."""
FEATURES = "features"
"""What its readout says: the version of the numbers that it looks at."""


def load_scorer(name_or_path: str | Path) -> tuple[MovieScorer, Package]:
    """Load a scorer, as ``cellwright train-scorer`` makes it, with the package that it is from.

    It runs on one thread of the CPU: it is small.

    Raises
    ------
    ModelError
        If there is no such model, its package is broken, or it does not score links.
    """
    package = load_package(find_model(name_or_path))
    card = package.card
    if card.task != TASK:
        raise ModelError(
            f"'{name_or_path}' is a model of {card.task}; it does not score links. Make a scorer "
            "with 'cellwright train-scorer'."
        )
    if card.readout.get(FEATURES) != VERSION:
        raise ModelError(
            f"The scorer '{name_or_path}' was made for another version of Cellwright, which "
            "looked at other numbers. Train it anew with 'cellwright train-scorer'."
        )
    network = open_engine(card.network, package.files, device="cpu", threads=1, name=card.name)
    return make_scorer(network), package
