"""What a training has shown so far: a table, and a log for TensorBoard."""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from cellwright._errors import OutputError
from cellwright._files import atomic_path

CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.csv"
"""Files of a training: its state, which is there until it is done, and its validations."""

Row: TypeAlias = dict[str, float]
"""Of one validation: ``step``, ``seconds``, ``learning_rate``, ``train_…`` and ``validation_…``."""


def columns(history: Sequence[Row]) -> list[str]:
    """Return the names of all values, in the order of their first appearance."""
    return list(dict.fromkeys(name for row in history for name in row))


def write_history(path: Path, history: Sequence[Row]) -> None:
    """Write one line a validation as CSV, atomically.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, columns(history), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


class EventLog:
    """An event file that TensorBoard reads; a context manager.

    Parameters
    ----------
    folder : Path
        Where event files are put.
    step : int
        Where training goes on: what an earlier, killed part logged beyond it is hidden.

    Raises
    ------
    OutputError
        If `folder` cannot be written.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX import SummaryWriter

        try:
            self._writer = SummaryWriter(str(folder), purge_step=step + 1)
        except OSError as error:
            raise OutputError(
                f"Cannot write '{folder}': {error.strerror}. Choose another output folder."
            ) from error

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add(self, row: Row) -> None:
        """Log one row of the history; ``train_loss`` appears as ``train/loss``."""
        step = int(row["step"])
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(name.replace("_", "/", 1), value, step)
        self._writer.flush()
