"""Files from the web: resumed where they broke off, checked against a hash, kept for next time.

What was downloaded once is used without a network from then on. Beside every file lies a record
with its address and SHA-256; a file that no longer has that hash is fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urldefrag, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from cellwright import __version__
from cellwright._errors import ModelError, OutputError, UsageError
from cellwright._files import write_json
from cellwright._progress import progress_line

CACHE_VARIABLE = "CELLWRIGHT_CACHE"
LARGEST = 2 << 30
"""Greatest size of a download, in bytes."""

_ATTEMPTS = 4
_PAUSE = 1.0  # s, times the number of failures so far
_TIMEOUT = 30.0  # s without any answer
_CHUNK = 1 << 20
_LARGEST_HASH_FILE = 4096
_HERE = ("localhost", "127.0.0.1", "::1")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Download:
    """A file from the web.

    Parameters
    ----------
    path : Path
        Where it lies now.
    sha256 : str
        Of its content.
    verified : bool
        Whether that is what somebody said it must be.
    fetched : bool
        Whether it came over the network just now, and not from an earlier time.
    """

    path: Path
    sha256: str
    verified: bool
    fetched: bool


class _BrokenOffError(Exception):
    """The connection failed; trying again may help."""


def is_url(source: str) -> bool:
    """Return whether a source is an address in the web rather than a path."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", source) is not None


def cache_folder() -> Path:
    """Return the folder of what was downloaded: ``CELLWRIGHT_CACHE``, or the system's place."""
    import platformdirs

    chosen = os.environ.get(CACHE_VARIABLE)
    return (Path(chosen) if chosen else platformdirs.user_cache_path("cellwright")) / "downloads"


def download(url: str, *, sha256: str | None = None, largest: int = LARGEST) -> Download:
    """Return a file from the web, from an earlier download where there is one.

    Parameters
    ----------
    url : str
        ``https://…``; plain ``http`` on this computer only. It may end in ``#sha256=…``.
    sha256 : str, optional
        What the content must have. Without it, that of the address, or of a file of the same
        address with ``.sha256`` behind it, is taken; where there is none, nothing is compared.
    largest : int
        Greatest size in bytes.

    Raises
    ------
    ModelError
        If the file cannot be had, is too large, or has another hash.
    OutputError
        If it cannot be kept.
    UsageError
        If the address or the hash is not one.
    """
    address, expected = _address(url, sha256)
    place = _place(address)
    known = _known(place)
    if known is not None and expected in (None, known):
        verified = expected is not None or bool(_record(place).get("verified"))
        return Download(place, known, verified, fetched=False)
    expected = expected or _stated_beside(address)
    part = place.with_name(f"{place.name}.part")
    _fetch(address, part, resumable=expected is not None, largest=largest)
    found = _hash_of(part)
    if expected is not None and found != expected:
        part.unlink()
        raise ModelError(
            f"What came from '{address}' is not what it should be: its SHA-256 is {found}, not "
            f"{expected}. Check the address and the hash; the file was removed."
        )
    part.replace(place)
    _record_path(part).unlink(missing_ok=True)
    record = {"url": address, "sha256": found, "verified": expected is not None}
    write_json(_record_path(place), record)
    return Download(place, found, expected is not None, fetched=True)


def _address(url: str, sha256: str | None) -> tuple[str, str | None]:
    """Return an address without its fragment, and the hash that its content must have."""
    address, fragment = urldefrag(url)
    _check_address(address)
    expected = sha256 or fragment.removeprefix("sha256=") or None
    if expected is not None and not _SHA256.fullmatch(expected.lower()):
        raise UsageError(f"'{expected}' is not a SHA-256: that has 64 of the digits 0-9 and a-f.")
    return address, expected and expected.lower()


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE):
        return
    raise UsageError(
        f"'{address}' is not fetched: the address must begin with https://, so that nobody can "
        "change the file on its way. Otherwise download it yourself and give its path."
    )


def _place(address: str) -> Path:
    """Return where the content of an address is kept."""
    name = PurePosixPath(unquote(urlsplit(address).path)).name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[-80:] or "file"
    place = cache_folder() / f"{hashlib.sha256(address.encode()).hexdigest()[:12]}-{plain}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Downloads cannot be kept in '{place.parent}': {error.strerror}. Choose another "
            f"folder with {CACHE_VARIABLE}."
        ) from error
    return place


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _record(path: Path) -> Mapping[str, Any]:
    """Return what is known about a kept file, or a part of one."""
    try:
        content = json.loads(_record_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _known(place: Path) -> str | None:
    """Return the hash of a file that was kept and is still as it was, or None."""
    stated = _record(place).get("sha256")
    if stated is None or not place.is_file() or _hash_of(place) != stated:
        return None
    return str(stated)


def _hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _stated_beside(address: str) -> str | None:
    """Return the hash in the file beside a file of the web, or None where there is none."""
    try:
        with _opened(f"{address}.sha256", {}) as response:
            text = response.read(_LARGEST_HASH_FILE).decode("ascii", "replace").lower()
    except HTTPError:
        return None
    except (OSError, HTTPException) as error:
        raise _unreachable(address, error) from error
    found = _SHA256.match(text)
    return found.group() if found else None


def _fetch(address: str, part: Path, *, resumable: bool, largest: int) -> None:
    """Bring all of a file into `part`, which may hold its beginning."""
    for failures in range(_ATTEMPTS):
        try:
            _fetch_rest(address, part, resumable=resumable, largest=largest)
            return
        except _BrokenOffError as error:
            if not part.exists():
                raise _unreachable(address, error.args[0]) from error
            if failures + 1 == _ATTEMPTS:
                raise ModelError(
                    f"The download of '{address}' broke off after {part.stat().st_size:,} bytes "
                    f"({error.args[0]}). The same command goes on from there."
                ) from error
            time.sleep(_PAUSE * (failures + 1))


def _fetch_rest(address: str, part: Path, *, resumable: bool, largest: int) -> None:
    """Append what is missing of a file, or fetch it from its beginning where that must be."""
    have = part.stat().st_size if part.exists() else 0
    version = _record(part).get("version")
    headers = {}
    if have and (version or resumable):
        headers["Range"] = f"bytes={have}-"
        if version:
            headers["If-Range"] = version
    try:
        response = _opened(address, headers)
    except HTTPError as error:
        if error.code == 416 and have:  # nothing is behind what we have: it is no beginning
            part.unlink()
            return _fetch_rest(address, part, resumable=resumable, largest=largest)
        if error.code >= 500:
            raise _BrokenOffError(error) from error
        raise ModelError(
            f"'{address}' cannot be had: the server says {error.code} ({error.reason}). "
            "Check the address."
        ) from error
    except (OSError, HTTPException) as error:
        raise _BrokenOffError(error) from error
    with response:
        resumed = response.status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise _BrokenOffError("the server sent another part than it was asked for")
        if not resumed:
            have = 0
            write_json(_record_path(part), {"version": _version(response.headers)})
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        _refuse_larger(address, total or 0, largest)
        _append(response, part, have, total, address, largest)


def _append(
    response: Any, part: Path, have: int, total: int | None, address: str, largest: int
) -> None:
    """Write an answer behind the first `have` bytes of `part`."""
    line = progress_line("Downloading", total=total or largest, done=have, unit="B")
    with part.open("ab" if have else "wb") as stream, line as show:
        while True:
            try:
                chunk = response.read(_CHUNK)
            except (OSError, HTTPException) as error:
                raise _BrokenOffError(error) from error
            if not chunk:
                break
            have += len(chunk)
            _refuse_larger(address, have, largest)
            stream.write(chunk)
            show(have, "")
    if total is not None and have < total:
        raise _BrokenOffError(f"{total - have:,} bytes are missing")


def _refuse_larger(address: str, size: int, largest: int) -> None:
    if size > largest:
        raise ModelError(
            f"'{address}' has more than {largest:,} bytes, the most that is fetched. If you trust "
            "it, download it yourself and give its path."
        )


def _version(headers: Any) -> str | None:
    """Return what tells one version of a file from the next, as ``If-Range`` takes it."""
    tag = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return str(tag)
    date = headers.get("Last-Modified")
    return str(date) if date else None


class _SafeRedirects(HTTPRedirectHandler):
    """Goes only where the address itself would have been accepted."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, hdrs: Any, url: str
    ) -> Any:
        _check_address(url)
        return super().redirect_request(req, fp, code, msg, hdrs, url)


def _opened(address: str, headers: Mapping[str, str]) -> Any:
    """Return the answer of a server, an `http.client.HTTPResponse`."""
    own = {"User-Agent": f"cellwright/{__version__}", "Accept-Encoding": "identity"}
    request = Request(address, headers={**own, **headers})
    return build_opener(_SafeRedirects).open(request, timeout=_TIMEOUT)


def _unreachable(address: str, reason: object) -> ModelError:
    said = reason.reason if isinstance(reason, URLError) else reason
    return ModelError(
        f"'{address}' cannot be reached ({said}). Without a network, import a package that you "
        "have by its path; what was downloaded once is found again by its address."
    )
