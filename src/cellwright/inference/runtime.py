"""Running an exported network with ONNX Runtime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Protocol

from cellwright._errors import ModelError, UsageError
from cellwright._types import FloatArray
from cellwright._words import option

Device = Literal["auto", "cpu", "cuda"]
"""Where networks run; ``"auto"`` is the GPU where ONNX Runtime can use one."""


class MapNetwork(Protocol):
    """What turns pixels into maps of the same size.

    Attributes
    ----------
    stride : tuple of int
        Sizes must be multiples of this, per spatial axis ([Z,] Y, X).
    halo : tuple of int
        No output pixel depends on an input pixel farther away than this, per spatial axis, in px.
    bytes_per_pixel : int
        Memory that it takes while it runs, per pixel of the input.
    """

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that it takes while it runs, per pixel of the input."""

    @property
    def stride(self) -> tuple[int, ...]:
        """Sizes must be multiples of this, per spatial axis ([Z,] Y, X), in px."""

    @property
    def halo(self) -> tuple[int, ...]:
        """Farthest input pixel that an output pixel depends on, per spatial axis, in px."""

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return maps (N, K, [Z,] Y, X) of normalised pixels (N, C, [Z,] Y, X), both float32."""


class OnnxNetwork:
    """A network in an ONNX file.

    Parameters
    ----------
    model : Path or bytes
        The file, or its content.
    stride, halo, bytes_per_pixel
        As in `MapNetwork`.
    device : {"auto", "cpu", "cuda"}
        Where to run; ``"auto"`` takes the GPU when this installation of ONNX Runtime can use one.
    threads : int, optional
        CPU threads; as many as there are physical cores when not given.
    name : str, optional
        What messages call it; that of the file by default.

    Raises
    ------
    ModelError
        If the file is missing, broken, or not a network of one image input and one output.
    UsageError
        If a GPU is asked for and there is none.
    """

    def __init__(
        self,
        model: Path | bytes,
        *,
        stride: tuple[int, ...],
        halo: tuple[int, ...],
        bytes_per_pixel: int = 200,
        device: Device = "auto",
        threads: int | None = None,
        name: str | None = None,
    ) -> None:
        self.stride = stride
        self.halo = halo
        self.bytes_per_pixel = bytes_per_pixel
        given = "The network" if isinstance(model, bytes) else f"'{model}'"
        self._name = given if name is None else f"The network of '{name}'"
        self._session = _open(model, self._name, _providers(device), threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        axes = f"(N, C, {'Y, X' if len(stride) == 2 else 'Z, Y, X'})"
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 2 + len(stride):
            raise ModelError(
                f"{self._name} is not a network that maps one image {axes} to one set of maps. "
                "Export it again with 'cellwright models'."
            )
        self._input = inputs[0].name
        self._channels = inputs[0].shape[1]

    @property
    def provider(self) -> str:
        """What ONNX Runtime computes with, such as ``"CPUExecutionProvider"``."""
        return str(self._session.get_providers()[0])

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return the maps of normalised pixels.

        Parameters
        ----------
        pixels : ndarray, shape (N, C, [Z,] Y, X), float32
            Sizes are multiples of `stride`.

        Returns
        -------
        ndarray, shape (N, K, [Z,] Y, X), float32

        Raises
        ------
        ModelError
            If the image has another number of channels than the network, or the run fails (out
            of memory, most often).
        """
        if isinstance(self._channels, int) and pixels.shape[1] != self._channels:
            raise ModelError(
                f"The model was made for images with {self._channels} channel(s), but this one "
                f"has {pixels.shape[1]}. Choose channels with {option('channel')}."
            )
        try:
            maps: FloatArray = self._session.run(None, {self._input: pixels})[0]
        except Exception as error:  # ONNX Runtime's errors share no base class
            size = " × ".join(map(str, pixels.shape[2:]))
            raise ModelError(
                f"{self._name} failed on a tile of {size} pixels: {error}. "
                f"If memory ran out, choose a smaller tile with {option('tile')}."
            ) from error
        return maps


def _open(
    model: Path | bytes, name: str, providers: list[str], threads: int | None
) -> Any:  # an onnxruntime.InferenceSession
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _physical_cores() if threads is None else threads
    options.inter_op_num_threads = 1
    # Waiting threads would burn the time of other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Tiles come in several shapes, for each of which a memory pattern would be kept. The arena
    # stays on: without it, a third more time goes into pages that are freed and claimed again.
    options.enable_mem_pattern = False
    options.log_severity_level = 3  # errors; they are raised with a message of ours
    content = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(
            content,
            options,
            providers=providers,
            enable_fallback=len(providers) > 1,  # or it prints, and tries the only one again
        )
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise ModelError(
            f"{name} cannot be opened as an ONNX network: {error}. "
            "Download or export the model again."
        ) from error


def runs_on_gpu(device: Device) -> bool:
    """Return whether a network that is opened for `device` would run on a GPU.

    Raises
    ------
    UsageError
        If a GPU is asked for and there is none.
    """
    import onnxruntime

    installed = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not installed:
        raise UsageError(
            "The installed ONNX Runtime cannot use a GPU. Install it with 'pip install "
            f"onnxruntime-gpu' in place of onnxruntime, or choose {option(device='cpu')}."
        )
    return installed and device != "cpu"


def _providers(device: Device) -> list[str]:
    gpu = ["CUDAExecutionProvider"] if runs_on_gpu(device) else []
    return [*gpu, "CPUExecutionProvider"]


def _physical_cores() -> int:
    """Return the number of cores this process may use, or 0 to let ONNX Runtime count them.

    Two threads on one core double the CPU time of a convolution without making it faster. Only
    Linux tells which threads share a core, and that containers often allow only some.
    """
    if not hasattr(os, "sched_getaffinity"):
        return 0
    cores = set()
    for cpu in os.sched_getaffinity(0):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        cores.add(siblings.read_text() if siblings.exists() else str(cpu))
    return len(cores)
