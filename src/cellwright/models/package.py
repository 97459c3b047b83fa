"""Model packages: a folder or a zip of a few files, checked before anything is used.

``model.json`` (the card and the SHA-256 of the other files), what the engine of the model needs
(``network.onnx`` and ``weights.safetensors`` for a network, and ``network-int8.onnx`` where it
computes in integers on CPUs; see `cellwright.models.engines`), ``test_input.npy`` and
``test_output.npy``. The network runs from its ONNX alone; the weights, whose
kernels may be float16 or float32, are what further training starts from. Nothing in a package can
run code: there are no pickles, and weights are read as plain arrays.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import ModelError, OutputError
from cellwright._files import atomic_path
from cellwright._types import FloatArray
from cellwright._words import percent
from cellwright.models.archives import open_archive, read_member, refuse_large
from cellwright.models.card import ModelCard, NetworkFacts, card_from_json
from cellwright.models.engines import ENGINES, find_engine, open_engine
from cellwright.models.engines import NETWORK as NETWORK
from cellwright.models.engines import WEIGHTS as WEIGHTS

CARD = "model.json"
TEST_INPUT = "test_input.npy"
TEST_OUTPUT = "test_output.npy"
ZIP_SUFFIXES = (".zip", ".cellwright")
_ENGINE_FILES = dict.fromkeys(name for engine in ENGINES.values() for name in engine.files)
FILES = (*_ENGINE_FILES, TEST_INPUT, TEST_OUTPUT)
"""What packages may hold besides the card; which of them one does is up to its engine."""
TEST_TOLERANCE = 1e-3
"""Greatest difference between computed and stored test maps, in logits or network units."""
TEST_ERROR = 0.1
"""Greatest root-mean-square error of maps computed in integers, over the maps' deviation."""

_LARGEST_FILE = 1 << 30
_LARGEST_CARD = 16 << 20
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same content makes the same bytes


@dataclass(frozen=True, slots=True)
class Package:
    """A model as it is stored, with its files checked against their hashes.

    Parameters
    ----------
    card : ModelCard
    files : mapping
        Content of every file but the card, by name.
    sha256 : str
        Of the card as stored, which holds the hashes of the other files: it identifies the model.
    source : str
        Where it was loaded from.
    """

    card: ModelCard
    files: Mapping[str, bytes]
    sha256: str
    source: str

    @property
    def test_input(self) -> FloatArray:
        """Normalised pixels (1, C, Y, X), float32."""
        return _array(self.files[TEST_INPUT], TEST_INPUT, self.source)

    @property
    def test_output(self) -> FloatArray:
        """The maps (1, K, Y, X) that the network makes of `test_input`, float32."""
        return _array(self.files[TEST_OUTPUT], TEST_OUTPUT, self.source)


def file_names(facts: NetworkFacts, source: str) -> tuple[str, ...]:
    """Return the names of the files of a package besides the card.

    Raises
    ------
    ModelError
        If this version does not have the engine; `source` is what the message calls the model.
    """
    return (*find_engine(facts.engine, source).files, TEST_INPUT, TEST_OUTPUT)


def make_files(
    engine_files: Mapping[str, bytes], test_input: FloatArray, test_output: FloatArray
) -> dict[str, bytes]:
    """Return the files of a package by name, arrays in NumPy's own format."""
    return {
        **engine_files,
        TEST_INPUT: array_bytes(test_input),
        TEST_OUTPUT: array_bytes(test_output),
    }


def array_bytes(array: FloatArray) -> bytes:
    """Return an array in NumPy's own format, as float32."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array, np.float32), allow_pickle=False)
    return stream.getvalue()


def save_package(target: Path, card: ModelCard, files: Mapping[str, bytes]) -> Package:
    """Write a package, such that a reader never takes half of one for a whole.

    Parameters
    ----------
    target : Path
        A name that ends in ``.zip`` or ``.cellwright`` makes one file; any other a folder, in
        which the files of an earlier package are replaced and others are left alone.
    card : ModelCard
    files : mapping
        What `make_files` returned.

    Returns
    -------
    Package
        As `load_package` would return it.

    Raises
    ------
    OutputError
        If the target cannot be written.
    """
    names = file_names(card.network, card.name)
    if set(files) != set(names):
        raise ModelError(f"A package holds the files {', '.join(names)}, not {sorted(files)}.")
    hashes = {name: sha256(files[name]).hexdigest() for name in names}
    content = json.dumps(card.to_json() | {"files": hashes}, indent=2, ensure_ascii=False)
    described = (content + "\n").encode()
    # The card comes last: without it, or with other hashes in it, nobody reads the rest.
    everything = {**files, CARD: described}
    if target.suffix in ZIP_SUFFIXES:
        _write_zip(target, everything)
    else:
        _write_folder(target, everything)
    stored = card_from_json(json.loads(content), str(target))
    return Package(stored, dict(files), sha256(described).hexdigest(), str(target))


def load_package(path: Path) -> Package:
    """Read and check a package.

    Parameters
    ----------
    path : Path
        A folder, or a zip.

    Raises
    ------
    ModelError
        If it is no package, a file is missing, unexpected, too large or damaged, or its format is
        newer than this version of Cellwright.
    """
    if not path.exists():
        raise ModelError(f"There is no model at '{path}'.")
    content = _read_folder(path) if path.is_dir() else _read_zip(path)
    described = _held(content, CARD, path)
    card_content = _parsed(described, path)
    card = card_from_json(card_content, str(path))
    names = file_names(card.network, str(path))
    hashes = card_content.get("files")
    if not isinstance(hashes, dict) or set(hashes) != set(names):
        raise ModelError(f"The model.json of '{path}' does not list its files. Get it again.")
    files = {name: _held(content, name, path) for name in names}
    for name, data in files.items():
        if sha256(data).hexdigest() != hashes[name]:
            raise ModelError(
                f"'{name}' in '{path}' is damaged or was changed: its SHA-256 is not the one in "
                "model.json. Get the model again."
            )
    return Package(card, files, sha256(described).hexdigest(), str(path))


def verify_package(package: Package) -> float:
    """Run the engine on the test input and compare with the stored output.

    Returns
    -------
    float
        The greatest absolute difference, of the share of the output that every computer gets
        right: all of it for a network.

    Raises
    ------
    ModelError
        If it exceeds `TEST_TOLERANCE`, or the network does not run; of a network in integers, also
        if its maps are not nearly the same.
    """
    facts = package.card.network
    engine = find_engine(facts.engine, package.source)
    expected = package.test_output
    if engine.exact:
        error = np.sqrt(np.mean((_test_maps(package, facts) - expected) ** 2)) / np.std(expected)
        if not error <= TEST_ERROR:
            raise _other_maps(package, f"{percent(error)} of their variation", percent(TEST_ERROR))
    exact = replace(facts, engine=engine.exact or facts.engine)
    difference = np.abs(_test_maps(package, exact) - expected)
    worst = float(np.quantile(difference, engine.agreement, method="lower"))
    if not worst <= TEST_TOLERANCE:
        raise _other_maps(package, f"{worst:.2g}", f"{TEST_TOLERANCE:g}")
    return worst


def _test_maps(package: Package, facts: NetworkFacts) -> FloatArray:
    """Return what an engine makes of the test input.

    Raises
    ------
    ModelError
        If it has not the shape of the stored output.
    """
    engine = open_engine(facts, package.files, device="cpu", name=package.source)
    expected, maps = package.test_output, engine(package.test_input)
    if maps.shape != expected.shape:
        raise ModelError(
            f"The network of '{package.source}' returns maps of shape {maps.shape} for its "
            f"test input, not {expected.shape}. Get the model again."
        )
    return maps


def _other_maps(package: Package, difference: str, allowed: str) -> ModelError:
    return ModelError(
        f"The network of '{package.source}' misses its stored test output by {difference} "
        f"(allowed: {allowed}). Do not use it on this machine; update onnxruntime or get the model "
        "again."
    )


def _write_folder(target: Path, content: Mapping[str, bytes]) -> None:
    if target.is_file():
        raise OutputError(f"'{target}' is a file; name a folder, or end the name in .zip.")
    for name, data in content.items():
        with atomic_path(target / name) as temporary:
            temporary.write_bytes(data)


def _write_zip(target: Path, content: Mapping[str, bytes]) -> None:
    with (
        atomic_path(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, data in content.items():
            member = zipfile.ZipInfo(name, _ZIP_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)


def _read_folder(path: Path) -> dict[str, bytes]:
    """Return what a folder holds of the files that packages have."""
    content = {}
    for name in (CARD, *FILES):
        try:
            size = (path / name).stat().st_size
            refuse_large(name, size, largest=_largest(name), path=path)
            content[name] = (path / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ModelError(f"'{path / name}' cannot be read: {error.strerror}.") from error
    return content


def _held(content: Mapping[str, bytes], name: str, path: Path) -> bytes:
    if name not in content:
        within = path / "model"  # where a comparison leaves the best one
        hint = f" The model in it is '{within}'." if (within / CARD).is_file() else ""
        raise ModelError(f"'{path}' is not a complete model: '{name}' is missing.{hint}")
    return content[name]


def _read_zip(path: Path) -> dict[str, bytes]:
    """Return the files in a zip, which holds nothing else than packages may."""
    with open_archive(path, "a Cellwright model") as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if "rdf.yaml" in names:
            raise ModelError(
                f"'{path}' is a BioImage.IO package. Import it first, after which it has a name: "
                f"cellwright models import {path}"
            )
        unexpected = sorted(set(names) - {CARD, *FILES})
        if unexpected or len(names) != len(set(names)):
            what = f"the unexpected file '{unexpected[0]}'" if unexpected else "a file twice"
            raise ModelError(f"'{path}' is not a Cellwright model: it holds {what}.")
        return {
            one.filename: read_member(archive, one, largest=_largest(one.filename), path=path)
            for one in members
        }


def _largest(name: str) -> int:
    return _LARGEST_CARD if name == CARD else _LARGEST_FILE


def _parsed(described: bytes, path: Path) -> Any:
    try:
        return json.loads(described)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"The model.json of '{path}' is not valid JSON: {error}.") from error


def _array(data: bytes, name: str, source: str) -> FloatArray:
    """Read a float32 array whose header says exactly as many bytes as there are."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"format {version} is not 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        if dtype != np.float32 or fortran or len(shape) not in (4, 5) or 0 in shape:
            raise ValueError(f"{dtype} of shape {shape} is not a stack of float32 images")
        array: FloatArray = np.frombuffer(data, np.float32, offset=stream.tell()).reshape(shape)
    except ValueError as error:
        raise ModelError(f"'{name}' in '{source}' is not a test array: {error}.") from error
    return array
