"""Links points with a peer: ``python tracking.py TRACKER POINTS.npz LINKS.npz``.

Runs in an environment of the peers, without Cellwright; without arguments it prints the trackers
that this environment has. CPU seconds exclude the import.
"""

import logging
import sys
import time
from importlib.util import find_spec
from itertools import pairwise
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


def with_btrack(frame: Array, position: Array, radius: float) -> tuple[Array, float]:
    import btrack
    from btrack.io import objects_from_array

    logging.disable(logging.INFO)
    count, dimensions = position.shape
    places = np.zeros((count, 3))
    places[:, :dimensions] = position[:, ::-1]  # x, y, z
    points = objects_from_array(np.column_stack([frame, places]))
    extent = np.stack([places.min(axis=0) - 1, places.max(axis=0) + 1], axis=1)
    start = time.process_time()
    with btrack.BayesianTracker(verbose=False) as tracker:
        tracker.configure(_cells(radius))
        tracker.append(points)
        tracker.volume = tuple(map(tuple, extent.tolist()))
        tracker.track(step_size=100)
        tracker.optimize(msg_lev="GLP_MSG_OFF", tm_lim=60_000)
        tracks = {
            track.ID: ([one for one in track.refs if one >= 0], track.parent)
            for track in tracker.tracks  # dummies, where nothing was seen, have negative numbers
        }
    seconds = time.process_time() - start
    links = []
    for name, (rows, parent) in tracks.items():
        links += list(pairwise(rows))
        if parent != name and parent in tracks and rows and tracks[parent][0]:
            links.append((tracks[parent][0][-1], rows[0]))
    return np.array(links), seconds


def _cells(radius: float) -> dict[str, Any]:
    """Return the parameters that btrack publishes for cells, but for how far they go."""
    still, moving = np.eye(3), np.eye(6)
    moving[:3, 3:] = np.eye(3)
    return {
        "motion_model": {
            "name": "cell_motion",
            "dt": 1.0,
            "measurements": 3,
            "states": 6,
            "accuracy": 7.5,
            "prob_not_assign": 0.001,
            "max_lost": 2,
            "A": moving,
            "H": np.eye(3, 6),
            "P": 150.0 * np.diag([0.1, 0.1, 0.1, 1, 1, 1]),
            "G": 15.0 * np.array([[0.5, 0.5, 0.5, 1, 1, 1]]),
            "R": 5.0 * still,
        },
        "hypothesis_model": {
            "name": "cell_hypothesis",
            "hypotheses": ["P_FP", "P_init", "P_term", "P_link", "P_branch", "P_dead"],
            "lambda_time": 5.0,
            "lambda_dist": 3.0,
            "lambda_link": 10.0,
            "lambda_branch": 50.0,
            "eta": 1e-10,
            "theta_dist": 20.0,
            "theta_time": 5.0,
            "dist_thresh": radius,
            "time_thresh": 2,
            "apop_thresh": 5,
            "segmentation_miss_rate": 0.1,
            "apoptosis_rate": 0.001,
            "relax": True,
        },
        "max_search_radius": radius,
    }


def with_motile(frame: Array, position: Array, radius: float) -> tuple[Array, float]:
    import motile
    import networkx
    from motile.constraints import MaxChildren, MaxParents
    from motile.costs import (
        EdgeSelectedCost,
        NodeAppearCost,
        NodeDisappearCost,
        NodeSelectedCost,
        NodeSplitCost,
    )
    from scipy.spatial import cKDTree

    start = time.process_time()
    graph = networkx.DiGraph()
    graph.add_nodes_from((row, {"t": int(t)}) for row, t in enumerate(frame))
    for number in range(int(frame.max())):
        before, after = (np.flatnonzero(frame == one) for one in (number, number + 1))
        near = cKDTree(position[before]).query_ball_tree(cKDTree(position[after]), radius)
        for i, others in zip(before, near, strict=True):
            for j in after[others]:
                square = float(((position[i] - position[j]) ** 2).sum()) / radius**2
                graph.add_edge(int(i), int(j), square=square)
    solver = motile.Solver(motile.TrackGraph(graph, frame_attribute="t"))
    solver.add_cost(NodeSelectedCost(constant=-10.0))  # every detection is kept
    solver.add_cost(EdgeSelectedCost(weight=1.0, attribute="square"))
    solver.add_cost(NodeAppearCost(constant=0.5))
    solver.add_cost(NodeDisappearCost(constant=0.5))
    solver.add_cost(NodeSplitCost(constant=0.25))
    solver.add_constraint(MaxParents(1))
    solver.add_constraint(MaxChildren(2))
    solver.solve()
    found = solver.get_selected_subgraph()
    seconds = time.process_time() - start
    return np.array(list(found.edges)), seconds


TRACKERS = {
    "laptrack": with_laptrack,
    "trackpy": with_trackpy,
    "btrack": with_btrack,
    "motile": with_motile,
}


def main() -> None:
    if len(sys.argv) == 1:
        print(*(name for name in TRACKERS if find_spec(name)))
        return
    tracker, given, answer = sys.argv[1:]
    with np.load(given) as content:
        frame, position, radius = content["frame"], content["position"], float(content["radius"])
    links, seconds = TRACKERS[tracker](frame, position, radius)
    np.savez(answer, links=links, seconds=seconds)


if __name__ == "__main__":
    main()
