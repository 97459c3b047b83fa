"""How long and in what way a network is trained."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from cellwright._arguments import (
    check_above_zero,
    check_flags,
    check_one_of,
    check_texts,
    check_whole_numbers,
    check_within,
    given,
)
from cellwright._errors import UsageError

LEARNING_RATES = {"muon": 1e-2, "adamw": 2e-3, "sgd": 0.1}
"""The optimisers, and how far one step goes where that is not said."""
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class FitSettings:
    """Everything about a fit that is neither network, data nor loss.

    Parameters
    ----------
    steps : int, optional
        Budget in optimiser steps.
    minutes : float, optional
        Budget in minutes of training and validation, over all resumed parts. Give this or
        `steps`, not both.
    optimiser : {'muon', 'adamw', 'sgd'}
        Muon, which learns most in few steps (see `cellwright.training.muon`), AdamW [1]_, or
        stochastic gradient descent with Nesterov momentum.
    learning_rate : float
        Highest rate: reached after the warm-up, followed by half a cosine down to 0 [2]_.
    weight_decay : float
        Acts on convolution and linear weights; not on biases and norms.
    momentum : float
        Of 'sgd'.
    warmup_steps : int
        Steps in which the rate rises from 0; never longer than a tenth of the budget.
    clip_norm : float, optional
        Longest gradient, taken over all parameters.
    ema_decay : float
        Share of the averaged weights that a step keeps; see `cellwright.training.ema`.
    validate_every : int
        Steps from one validation (and checkpoint) to the next; less where an eighth of a budget of
        time goes by before.
    patience : int, optional
        Validations without improvement after which training stops early. None: never.
    monitor : str
        The value of the validation that says which weights are best.
    higher_is_better : bool
        Whether `monitor` is to rise (accuracy) rather than to fall (loss).
    keep : {'best', 'last'}
        Which averaged weights the network holds in the end. 'last' where the monitored value does
        not tell the quality, as in self-supervised denoising.
    stage_rate : float
        The learning rate of each stage of the network over that of the next one towards the
        output: below 1, what was learned elsewhere changes the less the nearer it is to the
        pixels [3]_. See `cellwright.networks.transfer.stages`.
    frozen_stages : int
        So many stages, from the input on, do not learn at first.
    frozen_share : float
        Share of the budget for which they do not.
    seed : int
        Of everything random inside the network, such as dropout.
    device : {'auto', 'cpu', 'cuda'}
        'auto' takes the GPU where there is one.
    mixed_precision : bool
        Compute in bfloat16 on GPUs and CPUs that have it (AVX-512 BF16, AMX).
    threads : int, optional
        Threads of the CPU; None leaves torch's choice.

    References
    ----------
    .. [1] Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019.
    .. [2] Loshchilov & Hutter, "SGDR", ICLR 2017.
    .. [3] Howard & Ruder, "Universal language model fine-tuning for text classification", ACL 2018.
    """

    steps: int | None = None
    minutes: float | None = None
    optimiser: str = "muon"
    learning_rate: float = LEARNING_RATES["muon"]
    weight_decay: float = 1e-2
    momentum: float = 0.9
    warmup_steps: int = 100
    clip_norm: float | None = 1.0
    ema_decay: float = 0.999
    validate_every: int = 250
    patience: int | None = None
    monitor: str = "loss"
    higher_is_better: bool = False
    keep: str = "best"
    stage_rate: float = 1.0
    frozen_stages: int = 0
    frozen_share: float = 0.5
    seed: int = 0
    device: str = "auto"
    mixed_precision: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise UsageError("Give a training budget: either steps or minutes.")
        check_one_of(tuple(LEARNING_RATES), optimiser=self.optimiser)
        check_one_of(DEVICES, device=self.device)
        check_one_of(("best", "last"), keep=self.keep)
        check_whole_numbers(
            1, **given(steps=self.steps, patience=self.patience, threads=self.threads)
        )
        check_whole_numbers(1, validate_every=self.validate_every)
        check_whole_numbers(
            0, warmup_steps=self.warmup_steps, frozen_stages=self.frozen_stages, seed=self.seed
        )
        check_above_zero(**given(minutes=self.minutes, clip_norm=self.clip_norm))
        check_above_zero(learning_rate=self.learning_rate, stage_rate=self.stage_rate)
        check_within(0, math.inf, weight_decay=self.weight_decay)
        check_within(0, 1, stage_rate=self.stage_rate, frozen_share=self.frozen_share)
        for name in ("momentum", "ema_decay"):
            check_within(0, 1, **{name: getattr(self, name)})
            if getattr(self, name) == 1:
                raise UsageError(f"{name} must be below 1: at 1 nothing would ever change.")
        check_flags(higher_is_better=self.higher_is_better, mixed_precision=self.mixed_precision)
        check_texts(monitor=self.monitor)

    def that_matter(self) -> dict[str, Any]:
        """Return what the result depends on: a run may be resumed on another device."""
        elsewhere = ("device", "threads", "mixed_precision")
        return {name: value for name, value in asdict(self).items() if name not in elsewhere}
