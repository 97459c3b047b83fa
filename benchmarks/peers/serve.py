"""The worker's side: does tasks on request and says what CPU time each part of them took.

Uses only the standard library, since it runs in the environment of every peer.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Clock:
    """Adds up the CPU seconds of this process, all threads included, by the name of the part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Count the time spent in the block as that of a part."""
        start = time.process_time()
        yield
        self.parts[part] = self.parts.get(part, 0.0) + time.process_time() - start

    @contextmanager
    def counting(self, owner: Any, method: str, part: str) -> Iterator[None]:
        """Inside the block, count the time of a method of a class as that of a part."""
        original: Callable[..., Any] = getattr(owner, method)

        def timed(*arguments: Any, **options: Any) -> Any:
            with self(part):
                return original(*arguments, **options)

        setattr(owner, method, timed)
        try:
            yield
        finally:
            setattr(owner, method, original)


def serve(tasks: Mapping[str, Callable[..., int]]) -> None:
    """Answer requests until there are no more.

    A request is a line of JSON on the standard input: the name of a ``task`` and its options. The
    answer is a line with the seconds of each part and the ``count`` that the task returned.

    Parameters
    ----------
    tasks : mapping
        ``task(clock, **options)`` times its parts and returns how many objects it found.
    """
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print what they like: not among the answers
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        clock = Clock()
        count = tasks[request.pop("task")](clock, **request)
        print(json.dumps(clock.parts | {"count": count}), file=replies, flush=True)
