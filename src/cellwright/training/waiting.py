"""How the threads of torch wait for each other."""

import os
import sys

_TURNS = 1000  # of looking for work, about 50 µs: what it costs to sleep and to be woken


def let_waiting_threads_sleep() -> None:
    """Have threads that wait for work look for it for some microseconds, and then sleep.

    GNU's OpenMP lets them look for milliseconds. Where other programs need the cores, that takes
    the time from the very thread that they wait for, and training gets many times slower. It looks
    as briefly as here by itself where it has more threads than cores, but cannot see those of
    other programs. Whoever looks for as long as sleeping would take loses at most as much again,
    and nothing where every thread has a core of its own [1]_.

    This works before torch is loaded alone, for OpenMP reads its settings once, and holds for the
    processes that are started later, too. What the user has said about waiting stays.

    References
    ----------
    .. [1] Karlin, Li, Manasse & Owicki, "Empirical studies of competitive spinning for a
       shared-memory multiprocessor", SOSP 1991.
    """
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(_TURNS))
