"""What a run is asked to do, with what, and what became of each image."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellwright import __version__

if TYPE_CHECKING:
    from cellwright.models.model import Model
    from cellwright.models.package import Package

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class InputFile:
    """An input as it was when the run began: a changed one makes another run."""

    path: str
    bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> "InputFile":
        """Return the state of the file or folder at `path`.

        A folder, such as an OME-Zarr of many chunks, is as large as all that is in it and as
        recent as the newest of that. One that is not there (any more), such as the target of a
        broken link, has the size -1: the run names it when it comes to read it.
        """
        try:
            state = path.stat()
        except OSError:
            return cls(path.absolute().as_posix(), -1, 0)
        size, modified = state.st_size, state.st_mtime_ns
        if path.is_dir():
            size = 0
            for inner in _states(path):
                size += 0 if stat.S_ISDIR(inner.st_mode) else inner.st_size
                modified = max(modified, inner.st_mtime_ns)
        return cls(path.resolve().as_posix(), size, modified)


def _states(folder: Path) -> Iterator[os.stat_result]:
    """Yield the state of everything below a folder."""
    for entry in folder.rglob("*"):
        with suppress(OSError):  # removed in the meantime, or a link that leads nowhere
            yield entry.stat()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do. Two equal plans give the same result.

    Parameters
    ----------
    command : str
        The sub-command, such as ``"segment"``.
    inputs : tuple of InputFile
        Everything that is read.
    parameters : dict
        Everything that the result depends on besides the inputs and the model.
    files : tuple of str
        The files (``.zarr`` and ``.geff`` are folders) that the run may write, relative to the
        result folder.
    model : dict, optional
        Name, version and SHA-256 of the model.
    sources : dict of str to list of str, optional
        The files of each image by its name, of a run where what comes of an image depends on these
        alone: such a run may go on with more images.
    afterwards : tuple of str
        Those of the parameters that matter only once all images are done: a run that was stopped
        may go on with others.
    version : str
        The version of Cellwright.
    """

    command: str
    inputs: tuple[InputFile, ...]
    parameters: dict[str, Any]
    files: tuple[str, ...]
    model: dict[str, Any] | None = None
    sources: dict[str, list[str]] | None = None
    afterwards: tuple[str, ...] = ()
    version: str = __version__
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Return the plan as it stands in ``run.json``."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        del content["afterwards"]  # what is known of a run does not depend on it
        return content


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image.

    Parameters
    ----------
    image : str
        The name of the image in tables.
    error : str, optional
        Why it failed; None when it is done.
    objects : int
        Number of objects.
    files : tuple of str
        What was written, relative to the result folder.
    warnings : tuple of str
        What the user should know about this image.
    facts : dict
        Shape, axes, pixel size and the like, for people to read.
    seconds : dict
        Where the time went, in s.
    picture : dict
        Data URIs of the image and the outlines of its objects, for the report.
    """

    image: str
    error: str | None = None
    objects: int = 0
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    picture: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether the image was processed."""
        return self.error is None


def named(model: "Model | Package") -> dict[str, str]:
    """Return what identifies a model in a plan."""
    return {"name": model.card.name, "version": model.card.version, "sha256": model.sha256}
