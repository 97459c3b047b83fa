"""Every error that Cellwright raises on purpose.

::

    CellwrightError          what was wrong, with which file or value, and what to do
    ├── InputError           a file, folder or array that cannot be used as it is
    │   ├── FormatError      unreadable, truncated or not what its name says
    │   └── AxesError        the axes of an image are unknown, ambiguous or wrong
    ├── UsageError           options or arguments that do not fit together
    ├── DatasetError         a dataset whose layout or labels cannot be used
    ├── ModelError           a model package that is broken, foreign or of another task
    ├── TrainingError        training that cannot start or go on
    ├── TimeIsUp             what took longer than it was given
    └── OutputError          a result that cannot be written

The command line prints the message of a `CellwrightError` without a traceback;
anything else is a bug of ours and keeps its traceback.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class CellwrightError(Exception):
    """Base of all errors that carry a message for the user."""


class InputError(CellwrightError):
    """A file, folder or array that cannot be used as it is."""


class FormatError(InputError):
    """A file that is unreadable, truncated or not what its name says."""


class AxesError(InputError):
    """The axes of an image are unknown, ambiguous or do not fit its shape."""


class UsageError(CellwrightError):
    """Options or arguments that do not fit together."""


class DatasetError(CellwrightError):
    """A dataset whose layout, pairing or labels cannot be used."""


class ModelError(CellwrightError):
    """A model package that is broken, foreign or made for another task."""


class TrainingError(CellwrightError):
    """Training that cannot start or cannot go on."""


class TimeIsUp(CellwrightError):
    """What took longer than it was given."""


class OutputError(CellwrightError):
    """A result that cannot be written."""


_TRAINING_NEEDS = ("torch", "onnx", "tensorboardX")


@contextmanager
def training_extra() -> Iterator[None]:
    """Say what to install where a package is missing that only training needs."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _TRAINING_NEEDS:
            raise
        raise UsageError(
            f"Training needs the package '{error.name}': pip install 'cellwright[train]'."
        ) from error


def was_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C or a request to end is behind an error.

    Compiled code wraps them in a `SystemError`.
    """
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, KeyboardInterrupt | SystemExit):
            return True
        behind = behind.__cause__ or behind.__context__
    return False
