"""The address of a folder's page: the same each time, so that open pages and bookmarks go on.

Port and token follow from the folder and from a secret of the user's account. Nothing of it stands
in the folder, which people copy, share and keep on drives that others read.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SECRET = Path(".cellwright", "secret")  # below the home of the user
_LENGTH = 32
_PORTS = range(20_000, 32_000)  # below those that systems give to programs that call others


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page of a folder is, and what opens it.

    Parameters
    ----------
    folder : Path
    secret : bytes
        That of the account.
    """

    folder: Path
    secret: bytes

    @property
    def port(self) -> int:
        """The port to listen on, where it is free."""
        drawn = int.from_bytes(self._derived("port")[:8], "big")
        return _PORTS[drawn % len(_PORTS)]

    def token(self, port: int) -> str:
        """Return the secret of the server of this folder at a port: another at each."""
        return base64.urlsafe_b64encode(self._derived(f"token {port}")[:24]).decode()

    def _derived(self, purpose: str) -> bytes:
        text = f"{purpose} {self.folder.resolve()}"
        return hmac.digest(self.secret, text.encode("utf-8", "surrogateescape"), "sha256")


def address_of(folder: Path) -> Address:
    """Return the address of a folder; where the account can keep no secret, one for this time."""
    return Address(folder, _kept_secret() or secrets.token_bytes(_LENGTH))


def _kept_secret() -> bytes | None:
    """Return the secret of the account, made anew where others could have read it."""
    with suppress(OSError, RuntimeError):  # there is no home, or it cannot be written
        file = Path.home() / _SECRET
        found = _read(file)
        if found is None:
            file.parent.mkdir(exist_ok=True)
            file.unlink(missing_ok=True)
            _make(file)
            found = _read(file)
        return found
    return None


def _read(file: Path) -> bytes | None:
    """Return what a file holds, if nobody else may read or write it."""
    try:
        with file.open("rb") as stream:
            about, content = os.fstat(stream.fileno()), stream.read()
    except FileNotFoundError:
        return None
    if os.name == "posix":
        is_open = about.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        if is_open or about.st_uid != os.getuid():
            return None
    return content if len(content) == _LENGTH else None


def _make(file: Path) -> None:
    """Write a secret that is there whole or not at all, and leave the one of who was faster."""
    own = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(own, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(secrets.token_bytes(_LENGTH))
    try:
        os.link(own, file)
    except FileExistsError:
        pass
    finally:
        own.unlink()
