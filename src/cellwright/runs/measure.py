"""``cellwright measure``: from label images to numbers."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from cellwright._errors import InputError
from cellwright._types import LabelArray, Table
from cellwright.datasets.layouts.suffixed import without_label_mark
from cellwright.images.find import Found, find_images
from cellwright.images.image import Image
from cellwright.images.read import labels_of, read
from cellwright.measure.objects import measure_in_image, measure_movie
from cellwright.runs.apply.outcome import object_facts, with_image_name
from cellwright.runs.results.batch import Stopwatch, Task
from cellwright.runs.results.folder import open_run
from cellwright.runs.results.plan import InputFile, Outcome, Plan
from cellwright.runs.results.result import (
    OBJECTS,
    RunResult,
    command_line,
    complete_run,
    earlier_result,
    plan_tasks,
)
from cellwright.runs.results.warnings import label_warnings


def measure_images(
    labels: Sequence[str | Path],
    output: Path,
    *,
    images: Sequence[str | Path] = (),
    axes: str | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> RunResult:
    """Measure the objects of label images, and their intensities where images are given.

    Parameters
    ----------
    labels : sequence of str or Path
        Label images: files, folders or patterns. Frames are measured one by one, planes as a
        volume.
    output : Path
        The result folder.
    images : sequence of str or Path
        The images that were labelled; each must have the name of its labels, which may end in
        ``_masks``, ``_cp_masks`` or ``_labels`` besides, unless one file of each is given.
    axes : str, optional
        Axes of the images and labels where the files do not say.
    jobs : int
        Images measured at the same time.
    overwrite : bool
        Replace the results of an earlier run in `output`.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        If there are no label images, or some have no image.
    OutputError
        If `output` holds other results, or what is to be measured, or cannot be written.
    """
    found = find_images(labels)
    partners = _partners(labels, found, images) if images else {}
    tasks = plan_tasks(found)
    paths = [label.path for label in found] + list(partners.values())
    plan = Plan(
        command="measure",
        inputs=tuple(InputFile.of(path) for path in paths),
        parameters={"axes": axes, "intensities": bool(partners)},
        files=OBJECTS.files,
        sources={task.image: _sources(task, partners) for task in tasks},
    )
    work = partial(_measure_file, partners=partners, axes=axes)
    with open_run(output, plan, overwrite=overwrite, command_line=command_line()) as (
        run,
        finished,
    ):
        if finished is not None:
            return earlier_result(run, OBJECTS, finished)
        return complete_run(run, tasks, work, kind=OBJECTS, jobs=jobs, what="Measuring")


def _sources(task: Task, partners: dict[Path, Path]) -> list[str]:
    """Return the files that the numbers of one label image depend on."""
    image = partners.get(task.path)
    paths = [task.path] if image is None else [task.path, image]
    return [path.resolve().as_posix() for path in paths]


def _partners(
    labels: Sequence[str | Path], found: Sequence[Found], images: Sequence[str | Path]
) -> dict[Path, Path]:
    """Return the image of each label file; of one file and one image, whatever they are called."""
    others = find_images(images)
    paths = [one.path for one in (*found, *others)]
    one_of_each = len(found) == len(others) == 1 and paths[0] != paths[1]
    if one_of_each and paths == [Path(named) for named in (*labels, *images)]:
        return {paths[0]: paths[1]}
    return _pair(found, others)


def _pair(labels: Sequence[Found], images: Sequence[Found]) -> dict[Path, Path]:
    """Return the image of each label file, by the path or else by the name that they share.

    Labels may be named as their image with an ending, such as ``_masks``, and lie beside it.
    """
    own = {label.path for label in labels}
    known: dict[str, list[Path]] = {}
    for image in images:
        if image.path not in own:
            known[f"/{image.relative.as_posix()}"] = [image.path]  # of which there is only one
            known.setdefault(image.relative.name, []).append(image.path)
    return {label.path: _partner(label, known) for label in labels}


def _partner(label: Found, known: Mapping[str, list[Path]]) -> Path:
    """Return the image of a label file among those known by ``/path`` and by name."""
    names = (label.relative.name, without_label_mark(label.relative.name))
    paths = [f"/{label.relative.with_name(name).as_posix()}" for name in names]
    found = next((known[one] for one in (*paths, *names) if one in known), [])
    if len(found) != 1:
        problem = "no image has" if not found else f"{len(found)} images have"
        named = " or ".join(f"'{name}'" for name in dict.fromkeys(names))
        raise InputError(
            f"'{label.path}' cannot be paired: {problem} the name {named}. Give labels and images "
            "the same names, in the same sub-folders; those of labels may end in _masks or _labels."
        )
    return found[0]


def _measure_file(
    task: Task, partners: dict[Path, Path], axes: str | None
) -> tuple[Outcome, Table]:
    watch = Stopwatch()
    with watch.step("read"):
        labels, label_axes = labels_of(read(task.path, axes=axes, scene=task.scene), task.path)
        partner = partners.get(task.path)
        image = None if partner is None else read(partner, axes=axes, scene=task.scene)
        if image is not None:
            _check_match(labels, label_axes, image, task)
    with watch.step("measure"):
        measured = measure_movie if "T" in label_axes else measure_in_image
        table = measured(labels, image)
    table = with_image_name(table, task.image)
    outcome = Outcome(
        image=task.image,
        objects=len(table["label"]),
        warnings=tuple(label_warnings(labels)),
        facts=object_facts(table, labels.shape, label_axes),
        seconds=watch.seconds,
    )
    return outcome, table


def _check_match(labels: LabelArray, axes: str, image: Image, task: Task) -> None:
    sizes = dict(zip(axes, labels.shape, strict=True))
    expected = {axis: size for axis, size in image.sizes.items() if axis != "C"}
    if sizes != expected:
        raise InputError(
            f"'{task.path}' has the size {_text(sizes)}, but its image '{image.name}' has "
            f"{_text(expected)}. Labels and image must fit pixel by pixel."
        )


def _text(sizes: dict[str, int]) -> str:
    return " × ".join(f"{axis} {size}" for axis, size in sizes.items())
