"""Links points with a peer: ``python tracking.py TRACKER POINTS.npz LINKS.npz``.

Runs in an environment of the peers, without Cellwright. CPU seconds exclude the import.
"""

import sys
import time
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def with_trackpy(
    frame: Array, position: Array, radius: float, *, velocities: bool = False
) -> tuple[Array, float]:
    import pandas
    import trackpy

    trackpy.quiet()
    axes = ["z", "y", "x"][-position.shape[1] :]
    table = pandas.DataFrame(position, columns=axes).assign(frame=frame, row=np.arange(len(frame)))
    link = trackpy.predict.NearestVelocityPredict().link_df if velocities else trackpy.link
    start = time.process_time()
    linked = link(
        table, radius, pos_columns=axes, memory=2, adaptive_stop=0.1 * radius, adaptive_step=0.9
    )
    seconds = time.process_time() - start
    linked = linked.sort_values(["particle", "frame"])
    row, particle = linked["row"].to_numpy(), linked["particle"].to_numpy()
    same = particle[1:] == particle[:-1]
    return np.stack([row[:-1][same], row[1:][same]], axis=1), seconds


def with_laptrack(
    frame: Array, position: Array, radius: float, *, splits: bool = True
) -> tuple[Array, float]:
    from laptrack import LapTrack

    tracker = LapTrack(
        cutoff=radius**2,
        gap_closing_cutoff=radius**2,
        gap_closing_max_frame_count=2,
        splitting_cutoff=radius**2 if splits else False,
    )
    frames = [np.flatnonzero(frame == number) for number in range(int(frame.max()) + 1)]
    start = time.process_time()
    tree = tracker.predict([position[rows] for rows in frames])
    seconds = time.process_time() - start
    return np.array([[frames[a][i], frames[b][j]] for (a, i), (b, j) in tree.edges()]), seconds


def main() -> None:
    tracker, given, answer = sys.argv[1:]
    with np.load(given) as content:
        frame, position, radius = content["frame"], content["position"], float(content["radius"])
    run = {"trackpy": with_trackpy, "laptrack": with_laptrack}[tracker]
    links, seconds = run(frame, position, radius)
    np.savez(answer, links=links, seconds=seconds)


if __name__ == "__main__":
    main()
