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
    changed = [name for name in then | now if then.get(name) != now.get(name)]
    if changed:
        said.append(f"different parameters ({', '.join(changed)})")
    if earlier.get("model") != wanted["model"]:
        said.append(f"made with {_model(earlier.get('model'))}, not {_model(wanted['model'])}")
    if earlier.get("version") != wanted["version"]:
        said.append(f"made by Cellwright {earlier.get('version')}, not {wanted['version']}")
    return said or ["its files have other names"]


def _other_inputs(earlier: Sequence[_Plan], wanted: Sequence[_Plan]) -> str:
    """Say which files were read then and are not now, or the other way round, or have changed."""
    then, now = ({file["path"]: file for file in files} for files in (earlier, wanted))
    gone = [Path(path).name for path in then if path not in now]
    added = [Path(path).name for path in now if path not in then]
    told = [*([f"of {some(gone)}"] if gone else []), *([f"not of {some(added)}"] if added else [])]
    changed = [Path(path).name for path in now if path in then and then[path] != now[path]]
    if not told and not changed:
        return "its files were in another order"
    return ", ".join([*told, *([f"before {some(changed)} changed"] if changed else [])])


def _model(model: _Plan | None) -> str:
    if model is None:
        return "no model"
    return f"the model '{model.get('name')}' {model.get('version')} ({model.get('sha256', '')[:8]})"
