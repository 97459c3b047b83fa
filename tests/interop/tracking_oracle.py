"""Score each RESULT against its TRUTH with py-ctcmetrics and traccuracy; print a line of JSON each.

    python tracking_oracle.py RESULT TRUTH [RESULT TRUTH …]

Runs in an environment of its own, with ``py-ctcmetrics==1.3.3`` and ``traccuracy==0.4.3``.
"""

import contextlib
import io
import json
import logging
import sys
import time
import warnings
from pathlib import Path

from ctc_metrics.metrics import ALL_METRICS
from ctc_metrics.scripts.evaluate import evaluate_sequence
from traccuracy import run_metrics
from traccuracy.loaders import load_ctc_data
from traccuracy.matchers import CTCMatcher
from traccuracy.metrics import CHOTAMetric, DivisionMetrics

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
NEED_SEG = ("SEG", "OP_CTB", "OP_CSB")


def challenge(result: Path, truth: Path) -> dict[str, float]:
    """Return the scores of py-ctcmetrics and its CPU seconds."""
    names = [name for name in ALL_METRICS if name not in NEED_SEG or (truth / "SEG").is_dir()]
    start = time.process_time()
    scores = evaluate_sequence(str(result), str(truth), metrics=names, threads=1)
    return scores | {"seconds": time.process_time() - start}


def traccuracy(result: Path, truth: Path, metric: object) -> dict:
    """Return the scores of one metric of traccuracy; empty where it does not apply."""
    graphs = [
        load_ctc_data(str(folder), str(folder / table), run_checks=False)
        for folder, table in ((truth / "TRA", "man_track.txt"), (result, "res_track.txt"))
    ]
    try:
        results, _ = run_metrics(
            gt_data=graphs[0], pred_data=graphs[1], matcher=CTCMatcher(), metrics=[metric]
        )
    except TypeError:  # no divisions where detections are merged
        return {}
    return results[0]["results"]


def main() -> None:
    """Print the scores of both."""
    paths = [Path(name) for name in sys.argv[1:]]
    for result, truth in zip(paths[::2], paths[1::2], strict=True):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            scores = {
                "challenge": challenge(result, truth),
                "divisions": traccuracy(result, truth, DivisionMetrics(max_frame_buffer=3)),
                "chota": traccuracy(result, truth, CHOTAMetric()),
            }
        print(json.dumps(scores, default=lambda number: number.item()))


if __name__ == "__main__":
    main()
