"""How fast the page that reviews is, with 100,000 objects in one image.

python benchmarks/bench_review.py [--objects N]

The image and its labels are made up: squares in rows, measured as real objects are. Times are those
of one run on an idle computer; where there is no Chromium, only the server is measured.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

import cellwright as cw
from cellwright._types import Table
from cellwright.images.write import write_labels
from cellwright.measure.objects import measure_objects
from cellwright.runs.apply.apply_model import Job, do_job
from cellwright.runs.apply.outcome import object_facts, with_image_name
from cellwright.runs.results.batch import Task
from cellwright.runs.results.plan import Outcome, Plan
from cellwright.runs.results.result import OBJECTS
from cellwright.runs.segment.options import SegmentOptions
from cellwright.studio.review_app import make_review_app
from cellwright.studio.review_desk import ReviewDesk
from cellwright.studio.review_open import open_result
from cellwright.studio.serve import listening

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))  # how Chromium is told what to do is said there
STEP, TOKEN = 20, "bench"
REPEATS = 15


def make_result(folder: Path, count: int) -> Path:
    """Write an image, and the result of segmenting it."""
    side = int(np.ceil(count**0.5))
    rng = np.random.default_rng(0)
    labels = np.zeros((side * STEP, side * STEP), np.int32)
    pixels = rng.integers(90, 110, labels.shape, np.uint16)
    for label in range(1, count + 1):
        y, x = (STEP * part + 2 for part in divmod(label - 1, side))
        height, width = rng.integers(5, 16, 2)
        labels[y : y + height, x : x + width] = label
        pixels[y : y + height, x : x + width] += rng.integers(100, 2000, dtype=np.uint16)
    cw.write(folder / "field.tif", cw.Image(pixels, "YX", pixel_size=(0.5, 0.5)))

    def work(task: Task, output: Path) -> tuple[Outcome, Table]:
        table = {"label": np.arange(1, count + 1), "confidence": rng.uniform(0.3, 1, count)}
        table |= measure_objects(labels, pixels)
        write_labels(output / options.label_file(task), labels)
        named = with_image_name(table, task.image)
        facts = object_facts(table, labels.shape, "YX")
        files = (options.label_file(task),)
        return Outcome(task.image, objects=count, files=files, facts=facts), named

    options = SegmentOptions()
    output = folder / "results"
    job = Job(OBJECTS, partial(work, output=output), options.files)
    plan = Plan("segment", inputs=(), parameters=asdict(options), files=())
    do_job(job, [folder / "field.tif"], output, plan, jobs=1, overwrite=False)
    return output


def serve(results: Path) -> str:
    """Serve a result from a thread; returns the address."""
    desk = ReviewDesk(open_result(results), "bench")
    listener = listening(0)
    port = listener.getsockname()[1]
    app = make_review_app(desk, TOKEN, port)
    config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return f"http://127.0.0.1:{port}"


def report(what: str, times: list[float], goal: str = "") -> None:
    print(f"{what:<52}{statistics.median(times):>8.1f}{max(times):>9.1f} ms   {goal}", flush=True)


def timed(act: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        times.append(1000 * (time.perf_counter() - start))
    return times


def ask(base: str, path: str, **query: object) -> bytes:
    address = f"{base}/api/{path}?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(address, headers={"X-Cellwright-Token": TOKEN})
    with urllib.request.urlopen(request) as answer:
        content: bytes = answer.read()
    return content


def measure_server(base: str, count: int) -> None:
    rows = partial(ask, base, "tables/objects/rows")
    report("sort by a measurement", timed(lambda: rows(sort="area")))
    condition = "area > 60 and confidence < 0.8 and not excluded"
    report("a condition, sorted", timed(lambda: rows(where=condition, sort="confidence")))
    report("a column", timed(lambda: ask(base, "tables/objects/column", name="confidence")))
    report("where all objects are", timed(lambda: ask(base, "images/0/objects"), 5))
    rng = np.random.default_rng(0)
    some = [",".join(map(str, rng.integers(0, count, 48))) for _ in range(REPEATS)]
    waiting = iter(some)
    report("48 crops from anywhere", timed(lambda: ask(base, "crops", rows=next(waiting), size=96)))


FRAMES = """new Promise(done => {
  const grid = document.querySelector('#table .grid'); const times = []; let last = 0; let n = 0;
  const step = now => {
    if (last) times.push(now - last);
    last = now; grid.scrollTop = (n * 7919 * 26) % (grid.scrollHeight - grid.clientHeight);
    if (n++ < 80) requestAnimationFrame(step); else done(times);
  };
  requestAnimationFrame(step);
})"""


def measure_page(base: str, folder: Path) -> None:
    from studio.browser import CHROMIUM, Browser

    if CHROMIUM is None:
        print("no Chromium: nothing drawn")
        return
    ready = "document.getElementById('stage')?.getAttribute('aria-busy') === 'false'"
    row = "!!document.querySelector('#table .row:not([hidden])')"
    with Browser(folder) as page:
        page.call("Performance.enable")
        times: dict[str, list[float]] = {"first": [], "table": [], "script": [], "cpu": []}
        for number in range(6):
            page.open("about:blank")
            start, spent = time.perf_counter(), time.process_time()
            page.open(f"{base}/#token={TOKEN}")
            page.wait(ready)
            first = time.perf_counter()
            page.wait(row)
            if number:
                times["first"].append(1000 * (first - start))
                times["table"].append(1000 * (time.perf_counter() - start))
                times["script"].append(1000 * script_seconds(page))
                times["cpu"].append(1000 * (time.process_time() - spent))
        report("the page, until the image is drawn", times["first"], "< 1000")
        report("the page, until the table is there, too", times["table"])
        report("script in that", times["script"])
        report("CPU time of the server in that", times["cpu"])
        before = script_seconds(page)
        frames = page.run(FRAMES)
        spent = 1000 * (script_seconds(page) - before) / len(frames)
        print(f"{'script in a frame, jumping about the table':<52}{spent:>8.1f} ms")
        report("a frame of that", frames)
        lasso(page)


def lasso(page: Any) -> None:
    left, top, width, height = page.run(
        "(({left, top, width, height}) => [left, top, width, height])"
        "(document.getElementById('scatter').getBoundingClientRect())"
    )
    times = []
    for number in range(REPEATS):
        reach = 0.3 + 0.04 * number
        right, low = left + 42 + reach * (width - 50), top + 8 + reach * (height - 30)
        corners = [(left + 44, top + 10), (right, top + 10), (right, low), (left + 44, low)]
        page.mouse("down", *corners[0])
        for corner in corners[1:]:
            page.mouse("move", *corner)
        text = page.run("document.getElementById('count').textContent")
        before = script_seconds(page)
        page.mouse("up", *corners[-1])
        page.wait(f"document.getElementById('count').textContent !== {text!r}")
        page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        times.append(1000 * (script_seconds(page) - before))
    report("script from a lasso to all that shows it", times)


def script_seconds(page: Any) -> float:
    metrics = page.call("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "ScriptDuration")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    count = parser.parse_args().objects
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        results = make_result(scratch, count)
        start = time.perf_counter()
        base = serve(results)
        print(f"{count:,} objects{'':<35}{'median':>8}{'most':>9}")
        print(f"{'opening the result':<52}{1000 * (time.perf_counter() - start):>8.1f} ms")
        measure_server(base, count)
        (scratch / "chromium").mkdir()
        measure_page(base, scratch / "chromium")


if __name__ == "__main__":
    main()
