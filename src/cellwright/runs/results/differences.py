"""How two runs differ, in words: why one does not go on in the folder of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cellwright.datasets.layouts.files import some

_Plan = Mapping[str, Any]


def differences(earlier: _Plan, wanted: _Plan) -> list[str]:
    """Say what is different now from an earlier run, in the words that follow "different now".

    Parameters
    ----------
    earlier, wanted : mapping
        Two plans that are not equal, as they stand in ``run.json``.
    """
    then, now = earlier.get("command"), wanted["command"]
    if then != now:
        return [f"'cellwright {now}' instead of 'cellwright {then}'"]
    said = _other_inputs(earlier.get("inputs", []), wanted["inputs"])
    before, after = earlier.get("parameters", {}), wanted["parameters"]
    said += [
        f"{name} {_given(after.get(name))} instead of {_given(before.get(name))}"
        for name in before | after
        if before.get(name) != after.get(name)
    ]
    if earlier.get("model") != wanted["model"]:
        said.append(f"{_model(wanted['model'])} instead of {_model(earlier.get('model'))}")
    if earlier.get("version") != wanted["version"]:
        said.append(f"Cellwright {wanted['version']} instead of {earlier.get('version')}")
    return said or ["names of files that are written"]


def only_adds(earlier: _Plan, wanted: _Plan) -> bool:
    """Return whether a finished run would be the wanted one with more images.

    Images that failed count for nothing: they may have been put right, or left out.

    Parameters
    ----------
    earlier : mapping
        The content of ``run.json``.
    wanted : mapping
        A plan.
    """
    images = ("inputs", "files", "sources")
    alike = all(earlier.get(key) == value for key, value in wanted.items() if key not in images)
    if not alike or not earlier.get("sources") or not wanted["sources"]:
        return False
    done = [image for image in earlier["images"] if image["status"] == "done"]
    then = {image["image"]: earlier["sources"][image["image"]] for image in done}
    sources = {path for paths in then.values() for path in paths}
    read = [file for file in earlier["inputs"] if file["path"] in sources]
    written = {file for image in done for file in image["files"]}
    return (
        all(wanted["sources"].get(image) == paths for image, paths in then.items())
        and all(file in wanted["inputs"] for file in read)
        and written <= {*wanted["files"]}
    )


def of_both(earlier: _Plan, wanted: _Plan) -> _Plan:
    """Return a plan with the images of an earlier one besides its own."""
    inputs = [*earlier["inputs"], *wanted["inputs"]]
    files = [*earlier["files"], *wanted["files"]]
    sources = wanted["sources"] | (earlier.get("sources") or {})
    return {**wanted, "inputs": inputs, "files": files, "sources": sources}


def _other_inputs(earlier: Sequence[_Plan], wanted: Sequence[_Plan]) -> list[str]:
    """Say which files were read then and are not now, or the other way round, or have changed."""
    then, now = ({file["path"]: file for file in files} for files in (earlier, wanted))
    gone = [path for path in then if path not in now]
    added = [path for path in now if path not in then]
    changed = [path for path in now if path in then and then[path] != now[path]]
    said = []
    if gone and added:
        alike = {Path(path).name for path in gone} & {Path(path).name for path in added}
        told = (lambda path: path) if alike else (lambda path: Path(path).name)
        said.append(f"{some(map(told, added))} instead of {some(map(told, gone))}")
    elif gone or added:
        said.append(f"{'without' if gone else 'also'} {_names(gone or added)}")
    if changed:
        said.append(f"changes in {_names(changed)}")
    if not said and list(then) != list(now):
        said.append("its files in another order")
    return said


def _names(paths: Sequence[str]) -> str:
    return some(Path(path).name for path in paths)


def _given(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "not given" if value in (None, [], "") else str(value)


def _model(model: _Plan | None) -> str:
    if model is None:
        return "no model"
    return f"the model '{model.get('name')}' {model.get('version')} ({model.get('sha256', '')[:8]})"
