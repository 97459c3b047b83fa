"""What installing Cellwright without training takes: seconds, packages and space, with pip.

    python benchmarks/bench_install.py [--largest 12]

Everything is installed into a new environment, which is removed afterwards. What the environment
holds before (pip itself) is not counted. Bytecode, which pip makes and uv does not, is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable
from pathlib import Path

from _common import ROOT

GOALS = {"seconds": 150, "packages": 45, "MB": 900}
_BLOCK = 512  # bytes; the unit of st_blocks

_LIST = """
import importlib.metadata as metadata, json, sys
print(json.dumps({
    one.metadata["Name"]: [str(one.locate_file(file)) for file in one.files or ()]
    for one in metadata.distributions() if one.metadata["Name"] not in sys.argv[1:]
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=12, help="how many packages to list")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder, with_pip=True)
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        before = installed(python)
        start = time.perf_counter()
        command = [python, "-m", "pip", "install", "--quiet", str(ROOT)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        seconds = time.perf_counter() - start
        files = installed(python, *before)
        packages = {name: size(some) for name, some in files.items()}
        made = sum(size(one for one in some if one.endswith(".pyc"))[0] for some in files.values())
        on_disk = sum(disk for _, disk in packages.values()) / 2**20
    held = sum(held for held, _ in packages.values())
    print(f"wall time        {seconds:7.0f} s    goal {GOALS['seconds']}")
    print(f"packages         {len(packages):7d}      goal {GOALS['packages']}")
    print(f"size of files    {held / 1e6:7.0f} MB   goal {GOALS['MB']}")
    print(f"                 {held / 2**20:7.0f} MiB")
    print(f"without bytecode {(held - made) / 1e6:7.0f} MB")
    print(f"space on disk    {on_disk:7.0f} MiB\n")
    largest = sorted(packages.items(), key=lambda item: item[1], reverse=True)
    for package, (size_of_it, _) in largest[: options.largest]:
        print(f"{package:<16} {size_of_it / 1e6:7.1f} MB")


def installed(python: Path, *without: str) -> dict[str, list[str]]:
    """Return the files of the distributions in an environment, by name, but for some."""
    command = [python, "-c", _LIST, *without]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    files: dict[str, list[str]] = json.loads(found)
    return files


def size(files: Iterable[str]) -> tuple[int, int]:
    """Return the bytes in files, and those that they take on the disk."""
    states = [path.stat() for path in map(Path, files) if path.exists()]
    blocks = sum(getattr(state, "st_blocks", 0) * _BLOCK for state in states)
    return sum(state.st_size for state in states), blocks


if __name__ == "__main__":
    main()
