"""Telling why the first run of a command takes longer: kernels are compiled for this processor."""

import time
from functools import cache
from typing import Any

from cellwright._progress import remark

_LONG = 2.0  # s


@cache
def tell_of_compiling() -> None:
    """From now on say, once in this process, where compiling takes long.

    What was compiled is kept; a run after the first hardly ever says it.
    """
    from numba.core import event

    class Waiting(event.Listener):  # type: ignore[misc]  # numba has no types
        """Adds up the time that compiling takes."""

        def __init__(self) -> None:
            self.depth, self.began, self.seconds, self.told = 0, 0.0, 0.0, False

        def on_start(self, _: Any) -> None:
            if self.depth == 0:
                self.began = time.monotonic()
            self.depth += 1

        def on_end(self, _: Any) -> None:
            self.depth -= 1
            if self.depth > 0:
                return
            self.seconds += time.monotonic() - self.began
            if self.seconds > _LONG and not self.told:
                self.told = True
                remark(
                    "Note: compiling for this processor; only the first run after an installation "
                    "takes so long."
                )

    event.register("numba:compile", Waiting())
