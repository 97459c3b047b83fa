"""Links particles with peers: ``python particles.py POINTS.npz LINKS.npz``.

Runs in an environment of the peers, without Cellwright, with each of the radii in POINTS. CPU
seconds exclude the import.
"""

import sys

import numpy as np

from tracking import Array, with_laptrack, with_trackpy


def main() -> None:
    given, answer = sys.argv[1:]
    with np.load(given) as content:
        frame, position, radii = content["frame"], content["position"], content["radii"].tolist()
    first = frame < 3
    with_trackpy(frame[first], position[first], radii[0], velocities=True)  # loads what it needs
    found: dict[str, Array] = {}
    for number, radius in enumerate(radii):
        runs = {
            "laptrack": with_laptrack(frame, position, radius, splits=False),
            "trackpy": with_trackpy(frame, position, radius),
            "trackpy, velocities": with_trackpy(frame, position, radius, velocities=True),
        }
        for tracker, (links, seconds) in runs.items():
            found[f"{tracker}|{number}|links"] = links
            found[f"{tracker}|{number}|seconds"] = np.array(seconds)
    np.savez(answer, **found)


if __name__ == "__main__":
    main()
