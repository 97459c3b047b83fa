"""The files of a BioImage.IO package: in a zip, in a folder, or in the web."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from cellwright._errors import ModelError
from cellwright.models.archives import open_archive, read_member, refuse_large
from cellwright.models.download import download, is_url

DESCRIPTIONS = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
_YAML = (".yaml", ".yml")
_LARGEST = 1 << 30
_LARGEST_DESCRIPTION = 4 << 20


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file that a description names.

    Parameters
    ----------
    source : str
        Its path within the package, or its address.
    sha256 : str, optional
        What its content must have.
    """

    source: str
    sha256: str | None = None


class PackageFiles(Protocol):
    """Where the files of a package are."""

    @property
    def name(self) -> str:
        """What messages call the package."""

    @property
    def description(self) -> str:
        """Name of the file that describes it."""

    def read(self, source: str, largest: int) -> bytes:
        """Return the content of a file of the package, which has at most `largest` bytes."""


def open_files(location: str | Path) -> PackageFiles | None:
    """Return the files of a package, or None where there is no BioImage.IO package.

    Parameters
    ----------
    location : str or Path
        A zip, a folder, a description, or the address of a description.
    """
    if is_url(str(location)):
        return _Web(str(location))
    path = Path(location)
    if path.is_dir():
        found = [name for name in DESCRIPTIONS if (path / name).is_file()]
        return _Folder(path, found[0]) if found else None
    if path.suffix in _YAML:
        return _Folder(path.parent, path.name) if path.is_file() else None
    if not path.is_file():
        return None
    with open_archive(path, "a model") as archive:
        names = archive.namelist()
    found = [name for name in DESCRIPTIONS if name in names]
    return _Zip(path, found[0]) if found else None


def is_description(address: str) -> bool:
    """Return whether an address is that of a description rather than of a package."""
    return urlsplit(address).path.endswith(_YAML)


def description_of(files: PackageFiles) -> bytes:
    """Return the description of a package, as it is stored."""
    return files.read(files.description, _LARGEST_DESCRIPTION)


def content_of(files: PackageFiles, reference: FileReference) -> bytes:
    """Return the content of a file that the description names.

    Raises
    ------
    ModelError
        If it is missing, lies outside of the package, is too large, or has another hash.
    """
    if is_url(reference.source):
        return download(reference.source, sha256=reference.sha256).path.read_bytes()
    data = files.read(reference.source, _LARGEST)
    if reference.sha256 is not None and sha256(data).hexdigest() != reference.sha256.lower():
        raise ModelError(
            f"'{reference.source}' in '{files.name}' is damaged or was changed: its SHA-256 is not "
            "the one in the description. Get the model again."
        )
    return data


@dataclass(frozen=True, slots=True)
class _Zip:
    path: Path
    description: str

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self, source: str, largest: int) -> bytes:
        with open_archive(self.path, "a BioImage.IO package") as archive:
            # Of several members with one name, a zip reader takes the last.
            members = {member.filename: member for member in archive.infolist()}
            member = members.get(source.removeprefix("./"))
            if member is None:
                raise _missing(source, self.name)
            return read_member(archive, member, largest=largest, path=self.path)


@dataclass(frozen=True, slots=True)
class _Folder:
    folder: Path
    description: str

    @property
    def name(self) -> str:
        return str(self.folder)

    def read(self, source: str, largest: int) -> bytes:
        path = (self.folder / source).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise ModelError(
                f"The description of '{self.name}' names '{source}', which is not in the package. "
                "Do not use the package."
            )
        try:
            refuse_large(source, path.stat().st_size, largest=largest, path=self.folder)
            return path.read_bytes()
        except FileNotFoundError as error:
            raise _missing(source, self.name) from error
        except OSError as error:
            raise ModelError(f"'{path}' cannot be read: {error.strerror}.") from error


@dataclass(frozen=True, slots=True)
class _Web:
    name: str

    @property
    def description(self) -> str:
        return self.name

    def read(self, source: str, largest: int) -> bytes:
        return download(urljoin(self.name, source), largest=largest).path.read_bytes()


def _missing(source: str, package: str) -> ModelError:
    return ModelError(f"'{source}' is missing in '{package}'. Get the model again.")
