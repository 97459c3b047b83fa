"""How long it takes until the program is there: medians of CPU seconds in fresh processes.

python benchmarks/bench_startup.py
"""

import statistics
import subprocess
import sys
import time

REPEATS = 9
CASES = {
    "python, nothing imported": (["-c", "pass"], None),
    "import cellwright": (["-c", "import cellwright"], 0.15),
    "cellwright --help": (["-m", "cellwright", "--help"], 0.40),
    "cellwright --version": (["-m", "cellwright", "--version"], 0.40),
}


def cpu_seconds(arguments: list[str]) -> float:
    """Return the CPU time of one fresh interpreter, in s, as the operating system counts it."""
    try:
        import resource
    except ImportError:  # Windows: wall time is the best there is
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return time.perf_counter() - start
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main() -> None:
    print(f"{'':<28}{'median':>10}{'best':>10}{'goal':>10}   CPU s, {REPEATS} fresh processes")
    for name, (arguments, goal) in CASES.items():
        cpu_seconds(arguments)  # fills the caches of the disk and of bytecode
        times = [cpu_seconds(arguments) for _ in range(REPEATS)]
        aim = f"{goal:.2f}" if goal else ""
        print(f"{name:<28}{statistics.median(times):>10.3f}{min(times):>10.3f}{aim:>10}")


if __name__ == "__main__":
    main()
