"""Adding a model from a file, a folder or the web to those that have a name."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from cellwright._arguments import as_path, check_texts, given
from cellwright._errors import ModelError, UsageError
from cellwright._words import option
from cellwright.models.bioimageio_files import is_description, open_files
from cellwright.models.download import download, is_url
from cellwright.models.find import KnownModel, add_model


@dataclass(frozen=True, slots=True)
class Imported:
    """A model that was added.

    Parameters
    ----------
    model : KnownModel
    notes : tuple of str
        What the user should know about where it came from.
    """

    model: KnownModel
    notes: tuple[str, ...] = ()


def import_model(
    source: str | Path,
    *,
    sha256: str | None = None,
    name: str | None = None,
    method: str | None = None,
) -> Imported:
    """Check a model and add it to those that have a name.

    Parameters
    ----------
    source : str or Path
        A package of Cellwright or of BioImage.IO, as a zip or a folder; a description (``.yaml``)
        of the latter; or the address of any of these files.
    sha256 : str, optional
        What a file from the web must have.
    name : str, optional
        What finds the model; its own by default.
    method : str, optional
        What reads the maps of a model from elsewhere: ``"boundary"``, ``"classes"`` or
        ``"watershed"``. It follows from the package's description where that says enough.

    Returns
    -------
    Imported

    Raises
    ------
    ModelError
        If the model is broken, not what it says, not supported, or its name is taken.
    UsageError
        If an option does not fit the source, or an argument is of a wrong kind.
    """
    as_path(source, "source")  # or an address, which is a text, too
    check_texts(**given(sha256=sha256, name=name, method=method))
    if sha256 is not None and not is_url(str(source)):
        raise UsageError("A SHA-256 is for a file from the web; the source is a path.")
    notes: tuple[str, ...] = ()
    location: str | Path = source
    if is_url(str(source)):
        got = download(str(source), sha256=sha256)
        if not got.verified:
            notes = (f"Nobody said what SHA-256 to expect. That of '{source}' is {got.sha256}.",)
        if not got.fetched:
            notes += (f"It was downloaded before; to fetch it again, remove '{got.path}'.",)
        if not is_description(str(source)):
            location = got.path
    if not is_url(str(location)) and not Path(location).exists():
        raise ModelError(f"There is no model at '{location}'.")
    files = open_files(location)
    if files is None:
        if method is not None:
            raise UsageError(
                f"A model of Cellwright keeps its method; leave out {option('method')}."
            )
        return Imported(add_model(Path(location), name), notes)
    from cellwright.models.bioimageio_import import import_bioimageio

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "imported.cellwright"
        import_bioimageio(files, target, name=name, method=method)
        return Imported(add_model(target, name), notes)
