"""The whole state of a training in one file that is replaced in one go.

One file, so that weights, averages, optimiser and history can never be of different steps; a
safetensors file, so that reading it runs no code.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, contiguous_format

from cellwright._errors import OutputError, TrainingError
from cellwright._files import atomic_path

Groups = dict[str, dict[str, Tensor]]
_FORMAT = "cellwright-checkpoint-1"


def save_checkpoint(
    path: Path, groups: Mapping[str, Mapping[str, Tensor]], facts: Mapping[str, Any]
) -> None:
    """Write groups of named tensors and JSON-like `facts` to `path`, atomically.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    flat = {
        f"{group}/{name}": tensor.detach().cpu().clone(memory_format=contiguous_format)
        for group, tensors in groups.items()
        for name, tensor in tensors.items()
    }
    metadata = {"format": _FORMAT, "facts": json.dumps(facts)}
    try:
        with atomic_path(path) as temporary:
            save_file(flat, temporary, metadata=metadata)
    except SafetensorError as error:
        raise OutputError(f"Cannot write '{path}': {error}. Free space and resume.") from error


def load_checkpoint(path: Path) -> tuple[Groups, dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    TrainingError
        If the file is damaged or not a checkpoint.
    """
    groups: Groups = {}
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            for key in file.keys():  # noqa: SIM118 (not a dictionary)
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = file.get_tensor(key)
        if metadata.get("format") != _FORMAT:
            raise ValueError("it is no training checkpoint of this version")
        return groups, json.loads(metadata["facts"])
    except (SafetensorError, OSError, ValueError) as error:
        raise TrainingError(
            f"Cannot resume from '{path}': {error}. Start over, or choose another folder."
        ) from error
