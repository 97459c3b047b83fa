"""One run at a time in a result folder.

The lock is a file that names the process and the computer that made it, so it also works between
computers that share a disk. It goes with the run, also when that fails or is interrupted. One
that a killed run left behind is taken over by the next run on the same computer; of a process on
another computer nobody can tell from here whether it is alive, so the user is asked.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cellwright._errors import OutputError

LOCK_FILE = ".lock"
_held: set[Path] = set()
"""Locks of this process: any other with its number was left by a dead process of that number."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of `folder` while a ``with`` block runs.

    Parameters
    ----------
    folder : Path
        Made when missing, and removed again if it is empty at the end.

    Raises
    ------
    OutputError
        If another run is going on there, or the folder cannot be written.
    """
    made = _make(folder)
    file = folder.resolve() / LOCK_FILE
    try:
        _acquire(file)
        try:
            yield
        finally:
            _release(file)
    finally:
        if made:
            with suppress(OSError):  # results are in it
                folder.rmdir()


def _make(folder: Path) -> bool:
    """Make a folder; returns whether it was missing."""
    missing = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise no_folder(folder) from error
    except OSError as error:
        raise OutputError(_cannot_write(folder, error)) from error
    return missing


def no_folder(path: Path) -> OutputError:
    """Return the error that names the file which stands where `path` needs a folder."""
    file = next((one for one in (path, *path.parents) if one.exists() and not one.is_dir()), path)
    return OutputError(f"'{file}' is a file; name a folder for the results.")


def _acquire(file: Path) -> None:
    mine = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
    try:
        if _is_dead(_holder(file), file):
            file.unlink(missing_ok=True)
        stream = file.open("x", encoding="utf-8")  # fails where the file is there already
    except FileExistsError as error:
        raise OutputError(_occupied(_holder(file), file)) from error
    except OSError as error:
        raise OutputError(_cannot_write(file.parent, error)) from error
    _held.add(file)
    try:
        with stream:
            stream.write(mine)
    except OSError as error:
        _release(file)
        raise OutputError(_cannot_write(file.parent, error)) from error


def _release(file: Path) -> None:
    _held.discard(file)
    with suppress(OSError):  # the folder was removed or its disk has gone
        file.unlink()


def _holder(file: Path) -> dict[str, Any]:
    """Return what a lock says about who made it; empty when it says nothing."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {"pid": int(content["pid"]), "host": str(content["host"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_dead(holder: dict[str, Any], file: Path) -> bool:
    """Whether a lock was certainly left behind."""
    if holder.get("host") != socket.gethostname():
        return False
    if holder["pid"] == os.getpid():
        return file not in _held
    return not is_running(holder["pid"])


def is_running(pid: int) -> bool:
    """Whether there is a process of that number on this computer."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        import ctypes

        query, still_active = 0x1000, 259
        process = ctypes.windll.kernel32.OpenProcess(query, False, pid)
        code = ctypes.c_ulong()
        known = ctypes.windll.kernel32.GetExitCodeProcess(process, ctypes.byref(code))
        ctypes.windll.kernel32.CloseHandle(process)
        return bool(known) and code.value == still_active
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is there, and another user's
    return True


def _occupied(holder: dict[str, Any], file: Path) -> str:
    if not holder:
        return (
            f"Another run seems to be going on in '{file.parent}', but '{file}' does not say "
            "which. Choose another output folder, or remove that file if there is none."
        )
    pid, host = holder["pid"], holder["host"]
    message = (
        f"Another run is going on in '{file.parent}': process {pid} on the computer '{host}'. "
        "Wait for it, or choose another output folder."
    )
    # Since that process ended, its number may have been given to another one, too.
    gone = "is no run of Cellwright" if host == socket.gethostname() else "is gone"
    return f"{message} If that process {gone}, remove '{file}' and run the same command again."


def _cannot_write(folder: Path, error: OSError) -> str:
    return (
        f"Cannot write to '{folder}': {error.strerror or error}. "
        "Choose another output folder, or free space and check its permissions."
    )
