"""Starting, stopping and going on with rounds of training, one at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cellwright._errors import CellwrightError, UsageError
from cellwright.studio.rounds import Round, Rounds

_INTERRUPTED = 130
_PATIENCE_S = 20.0


class Trainer:
    """Trains rounds in processes of their own. All methods may be called from any thread.

    Parameters
    ----------
    rounds : Rounds
    finished : callable
        Told of each round that has made a model.
    """

    def __init__(self, rounds: Rounds, finished: Callable[[Round], None]) -> None:
        self.rounds = rounds
        self._finished = finished
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: threading.Thread | None = None
        self._current: Round | None = None
        self._stopping = False
        self._started = 0.0

    @property
    def current(self) -> int | None:
        """The round that is being trained."""
        current = self._current
        return current.number if current else None

    def state(self, one: Round) -> str:
        """Return ``"training"``, ``"stopping"``, ``"done"``, ``"failed"`` or ``"stopped"``."""
        if one == self._current:
            return "stopping" if self._stopping else "training"
        if one.verdict is not None:
            return "done"
        return "failed" if one.failure is not None else "stopped"

    def seconds(self, one: Round) -> float:
        """Return for how long a round was trained, in s."""
        history = one.history()
        before = history[-1]["seconds"] if history else 0.0
        if one != self._current:
            return before
        return before + time.time() - max(self._started, one.last_validation())

    def start(self, prepare: Callable[[Path], Round]) -> None:
        """Start a round.

        Parameters
        ----------
        prepare : callable
            Makes it in a folder.

        Raises
        ------
        UsageError
            If another one is going on.
        """
        with self._lock:
            self._refuse_two()
            self._run(prepare(self.rounds.next_folder()))

    def resume(self, number: int) -> None:
        """Go on with a round that was stopped, or killed.

        Raises
        ------
        InputError, UsageError
            If there is no such round, it is done, or another one is going on.
        """
        with self._lock:
            self._refuse_two()
            one = self.rounds.round(number)
            if one.verdict is not None:
                raise UsageError(f"Round {number} is done. Start another one from it.")
            one.retry()
            self._run(one)

    def stop(self) -> None:
        """Ask the training to stop; it can go on later."""
        with self._lock:
            if self._process is not None and not self._stopping:
                self._stopping = True
                assert self._process.stdin is not None
                self._process.stdin.close()

    def close(self) -> None:
        """Stop, and wait until it has."""
        process, waiting = self._process, self._waiting
        self.stop()
        if process is None or waiting is None:
            return
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
        waiting.join()

    def _refuse_two(self) -> None:
        if self._current is not None:
            raise UsageError(f"Round {self.current} is going on: wait for it, or stop it.")

    def _run(self, one: Round) -> None:
        # In a group of its own, so that Ctrl-C reaches it once: through its closed input. With -P,
        # files that lie where the program was started are not taken for modules.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cellwright.studio.learner", str(one.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            process_group=0,
        )
        self._current, self._stopping, self._started = one, False, time.time()
        self._waiting = threading.Thread(target=self._wait, args=(one, self._process), daemon=True)
        self._waiting.start()

    def _wait(self, one: Round, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        try:
            if one.verdict is not None:
                self._finished(one)
            elif code not in (0, _INTERRUPTED) and one.failure is None:
                one.fail("The training was ended from outside, perhaps for lack of memory.")
        except CellwrightError as error:  # such as a full disk; other rounds must not wait for it
            sys.stderr.write(f"{error}\n")
        finally:
            with self._lock:
                assert process.stdin is not None
                process.stdin.close()
                self._process = self._current = None
