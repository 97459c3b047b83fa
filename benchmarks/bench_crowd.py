"""How smooth the annotation page is with 10,000 objects on the screen.

    python benchmarks/bench_crowd.py [--side 4096]

An image of simulated nuclei is proposed on as a whole; then the page moves about, zooms and slides
the least confidence, frame after frame. Chromium draws without a graphics card: the hard case. CPU
seconds are those of the whole browser; frames a second say little where other programs run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench_studio import Program, running, script_seconds

import cellwright as cw
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from studio.browser import CHROMIUM, Browser

SECONDS = 8
SIZES = ((1280, 800), (2560, 1440))
KEY = "document.getElementById('stage').dispatchEvent(new KeyboardEvent('keydown', "
ACTS = {
    "moving about": KEY + "{key: n % 2 ? 'ArrowLeft' : 'ArrowRight', bubbles: true}))",
    "zooming": KEY + "{key: n % 40 < 20 ? '+' : '-', bubbles: true}))",
    "sliding the confidence": (
        "(s => { s.value = (n % 100) / 100; s.dispatchEvent(new Event('input')); })"
        "(document.getElementById('threshold'))"
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096, help="of the image, in px")
    side = parser.parse_args().side
    if CHROMIUM is None:
        sys.exit("There is no Chromium.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nuclei = NucleiSimulation(size=(side, side), diameter=16, density=0.16)
        pixels, _ = simulate_field(nuclei, seed=2)
        cw.write(folder / "images" / "crowd.tif", cw.Image(pixels, "YX"))
        with running(folder / "images") as program:
            propose(program)
            for size in SIZES:
                (folder / str(size[0])).mkdir()
                with Browser(folder / str(size[0]), size) as page:
                    show(page, program, size)


def propose(program: Program) -> None:
    """Let the model look for objects in the whole image."""
    program("/api/images/0/proposals", {})
    while (found := json.loads(program("/api/images/0/proposals")))["state"] == "running":
        time.sleep(0.5)
    print(f"{len(found['labels']):,} objects on the screen")


def show(page: Browser, program: Program, size: tuple[int, int]) -> None:
    """Print how many frames a second there are while something is done in each."""
    page.open(program.address)
    page.wait("document.getElementById('proposed')?.hidden === false")
    page.wait("document.getElementById('stage').getAttribute('aria-busy') === 'false'")
    page.call("Performance.enable")
    for what, act in ACTS.items():
        before, spent = script_seconds(page), cpu_seconds(page)
        frames = page.run(
            "new Promise(done => { let n = 0; const start = performance.now(); const next = () => "
            f"{{ {act}; n++; performance.now() - start > {1000 * SECONDS} ? done(n) : "
            "requestAnimationFrame(next); }; next(); })"
        )
        script = 1000 * (script_seconds(page) - before) / frames
        spent = 1000 * (cpu_seconds(page) - spent) / frames
        print(
            f"{size[0]} × {size[1]} px, {what:<24}{spent:>6.1f} ms of CPU a frame, {script:.1f} of "
            f"them script; {frames / SECONDS:.1f} frames/s",
            flush=True,
        )


def cpu_seconds(page: Browser) -> float:
    """Return what all processes of the browser have used, where the system tells."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[2]) == page.group:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
