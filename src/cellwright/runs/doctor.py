"""What there is on this computer: versions, devices, memory and caches."""

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from cellwright import __version__
from cellwright._workers import available_cores

EXTRAS = ("torch", "torchvision", "onnx", "pandas", "napari", "bioimageio.core")
_COMPUTING = ("CUDAExecutionProvider", "CPUExecutionProvider")
_INSTEAD = {"onnxruntime": ("onnxruntime-gpu",)}


def examine(full: bool = False) -> dict[str, dict[str, Any]]:
    """Look at this computer and this installation.

    Parameters
    ----------
    full : bool
        Also import torch (and torchvision where installed) to try its devices; takes seconds.

    Returns
    -------
    dict of dict
        Sections (``"system"``, ``"packages"``, ``"devices"``, ``"caches"``, ``"problems"``)
        of named facts.
    """
    return {
        "system": _system(),
        "packages": _packages(),
        "devices": _devices(full),
        "caches": _caches(),
        "problems": _problems(full),
    }


def as_text(facts: dict[str, dict[str, Any]]) -> str:
    """Return the result of `examine` as one block that can be pasted into a report."""
    width = max(len(name) for section in facts.values() for name in section)
    lines: list[str] = []
    for title, section in facts.items():
        lines.append(f"{title}:")
        lines += [f"  {name:<{width}}  {value}" for name, value in section.items()]
        if not section:
            lines.append("  none")
    return "\n".join(lines)


def versions() -> dict[str, str]:
    """Return the versions of Python, Cellwright and what it needs to run."""
    found = {"python": platform.python_version(), "cellwright": __version__}
    found |= {name: number for name in _required() if (number := _version(name))}
    return found


def _system() -> dict[str, str]:
    return {
        "cellwright": f"{__version__} in {Path(__file__).parents[1]}",
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": f"{available_cores()} of {os.cpu_count()} available",
        "memory": _memory(),
    }


def _memory() -> str:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return "unknown"  # Windows does not tell without a further library
    return f"{total / 2**30:.1f} GiB"


def _packages() -> dict[str, str]:
    needed = {name: _version(name) or "MISSING" for name in _required()}
    extras = {name: _version(name) or "not installed" for name in EXTRAS}
    return needed | extras


def _required() -> list[str]:
    """Return the names of the packages that Cellwright cannot run without."""
    try:
        lines = requires("cellwright") or []
    except PackageNotFoundError:  # run from a source folder that is not installed
        return ["numpy", "scipy", "scikit-image", "numba", "tifffile", "zarr", "onnxruntime"]
    needed = [line for line in lines if "extra ==" not in line]
    return [line.split(">")[0].split("=")[0].split("<")[0].split(";")[0].strip() for line in needed]


def _version(name: str) -> str | None:
    """Return the version of a package, or of the build for GPUs that stands in for it."""
    for one in (name, *_INSTEAD.get(name, ())):
        try:
            return version(one) if one == name else f"{version(one)} ({one})"
        except PackageNotFoundError:
            continue
    return None


def _devices(full: bool) -> dict[str, str]:
    devices = {"onnxruntime": _runtime_providers()}
    if shutil.which("nvidia-smi"):
        devices["nvidia driver"] = "found (nvidia-smi)"
    if _version("torch") is None:
        devices["torch"] = "none: training needs pip install 'cellwright[train]'"
    elif not full:
        devices["torch"] = "tried by 'cellwright doctor --full'"
    else:
        devices["torch"] = _torch_devices()
    return devices


def _runtime_providers() -> str:
    try:
        import onnxruntime
    except ImportError as error:
        return f"BROKEN: {error}"
    # Others, such as Azure's, send the work away or are never chosen here.
    there = [name for name in _COMPUTING if name in onnxruntime.get_available_providers()]
    return ", ".join(name.removesuffix("ExecutionProvider") for name in there)


def _torch_devices() -> str:
    from importlib import import_module

    try:
        torch = import_module("torch")
    except (ImportError, OSError) as error:
        return f"BROKEN: {error}"
    found = ["cpu"]
    found += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return ", ".join(found)


def _caches() -> dict[str, str]:
    from cellwright.models.download import cache_folder
    from cellwright.models.find import user_folder

    kernels = os.environ.get("NUMBA_CACHE_DIR") or "beside the package (__pycache__)"
    package = Path(__file__).parents[1]
    compiled = sum(1 for _ in package.rglob("__pycache__/*.nbi"))
    return {
        "models": f"{user_folder()} ({_size(user_folder())})",
        "downloads": f"{cache_folder()} ({_size(cache_folder())})",
        "compiled kernels": f"{kernels}, {compiled} there",
    }


def _size(folder: Path) -> str:
    if not folder.exists():
        return "empty"
    total = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{total / 2**20:.1f} MiB"


def _problems(full: bool) -> dict[str, str]:
    problems = {}
    torch, vision = _version("torch"), _version("torchvision")
    if torch and vision and (_mismatched(torch, vision) or (full and not _imports("torchvision"))):
        problems["torchvision"] = (
            f"torchvision {vision} does not fit torch {torch}: importing it fails, and so do "
            "packages that use it. Cellwright does not need it: pip uninstall torchvision"
        )
    if missing := [name for name in _required() if _version(name) is None]:
        problems["missing"] = f"pip install {' '.join(missing)}"
    return problems


def _mismatched(torch: str, vision: str) -> bool:
    """Whether torch was built for the CPU and torchvision for something else, or the reverse."""
    return torch.endswith("+cpu") != vision.endswith("+cpu")


def _imports(name: str) -> bool:
    from importlib import import_module

    try:
        import_module(name)
    except Exception:  # whatever a broken build raises: ImportError, OSError, RuntimeError
        return False
    return True
