"""What is lost when the annotation server is killed while somebody draws.

    python benchmarks/bench_kills.py [--kills 100] [--seed 0]

The program is started as from a terminal, strokes are sent as fast as it answers, and it is killed
(SIGKILL) at a random moment; then it is started again, and asked for what it had answered. About
three seconds a kill.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from bench_studio import Program

import cellwright as cw

SIDE = 1024
LONGEST_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    lost = answered = unanswered = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cw.write(folder / "field.tif", cw.Image(np.zeros((SIDE, SIDE), np.uint8), "YX"))
        known: list[int] = []
        for _ in range(options.kills):
            program = Program(folder)
            found = history(program)
            lost += len(set(known) - set(found))
            unanswered += len(found) - len(known)
            known = found + killed_while_drawing(program, rng)
            answered += len(known) - len(found)
        program = Program(folder)
        lost += len(set(known) - set(history(program)))
        program.process.kill()
    print(
        f"{options.kills} kills, {answered} strokes that were answered: {lost} lost; "
        f"{unanswered} more were on the disk before their answer"
    )


def history(program: Program) -> list[int]:
    """Return the numbers of the edits that the program knows."""
    return [edit["id"] for edit in json.loads(program("/api/images/0/history"))]


def killed_while_drawing(program: Program, rng: np.random.Generator) -> list[int]:
    """Draw until the program is killed; return the strokes that it answered."""
    threading.Timer(rng.uniform(0, LONGEST_S), program.process.kill).start()
    made = list(_strokes(program, rng))
    program.process.wait()
    return made


def _strokes(program: Program, rng: np.random.Generator) -> Iterator[int]:
    while True:
        points = np.cumsum(rng.normal(0, 4, (40, 2)), axis=0) + rng.uniform(50, SIDE - 50, 2)
        stroke = {"tool": "brush", "points": points.tolist(), "radius": 8}
        try:
            answer = json.loads(program("/api/images/0/edits", stroke))
        except (http.client.HTTPException, OSError, ValueError):
            return
        if answer["edit"]:
            yield answer["edit"]


if __name__ == "__main__":
    main()
