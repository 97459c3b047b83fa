"""What is reviewed: the images, objects and links of a result folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cellwright._types import AnyArray, DoubleArray, IntArray, Table
from cellwright.images.image import PixelSource
from cellwright.runs.results.plan import InputFile
from cellwright.studio.levels import Levels
from cellwright.studio.review_links import Solver

Shape = Literal["outlines", "boxes", "points"]
ALL = -1
"""In place of a frame or a plane: all of them."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """An image of a result.

    Parameters
    ----------
    name : str
        What tables call it.
    open : callable
        Reads it, as far as it must be read at once.
    """

    name: str
    open: Callable[[], Opened]


@dataclass(frozen=True, slots=True)
class Opened:
    """An image of a result that is open.

    Parameters
    ----------
    levels : Levels
    labels : PixelSource, optional
        Axes ``([T,] [Z,] Y, X)``; None where objects have no outlines.
    place_axes : str
        The leading ones of these axes: ``""``, ``"T"``, ``"Z"`` or ``"TZ"``.
    remark : str
        What the user should know about it.
    """

    levels: Levels
    labels: PixelSource | None
    place_axes: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where N objects are; positions in px, the first pixel reaching from 0 to 1.

    Parameters
    ----------
    image : array of int, shape (N,)
        Number of the image.
    label : array of int, shape (N,)
        Value in the label image that is shown.
    frame : array of int, shape (N,)
        `ALL` in images without frames.
    depth : array of float, shape (N, 2)
        First and last plane, `ALL` where an object is seen in every plane.
    centre : array of float, shape (N, 2)
        Y, X.
    box : array of float, shape (N, 4)
        Top, left, bottom, right.
    """

    image: IntArray
    label: IntArray
    frame: IntArray
    depth: DoubleArray
    centre: DoubleArray
    box: DoubleArray


@dataclass(frozen=True, slots=True)
class Result:
    """A result folder.

    Parameters
    ----------
    folder : Path
    run : str
        What tells this run from others that were or will be in the folder.
    record : dict
        The content of ``run.json``.
    shape : {"outlines", "boxes", "points"}
        What is known of the objects.
    images : tuple of Pictured
    objects : Table
        One row per object.
    places : Places
        Of the same rows.
    links : Table, optional
        Of tracks: one row per link between two objects; ``source`` and ``target`` are rows.
    family : callable, optional
        Of tracks: returns the family of a row as a tree.
    solver : Solver, optional
        Of tracks: links them again as a person asks for.
    """

    folder: Path
    run: str
    record: dict[str, Any]
    shape: Shape
    images: tuple[Pictured, ...]
    objects: Table
    places: Places
    links: Table | None = None
    family: Callable[[int], list[dict[str, Any]]] | None = None
    solver: Solver | None = None


def run_name(record: dict[str, Any]) -> str:
    """Return what tells a run from any other, in a few letters."""
    kept = {key: record[key] for key in ("command", "inputs", "parameters", "started", "finished")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def changed_since(path: Path, inputs: Sequence[dict[str, Any]]) -> str:
    """Return a remark where an input is not as it was when the run began."""
    now = InputFile.of(path)
    then = next((one for one in inputs if one["path"] == now.path), None)
    if then is None or (then["bytes"], then["modified_ns"]) == (now.bytes, now.modified_ns):
        return ""
    return f"'{path.name}' was changed since the run: what is shown need not fit it."


def coded(texts: AnyArray) -> tuple[list[str], IntArray]:
    """Return the different ones of many texts, and which one each is, shape (N,)."""
    import pyarrow as pa

    found = pa.array(texts).dictionary_encode()  # faster than sorting them by far
    return found.dictionary.to_pylist(), found.indices.to_numpy().astype(np.int64)
