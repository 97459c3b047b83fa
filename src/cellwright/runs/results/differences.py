"""How two runs differ, in words: why one does not go on in the folder of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cellwright.datasets.layouts.files import some

_Plan = Mapping[str, Any]


def differences(earlier: _Plan, wanted: _Plan) -> list[str]:
    """Say how an earlier run differs from what is asked for now.

    Parameters
    ----------
    earlier, wanted : mapping
        Two plans that are not equal, as they stand in ``run.json``.
    """
    if earlier.get("command") != wanted["command"]:
        return [f"made by 'cellwright {earlier.get('command')}'"]
    said = []
    if earlier.get("inputs") != wanted["inputs"]:
        said.append(_other_inputs(earlier.get("inputs", []), wanted["inputs"]))
    then, now = earlier.get("parameters", {}), wanted["parameters"]
    changed = [
        f"{name} was {_given(then.get(name))}, is {_given(now.get(name))}"
        for name in then | now
        if then.get(name) != now.get(name)
    ]
    if changed:
        said.append(f"different parameters ({', '.join(changed)})")
    if earlier.get("model") != wanted["model"]:
        said.append(f"made with {_model(earlier.get('model'))}, not {_model(wanted['model'])}")
    if earlier.get("version") != wanted["version"]:
        said.append(f"made by Cellwright {earlier.get('version')}, not {wanted['version']}")
    return said or ["its files have other names"]


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


def _other_inputs(earlier: Sequence[_Plan], wanted: Sequence[_Plan]) -> str:
    """Say which files were read then and are not now, or the other way round, or have changed."""
    then, now = ({file["path"]: file for file in files} for files in (earlier, wanted))
    gone = [Path(path).name for path in then if path not in now]
    added = [Path(path).name for path in now if path not in then]
    told = []
    if gone:
        told.append(f"made of {some(gone)}, " + (f"not of {some(added)}" if added else "too"))
    elif added:
        told.append(f"made without {some(added)}")
    changed = [Path(path).name for path in now if path in then and then[path] != now[path]]
    if not told and not changed:
        return "its files were in another order"
    return ", ".join([*told, *([f"made before {some(changed)} changed"] if changed else [])])


def _given(value: Any) -> str:
    return "not given" if value in (None, [], "") else str(value)


def _model(model: _Plan | None) -> str:
    if model is None:
        return "no model"
    return f"the model '{model.get('name')}' {model.get('version')} ({model.get('sha256', '')[:8]})"
