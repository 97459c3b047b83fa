"""How a scorer learns from the candidates of tracked movies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cellwright._types import AnyArray
from cellwright.models.card import NetworkFacts
from cellwright.models.export import network_facts, network_files
from cellwright.models.package import NETWORK
from cellwright.networks.pointwise import Pointwise, PointwiseConfig
from cellwright.tracking.learned.lessons import Lesson, joined
from cellwright.tracking.learned.scorer import CHANNELS, as_pixels
from cellwright.training.fit import fit
from cellwright.training.settings import FitSettings

_PAIRS = 48  # frame pairs in a step
_SET_ASIDE = 5  # one frame pair in so many is not learned from
_EXAMPLES = 256  # candidates that a package is tested with
_DIVISION = 0.1
"""Weight of the loss of a division beside that of a link: there are fewer."""
Batch = dict[str, Tensor]


def batches(lessons: Sequence[Lesson], seed: int, first_step: int) -> Iterator[dict[str, AnyArray]]:
    """Yield random frame pairs, without end; those of a step depend on nothing but the step."""
    step = first_step
    while True:
        rng = np.random.default_rng([seed, step])
        chosen = rng.choice(len(lessons), min(_PAIRS, len(lessons)), replace=False)
        yield as_batch(joined([lessons[number] for number in chosen]))
        step += 1


def as_batch(lesson: Lesson) -> dict[str, AnyArray]:
    """Return a lesson as arrays that the network and the loss take."""
    return {
        "pixels": as_pixels(lesson.links, lesson.divisions),
        "odds": lesson.odds.astype(np.float32),
        "true": lesson.true,
        "instead": lesson.instead,
        "judged": lesson.judged,
        "prices": lesson.prices.astype(np.float32),
        "divides": lesson.divides,
    }


def losses(network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return how improbable the truth is: ``link``, ``division``, and ``loss``, their sum.

    A link is judged by the change that it makes: of a true one that it is taken away, of a false
    one that it takes the place of the true ones. Each is the choice between the truth and that
    change, so that the sums of log odds, which linking compares, are what is calibrated.
    """
    added = network(batch["pixels"])[0, 0, 0]
    count = len(batch["odds"])
    odds, true, divides = batch["odds"] + added[:count], batch["true"], batch["divides"]
    alone = torch.cat([odds, odds.new_zeros(1)])  # what is not there (-1) is the last
    first, second, swap = batch["instead"].T
    instead = alone[first] + alone[second] - odds - torch.relu(alone[swap])
    better = torch.where(true, odds, instead)[batch["judged"]]
    link = nn.functional.softplus(-better).sum() / true.sum().clamp(min=1)
    wrong = nn.functional.binary_cross_entropy_with_logits(
        added[count:] - batch["prices"], divides.float(), reduction="sum"
    )
    division = wrong / divides.sum().clamp(min=1)
    return {"loss": link + _DIVISION * division, "link": link, "division": division}


def learn(
    lessons: Sequence[Lesson], steps: int, seed: int, folder: Path
) -> tuple[NetworkFacts, dict[str, bytes]]:
    """Train a network on the candidates of frame pairs.

    Called again after an interruption, it goes on where it was.

    Parameters
    ----------
    lessons : sequence of Lesson
        One in five is not learned from: it tells which weights are best.
    steps : int
    seed : int
        The same makes the same weights.
    folder : Path
        Takes the checkpoint and the history.

    Returns
    -------
    NetworkFacts
    dict of bytes
        The files of a package.
    """
    order = np.random.default_rng([seed, 40]).permutation(len(lessons)).tolist()
    aside = max(1, len(lessons) // _SET_ASIDE)
    known = [lessons[number] for number in order[aside:]] or list(lessons)
    judge = as_batch(joined([lessons[number] for number in order[:aside]]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Pointwise(PointwiseConfig(in_channels=CHANNELS, out_channels=1))
    settings = FitSettings(
        steps=steps,
        optimiser="adamw",
        learning_rate=3e-3,
        ema_decay=0.99,
        validate_every=max(1, steps // 10),
        seed=seed,
        device="cpu",
        threads=1,
    )
    tensors = {name: torch.from_numpy(array) for name, array in judge.items()}

    def validate(trained: nn.Module) -> dict[str, float]:
        return {name: float(value) for name, value in losses(trained, tensors).items()}

    fit(network, losses, lambda first: batches(known, seed, first), validate, settings, folder)
    example = np.ascontiguousarray(judge["pixels"][..., :_EXAMPLES])
    files = network_files(network, example)
    return network_facts(network, files[NETWORK]), files
