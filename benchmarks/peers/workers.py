"""The driver's side: environments of the peers, and processes in them that do tasks on request."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _common import ROOT, Parts, one_thread_environment

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Peer:
    """A program to compare with.

    Parameters
    ----------
    name : str
        Its worker is ``NAME_worker.py``, its environment ``.venv-peers-NAME``.
    packages : tuple of str
        What pip installs, with all that these depend on.
    """

    name: str
    packages: tuple[str, ...]

    def python(self) -> Path:
        """Return the interpreter of its environment, which is made where it is missing."""
        folder = ROOT / f".venv-peers-{self.name}"
        binaries = folder / ("Scripts" if sys.platform == "win32" else "bin")
        python = binaries / ("python.exe" if sys.platform == "win32" else "python")
        stamp, wanted = folder / "installed", "\n".join(self.packages)
        if not stamp.exists() or stamp.read_text() != wanted:
            print(f"Installing {self.name} into {folder.name} ...", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            constraints = ["--constraint", str(ROOT / "constraints.txt")]  # torch without CUDA
            install = [str(python), "-m", "pip", "install", "--quiet", *constraints]
            subprocess.run([*install, *self.packages], check=True)
            stamp.write_text(wanted)
        return python


STARDIST = Peer("stardist", ("stardist==0.9.2", "csbdeep==0.8.2", "tensorflow-cpu==2.21.0"))
CELLPOSE = Peer("cellpose", ("cellpose==3.1.1.2",))


class Worker:
    """A process with one thread that does the tasks of ``peers/NAME_worker.py``.

    Parameters
    ----------
    name : str
    python : Path, optional
        Interpreter to run it with; this one when not given.
    """

    def __init__(self, name: str, python: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [str(python or sys.executable), str(_HERE / f"{name}_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=one_thread_environment(),
            text=True,
        )

    @classmethod
    def of(cls, peer: Peer) -> Worker:
        """Start the worker of a peer."""
        return cls(peer.name, peer.python())

    def __call__(self, task: str, **options: Any) -> Parts:
        """Do a task: CPU seconds of its parts, and the ``count`` of objects it found."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):  # the missing answer says so
            print(json.dumps({"task": task, **options}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("The worker ended without an answer; its error is above.")
        parts: Parts = json.loads(answer)
        return parts

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
