"""How fast the annotation page is: first paint, tiles, strokes, frames, memory.

python benchmarks/bench_studio.py [--image FOLDER_WITH_ONE_IMAGE]

Without --image a plane of 20,000 × 20,000 px is written first (about 800 MB in the temporary
folder). The browser's part is left out where there is no Chromium.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import cellwright as cw
from cellwright._types import AnyArray
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

if TYPE_CHECKING:
    from studio.browser import Browser

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))  # how Chromium is told what to do is said there
SIDE, FIELD = 20_000, 2_000
SMALL = 2048
TILES, STROKES, CLICKS, PANS = 400, 200, 100, 60
CONNECTIONS = 6  # as many as a browser opens


class Repeated:
    """A field of nuclei, again and again, without being held."""

    shape = (SIDE, SIDE)
    dtype = np.dtype(np.uint16)

    def __init__(self) -> None:
        nuclei = NucleiSimulation(size=(FIELD, FIELD), diameter=24)
        self._field = simulate_field(nuclei, seed=0)[0]

    def __getitem__(self, key: tuple[slice, ...]) -> AnyArray:
        rows, columns = (np.arange(*part.indices(SIDE)) % FIELD for part in key)
        return self._field[np.ix_(rows, columns)]


class Program:
    """The program with a folder, and requests to it."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "cellwright", "annotate", str(folder), "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        while "#token=" not in (line := self.process.stdout.readline()):
            assert line, "the program has ended"
        self.address = line.strip()
        self._base, _, self._token = self.address.partition("/#token=")

    def __call__(self, path: str, body: object = None) -> bytes:
        """Return the answer to a request."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Cellwright-Token": self._token}
        request = urllib.request.Request(self._base + path, data, headers)
        with urllib.request.urlopen(request) as answer:
            content: bytes = answer.read()
        return content

    def timed(self, path: str, body: object = None) -> float:
        """Return how many ms an answer takes."""
        start = time.perf_counter()
        self(path, body)
        return 1000 * (time.perf_counter() - start)

    def memory(self) -> str:
        """Return the most memory it had, where the system tells."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return "unknown"
        kilobytes = int(status.read_text().split("VmHWM:")[1].split()[0])
        return f"{kilobytes / 1024:.0f} MB"


@contextmanager
def running(folder: Path) -> Iterator[Program]:
    program = Program(folder)
    try:
        yield program
    finally:
        program.process.terminate()
        program.process.wait()


def report(what: str, times: list[float], goal: str) -> None:
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    print(f"{what:<44}{statistics.median(times):>8.1f}{p95:>9.1f} ms   {goal}", flush=True)


def tiles(program: Program) -> None:
    image = json.loads(program("/api/images/0"))
    rng = random.Random(0)
    asked = []
    for _ in range(TILES):
        level = rng.randrange(min(4, len(image["levels"])))
        row, column = (rng.randrange(-(-size // image["tile"])) for size in image["levels"][level])
        asked.append(f"level={level}&row={row}&column={column}")
    for kind in ("pixels", "labels"):
        paths = [f"/api/images/0/{kind}?{one}" for one in asked]
        report(f"a tile of {kind}", [program.timed(path) for path in paths], "p95 < 80")
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            report(f"the same, {CONNECTIONS} at once", list(pool.map(program.timed, paths)), "")


def strokes(program: Program) -> None:
    rng = np.random.default_rng(0)
    times = []
    for _ in range(STROKES):
        points = np.cumsum(rng.normal(0, 3, (60, 2)), axis=0) + rng.uniform(100, 1900, 2)
        edit = {"tool": "brush", "points": points.tolist(), "radius": 10, "only_background": True}
        times.append(program.timed("/api/images/0/edits", edit))
    report("a stroke, on the disk (2048 × 2048)", times[5:], "")


def clicks(program: Program) -> None:
    place = {"box": [0, 0, SMALL, SMALL]}
    program("/api/images/0/proposals", place)
    while (told := json.loads(program("/api/images/0/proposals")))["state"] == "running":
        time.sleep(0.1)
    chosen = random.Random(0).sample(told["labels"], CLICKS)
    accept = "/api/images/0/proposals/accept"
    times = [program.timed(accept, {"labels": [label]}) for label in chosen]
    report(f"a click, one of {len(told['labels'])} proposals", times, "< 200")


def browser(program: Program, folder: Path) -> None:
    from studio.browser import CHROMIUM, Browser

    if CHROMIUM is None:
        print("no Chromium: nothing drawn")
        return
    ready = "document.getElementById('stage')?.getAttribute('aria-busy') === 'false'"
    with Browser(folder) as page:
        times = []
        for number in range(11):
            page.open("about:blank")
            start = time.perf_counter()
            page.open(program.address)
            page.wait(ready)
            if number:
                times.append(1000 * (time.perf_counter() - start))
        report("the page, until all of the image is drawn", times, "< 1000")
        page.call("Performance.enable")
        frames = page.run(
            "new Promise(done => { let n = 0; window.count = () => { n++; "
            "requestAnimationFrame(window.count); }; window.seen = () => n; "
            "window.count(); done(0); })"
        )
        before = script_seconds(page)
        for step in range(PANS):
            page.key("ArrowRight" if step % 2 else "ArrowLeft")
        frames = page.run("window.seen()")
        spent = 1000 * (script_seconds(page) - before) / max(1, frames)
        print(f"{'script in a frame, while moving':<44}{spent:>8.1f} ms            < 8")


def script_seconds(page: Browser) -> float:
    metrics = page.call("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "ScriptDuration")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, help="a folder with one large image")
    given = parser.parse_args().image
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if given is None:
            given = scratch / "large"
            image = cw.Image(Repeated(), "YX", pixel_size=(0.5, 0.5))
            cw.write(given / "slide.ome.zarr", image)
        small = scratch / "small"
        pixels, _ = simulate_field(NucleiSimulation(size=(SMALL, SMALL), diameter=24), seed=1)
        cw.write(small / "field.tif", cw.Image(pixels, "YX"))
        (scratch / "chromium").mkdir()
        print(f"{'':<44}{'median':>8}{'p95':>9}      goal")
        with running(given) as program:
            start = program.timed("/api/images/0")
            print(f"{'opening 20,000 × 20,000 px':<44}{start:>8.1f} ms")
            tiles(program)
            browser(program, scratch / "chromium")
            print(f"{'memory of the server':<44}{program.memory():>11}            < 1 GB")
        with running(small) as program:
            clicks(program)
            strokes(program)


if __name__ == "__main__":
    main()
