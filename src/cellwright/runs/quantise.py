"""``cellwright models quantise``: a model in 8-bit integers, if it finds what it found before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellwright._errors import ModelError, OutputError
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.records import Example
from cellwright.models.engines import IN_INTEGERS
from cellwright.models.find import find_model, refuse_swapped
from cellwright.models.load import open_model
from cellwright.models.package import Package, load_package, save_package
from cellwright.models.quantise import Watched, in_floats, refuse_unless_quantisable, with_int8
from cellwright.runs.compare.judging import Judgement, judge
from cellwright.runs.compare.results import COLUMNS, deciding
from cellwright.runs.evaluate.run import as_scored, chosen_examples
from cellwright.runs.train.prepare import drawn

MOST_LOST = 0.005
"""Of the score; a model that loses more stays as it is."""
MOST_EXAMPLES = 100
"""Training images that ranges are told from."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A model in 8-bit integers beside what it was.

    Parameters
    ----------
    package : Package
    score : str
        What people call the score.
    before, after : float
        Mean score over the images that both were judged on.
    seconds : tuple of float
        Median wall time per megapixel before and after, on the CPU, reading included.
    images : int
        How many they were judged on.
    """

    package: Package
    score: str
    before: float
    after: float
    seconds: tuple[float, float]
    images: int


def quantise(
    model: str | Path,
    dataset: str | Path,
    out: str | Path,
    *,
    axes: str | None = None,
    threads: int | None = None,
    seed: int = 0,
) -> Quantised:
    """Write a model that runs in 8-bit integers on CPUs, and as before on GPUs.

    The ranges of its layers are told from training images, and both are judged on the validation
    images: by the mean over images of AP at IoU 0.5, of Dice, or of F1.

    Parameters
    ----------
    model : str or Path
        Name or package.
    dataset : str or Path
        Annotated images with the splits ``"train"`` and ``"val"``.
    out : str or Path
        The package to be made: a folder, or a ``.zip``.
    axes : str, optional
        Axes of the images where the files do not say.
    threads : int, optional
        CPU threads.
    seed : int
        Of the draw of training images, where there are more than `MOST_EXAMPLES`.

    Raises
    ------
    DatasetError
        If the dataset has no such images.
    ModelError
        If the model cannot be used, or would lose more than `MOST_LOST`.
    OutputError
        If there is something at `out`.
    UsageError
        If model and dataset are swapped.
    """
    out = Path(out)
    refuse_swapped(model, dataset)
    if out.exists():
        raise OutputError(f"'{out}' exists already. Choose another name.")
    package = load_package(find_model(model))
    refuse_unless_quantisable(package)
    opened = as_scored(open_dataset(Path(dataset), axes), open_model(package, device="cpu"))
    learned, judged_on = (chosen_examples(opened, split) for split in ("train", "val"))
    done = quantised_package(package, drawn(learned, MOST_EXAMPLES, seed), judged_on, threads)
    stored = save_package(out, done.package.card, done.package.files)
    return replace(done, package=stored)


def quantised_package(
    package: Package,
    learned: Sequence[Example],
    judged_on: Sequence[Example],
    threads: int | None = None,
) -> Quantised:
    """Return a model in 8-bit integers, with what that costs and saves on its card.

    Parameters
    ----------
    package : Package
    learned : sequence of Example
        Images that ranges are told from.
    judged_on : sequence of Example
        Images that were not learned.
    threads : int, optional
        CPU threads.

    Raises
    ------
    ModelError
        As `quantise`.
    """
    package = in_floats(package)  # or one in integers would be compared with itself
    smaller = with_int8(package, _seen(package, learned, threads))
    column = deciding(package.card.task)
    judged = [_judged(one, judged_on, column, threads) for one in (package, smaller)]
    before, after = (float(np.nanmean(one.scores[column])) for one in judged)
    score = COLUMNS[package.card.task][column]
    if not after >= before - MOST_LOST:
        raise ModelError(
            f"In 8-bit integers '{package.card.name}' loses more than {MOST_LOST} of its {score}: "
            f"{after:.3f} instead of {before:.3f} on {len(judged_on)} images. It stays as it is."
        )
    facts = {
        "ranges from images": len(learned),
        "judged on images": len(judged_on),
        score: {"floats": round(before, 4), "8-bit integers": round(after, 4)},
    }
    card = replace(smaller.card, training={**smaller.card.training, IN_INTEGERS: facts})
    seconds = tuple(one.seconds_per_megapixel for one in judged)
    return Quantised(
        replace(smaller, card=card), score, before, after, (seconds[0], seconds[1]), len(judged_on)
    )


def _seen(package: Package, examples: Sequence[Example], threads: int | None) -> list[np.ndarray]:
    """Return what the network sees of images."""
    model = open_model(package, device="cpu", threads=threads)
    model.network = watched = Watched(model.network)
    model.tta = "never"  # mirror images have the same ranges
    judge(model, examples, deciding(package.card.task))
    return watched.seen


def _judged(
    package: Package, examples: Sequence[Example], column: str, threads: int | None
) -> Judgement:
    return judge(open_model(package, device="cpu", threads=threads), examples, column)
