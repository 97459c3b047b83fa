"""``cellwright segment``: from images to labels, numbers and a report."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cellwright._types import Table
from cellwright.images.checks import check_pixels
from cellwright.images.find import Found, find_images
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.sink import open_label_sink
from cellwright.inference.rolling import RowSink
from cellwright.inference.runtime import Device
from cellwright.measure.tables import concatenate
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel, Segmentation
from cellwright.models.load import load_instance_model
from cellwright.models.package import load_package
from cellwright.runs.bands import measure_plane
from cellwright.runs.batch import Stopwatch, Task
from cellwright.runs.doctor import available_cores
from cellwright.runs.folder import PREVIEW_FILE, InputFile, Outcome, Plan, open_run, read_record
from cellwright.runs.outcome import object_facts, with_image_name
from cellwright.runs.overlay import choose_window, picture, write_side_by_side
from cellwright.runs.planes import Depth, Plane, plane_at, planes, stack_axes, stack_shape
from cellwright.runs.results import (
    RESULT_FILES,
    RunResult,
    command_line,
    complete_run,
    earlier_result,
    plan_tasks,
)
from cellwright.runs.stack import PlaneLabels, StackLabels
from cellwright.runs.warnings import image_warnings, object_warnings, one_of_each_kind

PREVIEW_SIDE = 512
"""Longest side of the crop that a preview shows, in px."""
SUFFIXES = {"tif": ".tif", "ome-zarr": ".ome.zarr"}


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """What the objects depend on, besides the images and the model.

    Parameters
    ----------
    format : {"tif", "ome-zarr"}
        How labels are written.
    axes : str, optional
        Axes of the images where the files do not say.
    z : {"max", "mean", "each"}, optional
        What becomes of Z planes.
    channel : tuple of str
        Names or numbers (from 0) of the channels that the model is given.
    tile : int, optional
        Side of a tile on the network's grid, in px.
    threshold : float, optional
        Least confidence of an object; the model's own by default.
    min_size : float
        Least area of an object, in px of the image.
    exclude_border : bool
        Leave out objects that touch the border of the image.
    diameter : float, optional
        Typical diameter of the objects, in px; estimated by default.
    pixel_size : float, optional
        Distance of neighbouring pixels in µm, in place of what the file says.
    """

    format: Literal["tif", "ome-zarr"] = "tif"
    axes: str | None = None
    z: Depth | None = None
    channel: tuple[str, ...] = ()
    tile: int | None = None
    threshold: float | None = None
    min_size: float = 0.0
    exclude_border: bool = False
    diameter: float | None = None
    pixel_size: float | None = None


def segment_images(
    inputs: Sequence[str | Path],
    output: Path,
    options: SegmentOptions,
    *,
    model: str | Path = "nuclei",
    device: Device = "auto",
    jobs: int = 1,
    overwrite: bool = False,
) -> RunResult:
    """Find and measure the objects of images.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders or patterns.
    output : Path
        The result folder.
    options : SegmentOptions
        What the objects depend on.
    model : str or Path
        Name of a model, or the path of a package.
    device : {"auto", "cpu", "cuda"}
        Where the network runs.
    jobs : int
        Images worked on at the same time.
    overwrite : bool
        Replace the results of an earlier run in `output`.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        If there are no images.
    ModelError
        If there is no such model, or its package is broken.
    OutputError
        If `output` holds other results or cannot be written.
    """
    found = _found(inputs, output)
    package = find_model(model)
    tasks = plan_tasks(found)
    plan = Plan(
        command="segment",
        inputs=tuple(InputFile.of(image.path) for image in found),
        parameters=asdict(options),
        files=(*(_label_file(task, options) for task in tasks), *RESULT_FILES),
        model=_identity(package),
    )
    threads = max(1, available_cores() // jobs) if jobs > 1 else None
    open_model = partial(_open_model, package, device, threads)
    open_model()  # one that does not run here is told once, not for every image
    work = partial(_segment_file, output=output, options=options, open_model=open_model)
    with open_run(output, plan, overwrite=overwrite, command_line=command_line()) as (
        run,
        finished,
    ):
        if finished is not None:
            return earlier_result(run, finished)
        return complete_run(run, tasks, work, jobs=jobs, what="Segmenting")


def preview_segmentation(
    inputs: Sequence[str | Path],
    output: Path,
    options: SegmentOptions,
    *,
    model: str | Path = "nuclei",
    device: Device = "auto",
) -> dict[str, Any]:
    """Segment a crop of the first image and write a picture of it beside its outlines.

    Returns
    -------
    dict
        ``preview`` (path of the picture), ``image``, ``crop`` (top, left, height and width in px)
        and ``objects``.
    """
    first = _found(inputs, output)[0]
    task = plan_tasks([first])[0]
    image = _read(task, options)
    index = tuple(size // 2 for size in stack_shape(image, options.z))
    plane = plane_at(image, options.z, index).image
    crop = plane.region(Y=_middle(plane.sizes["Y"]), X=_middle(plane.sizes["X"]))
    labels = _find(_open_model(find_model(model), device, None), crop, options).labels
    assert labels is not None  # no sink was given
    write_side_by_side(output / PREVIEW_FILE, crop, labels)
    return {
        "preview": str(output / PREVIEW_FILE),
        "image": task.image,
        "objects": int(labels.max(initial=0)),
    }


def _middle(size: int) -> slice:
    """Return the middle of an axis, as much as a preview shows."""
    shown = min(size, PREVIEW_SIDE)
    return slice((size - shown) // 2, (size + shown) // 2)


def _found(inputs: Sequence[str | Path], output: Path) -> list[Found]:
    """Return the images, without the results of an earlier run that lie among them."""
    earlier = read_record(output) or {"files": []}
    results = {(output / name).resolve() for name in (*earlier["files"], PREVIEW_FILE)}
    return [image for image in find_images(inputs) if image.path.resolve() not in results]


def _identity(package: Path) -> dict[str, str]:
    model = load_package(package)
    return {"name": model.card.name, "version": model.card.version, "sha256": model.sha256}


@lru_cache(maxsize=1)
def _open_model(package: Path, device: Device, threads: int | None) -> InstanceModel:
    """Return a model that is ready to run: opened once in each process."""
    return load_instance_model(package, device=device, threads=threads)


def _label_file(task: Task, options: SegmentOptions) -> str:
    return f"labels/{task.output}{SUFFIXES[options.format]}"


def _segment_file(
    task: Task, output: Path, options: SegmentOptions, open_model: Callable[[], InstanceModel]
) -> tuple[Outcome, Table]:
    watch = Stopwatch()
    with watch.step("read"):
        image = _read(task, options)
    like = _like_labels(image, stack_axes(image, options.z) + "YX", options.pixel_size)
    file = _label_file(task, options)
    tables: list[Table] = []
    warnings: list[str] = []
    with open_label_sink(like.shape, output) as sink:
        stack = StackLabels(sink)
        for plane in planes(image, options.z):
            plane = _with_pixel_size(plane, options.pixel_size)
            table, remarks = _segment_plane(plane, stack, options, open_model(), watch)
            tables.append(_at(plane.index, like.axes, table))
            warnings += remarks
        with watch.step("write"):
            sink.save(output / file, like=like, relabel=stack.relabel, overwrite=True)
        with watch.step("report"):
            shown = _picture(image, options, stack, tables)
    table = with_image_name(concatenate(tables), task.image)
    outcome = Outcome(
        image=task.image,
        objects=len(table["label"]),
        files=(file,),
        warnings=one_of_each_kind(warnings),
        facts=object_facts(table, like.shape),
        seconds=watch.seconds,
        picture=shown,
    )
    return outcome, table


def _segment_plane(
    plane: Plane,
    stack: StackLabels,
    options: SegmentOptions,
    model: InstanceModel,
    watch: Stopwatch,
) -> tuple[Table, list[str]]:
    """Find and measure the objects of one plane; returns them and what to know about them."""
    image = plane.image
    with watch.step("find objects"):
        found = _find(model, image, options, stack.writer(plane.index))
    above = stack.add(found.relabel)
    with watch.step("measure"):
        table = _measured(image, stack.plane(plane.index), found, above)
    with watch.step("check"):
        warnings = image_warnings(image, model.card, options.channel, found.diameter)
    return table, [*found.warnings, *warnings, *object_warnings(table)]


def _read(task: Task, options: SegmentOptions) -> Image:
    image = read(task.path, axes=options.axes, scene=task.scene)
    check_pixels(image)
    return image


def _find(
    model: InstanceModel, image: Image, options: SegmentOptions, sink: RowSink | None = None
) -> Segmentation:
    return model.segment(
        image,
        diameter=options.diameter,
        channel=options.channel or None,
        threshold=options.threshold,
        min_size=options.min_size,
        exclude_border=options.exclude_border,
        tile=options.tile,
        sink=sink,
    )


def _measured(image: Image, labels: PlaneLabels, found: Segmentation, above: int) -> Table:
    """Return one row per object: what it is, how sure that is, and its measurements."""
    measured = measure_plane(labels, image)
    count = len(found.table["label"])
    if not np.array_equal(measured["label"], found.table["label"] + above):
        raise RuntimeError(f"objects found and measured in '{image.name}' differ")
    what = {
        "label": measured.pop("label"),
        "class": np.full(count, "object"),
        "class_prob": np.ones(count),
        "confidence": found.table["confidence"],
    }
    return what | measured


def _at(index: tuple[int, ...], axes: str, table: Table) -> Table:
    """Return a table with the frame and the plane that its objects lie in."""
    names = {"T": "frame", "Z": "plane"}
    count = len(table["label"])
    place = {names[axis]: np.full(count, i) for axis, i in zip(axes, index, strict=False)}
    return {"label": table["label"], **place, **table}


def _like_labels(image: Image, axes: str, size: float | None) -> Image:
    """Return an image with the axes of its labels, for their shape and metadata."""
    kept = image.pixel_size
    if kept is not None:
        pairs = zip(image.spatial_axes, kept, strict=True)
        kept = tuple(step for axis, step in pairs if axis in axes)
    if size is not None and "Z" not in axes:
        kept = (size, size)
    pixels = np.broadcast_to(np.int32(0), [image.sizes[axis] for axis in axes])
    return replace(image, data=pixels, axes=axes, pixel_size=kept, channel_names=None)


def _with_pixel_size(plane: Plane, size: float | None) -> Plane:
    """Return a plane with the pixel size that the user gave, if any."""
    if size is None:
        return plane
    return replace(plane, image=replace(plane.image, pixel_size=(size, size)))


def _picture(
    image: Image, options: SegmentOptions, stack: StackLabels, tables: Sequence[Table]
) -> dict[str, Any]:
    """Return the picture of the middle plane for the report."""
    shape = stack_shape(image, options.z)
    index = tuple(size // 2 for size in shape)
    table = tables[int(np.ravel_multi_index(index, shape)) if shape else 0]
    plane = plane_at(image, options.z, index).image
    height, width = plane.sizes["Y"], plane.sizes["X"]
    centres = np.stack([table["centroid-0"], table["centroid-1"]], axis=1)
    window = choose_window(height, width, centres)
    labels = stack.plane(index)[window.slices]
    confidence = dict(zip(table["label"].tolist(), table["confidence"].tolist(), strict=True))
    return picture(plane, labels, window, confidence)
