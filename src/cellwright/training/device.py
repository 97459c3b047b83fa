"""The machine that a network is trained on."""

import importlib
import importlib.util
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from cellwright._errors import TrainingError
from cellwright._types import AnyArray
from cellwright._workers import available_cores

_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def choose_device(name: str) -> torch.device:
    """Return the device called 'cpu' or 'cuda', or with 'auto' the GPU where there is one.

    Raises
    ------
    TrainingError
        If a GPU is asked for that torch cannot use.
    """
    usable = torch.cuda.is_available()
    if name == "cuda" and not usable:
        reason = "has no CUDA support" if torch.version.cuda is None else "finds no usable GPU"
        raise TrainingError(
            f"Device 'cuda' was asked for, but torch {torch.__version__} {reason}. "
            "Install a CUDA build of torch and a driver, or choose the device 'cpu'."
        )
    return torch.device("cuda" if usable and name != "cpu" else "cpu")


def arithmetic(device: torch.device, mixed: bool) -> torch.dtype:
    """Return what forward passes compute in: bfloat16 where the machine has it, if that is wanted.

    It has the range of float32, so that losses need no scaling; weights, and what is summed over
    steps, stay in float32. Where a machine only emulates it, it is slower.
    """
    if not mixed:
        return torch.float32
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # not in torch 2.6
        able = told.get("avx512_bf16") or told.get("amx_bf16")
    return torch.bfloat16 if able else torch.float32


def place(network: nn.Module, device: torch.device) -> None:
    """Move `network` to `device`, with its channels last in memory.

    A training step of a U-Net is a quarter faster so on a CPU, and bfloat16 needs it on a GPU.
    """
    network.to(device)
    for weights in network.parameters():
        if weights.ndim in _CHANNELS_LAST:
            weights.data = weights.data.contiguous(memory_format=_CHANNELS_LAST[weights.ndim])


def to_tensors(batch: Mapping[str, AnyArray], device: torch.device) -> dict[str, torch.Tensor]:
    """Bring the arrays of a batch to `device`."""
    return {
        name: torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)
        for name, array in batch.items()
    }


def cores_left(workers: int) -> int:
    """Return how many threads torch had best use beside `workers` busy processes.

    Its threads wait for each other after every layer. One that another process keeps from its
    core delays them all: two threads on two cores then take longer than one.
    """
    return min(torch.get_num_threads(), max(1, available_cores() - workers))


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Let torch use `count` threads inside the block; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def warn_of_broken_torchvision() -> None:
    """Warn when an installed torchvision cannot be imported.

    Cellwright never uses it, but other packages that find it will fail.
    """
    if importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except Exception as error:  # whatever a binary of another build may raise
        warnings.warn(
            f"The installed torchvision does not fit torch {torch.__version__} ({error}). "
            "Cellwright does not need it, but other packages will fail on it: "
            "remove it with 'pip uninstall torchvision'.",
            stacklevel=2,
        )
