"""``cellwright evaluate`` of tracks: how right a result is."""

from __future__ import annotations

from pathlib import Path

from cellwright._files import write_json
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate.run import METRICS_FILE, EvaluationResult
from cellwright.runs.results.folder import open_run, refuse_inputs_inside, tell_again
from cellwright.runs.results.plan import InputFile, Plan
from cellwright.runs.results.result import command_line
from cellwright.tracking.metrics.evaluate import score_tracks


def evaluate_tracks(
    result: str | Path,
    truth: str | Path,
    out: str | Path,
    *,
    radius: float | None = None,
    overwrite: bool = False,
) -> EvaluationResult:
    """Score tracks against true ones and write ``metrics.json``.

    Parameters
    ----------
    result, truth : str or Path
        See `cellwright.tracking.metrics.evaluate.score_tracks`.
    out : str or Path
        The folder for the scores.
    radius : float, optional
        Greatest distance of positions that match, in px; by masks or labels when not given.
    overwrite : bool
        Replace the results of an earlier run in `out`.

    Raises
    ------
    InputError
        If tracks cannot be read or do not belong together.
    OutputError
        If `out` holds something else or cannot be written.
    """
    sources = (Path(result), Path(truth))
    out = Path(out)
    refuse_inputs_inside(out, sources)
    plan = Plan(
        command="evaluate",
        inputs=tuple(InputFile.of(path) for path in sources),
        parameters={"radius": radius},
        files=(METRICS_FILE,),
    )
    with open_run(out, plan, overwrite=overwrite, command_line=command_line()) as (run, finished):
        if finished is not None:
            tell_again(out)
            return EvaluationResult(out, finished["metrics"])
        metrics = {"result": str(result), "truth": str(truth)}
        metrics |= score_tracks(result, truth, radius=radius)
        write_json(out / METRICS_FILE, metrics)
        written = [{"image": str(result), "files": [METRICS_FILE]}]
        run.finish(versions=versions(), metrics=metrics, images=written)
    return EvaluationResult(out, metrics)
