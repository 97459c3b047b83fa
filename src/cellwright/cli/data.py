"""``cellwright data``: look at a dataset, at what augmentation makes of it; divide, repair it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cellwright._words import counted
from cellwright.cli import options
from cellwright.cli.exits import EXIT_SOME_FAILED, EXIT_WRONG_INPUT

if TYPE_CHECKING:
    from cellwright.datasets.leaks import Leak
    from cellwright.datasets.records import Dataset
    from cellwright.datasets.repair import Parts
    from cellwright.datasets.summary import Summary

_SHOWN = 5  # messages of a kind that are printed before the rest is only counted

dataset_path = click.argument("path", type=click.Path(path_type=Path))


@click.group()
def data() -> None:
    """Look at a dataset, preview its augmentation, divide it, repair its labels."""


@data.command(short_help="Say what a dataset holds, and what is wrong with it.")
@dataset_path
@options.axes
@options.as_json
def inspect(path: Path, axes: str | None, as_json: bool) -> None:
    """Say what the dataset in the folder PATH holds, and what is wrong with it."""
    from cellwright.datasets.dataset import open_dataset
    from cellwright.datasets.leaks import check_leaks
    from cellwright.datasets.summary import summarise

    dataset = open_dataset(path, axes)
    summary = summarise(dataset)
    # Thumbnails need every image, so they are compared only where all can be read.
    leaks = check_leaks(dataset, look=len(summary.examples) == len(dataset))
    facts = _facts(dataset, summary, leaks)
    options.say(as_json, facts, _lines(facts))
    if summary.problems:
        raise SystemExit(EXIT_SOME_FAILED)


@data.command(short_help="Write a picture of patches as training would see them.")
@dataset_path
@options.output("Picture to write, such as contact_sheet.png.")
@options.augmentation("How strongly patches are varied.")
@click.option(
    "--patches", type=options.Whole(1, 400), default=24, show_default=True, help="How many patches."
)
@click.option(
    "--size",
    type=options.Whole(16, 1024),
    default=192,
    show_default=True,
    help="Side of a patch, in pixels.",
)
@options.axes
@options.seed
@options.overwriting("Replace the picture if it is there.")
def preview(
    path: Path,
    output: Path,
    strength: str,
    patches: int,
    size: int,
    axes: str | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Write a contact sheet of patches as training would see them, objects outlined or framed.

    Of volumes, the middle plane is shown.
    """
    from cellwright.datasets.dataset import open_dataset
    from cellwright.runs.train.contact_sheet import write_contact_sheet

    dataset = open_dataset(path, axes)
    _check_output(output, dataset, overwrite)
    write_contact_sheet(
        dataset,
        output,
        patches=patches,
        size=size,
        strength=strength,
        seed=seed,
        overwrite=overwrite,
    )
    click.echo(f"Wrote {patches} {'patch' if patches == 1 else 'patches'} to '{output}'.")


@data.command(short_help="Say which images are learned, and which are for checking.")
@dataset_path
@options.output("Description to write, such as PATH/dataset.yaml.")
@click.option(
    "--train",
    type=options.Real(0, 1),
    default=0.8,
    show_default=True,
    help="Share of the images that is learned from.",
)
@click.option(
    "--val",
    type=options.Real(0, 1),
    default=0.2,
    show_default=True,
    help="Share of the images that checks the training and decides about thresholds.",
)
@click.option(
    "--test",
    type=options.Real(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the images that is kept back for a last score.",
)
@options.seed
@options.axes
@options.overwriting("Replace the description if it is there.")
@options.as_json
def split(
    path: Path,
    output: Path,
    train: float,
    val: float,
    test: float,
    seed: int,
    axes: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Divide the dataset in PATH and write which example belongs where.

    Groups stay whole, kinds and categories are spread evenly, and splits that are there already
    are kept. The images stay where they are; give the written file to any command that takes a
    dataset.
    """
    from cellwright.datasets.dataset import open_dataset
    from cellwright.datasets.layouts.described import write_description
    from cellwright.datasets.leaks import check_leaks
    from cellwright.datasets.splits import split_dataset

    if output.suffix.lower() not in (".yaml", ".yml"):
        raise click.UsageError(f"'{output}' must end in .yaml.")
    wanted = {"train": train, "val": val, "test": test}
    fractions = {name: fraction for name, fraction in wanted.items() if fraction > 0}
    if not fractions:
        raise click.UsageError("All shares are 0; give --train, --val or --test one above it.")
    opened = open_dataset(path, axes)
    _check_output(output, opened, overwrite)
    dataset = split_dataset(opened, fractions, seed)
    leaks = [str(leak) for leak in check_leaks(dataset)]
    kept = sum(example.split is not None for example in opened.examples)
    write_description(dataset, output)
    lines = [f"Wrote '{output}': {_counted(dataset.splits)}."]
    if kept:
        some = "All" if kept == len(opened) else f"{kept:,}"
        lines.append(
            f"{some} of {counted(len(opened), 'example')} were in a split before "
            f"({opened.layout}) and stay in it, whatever the shares and the seed."
        )
    facts = {"output": str(output), "splits": dataset.splits, "kept": kept, "leaks": leaks}
    options.say(as_json, facts, [*lines, *_listed("Leaks", leaks)])


@data.command(short_help="Write copies of labels without stray parts and holes.")
@click.argument("labels", nargs=-1, required=True)
@options.output("Folder for the repaired copies.")
@click.option(
    "--parts",
    type=options.OneOf(["split", "largest", "keep"]),
    default="split",
    show_default=True,
    help="Objects in several parts: one object each, the largest part alone, or as they are.",
)
@click.option(
    "--fill-holes/--keep-holes", default=True, show_default=True, help="Background inside objects."
)
@click.option(
    "--min-size",
    type=options.Whole(min=1),
    default=1,
    show_default=True,
    help="Drop objects of fewer pixels.",
)
@options.axes
@options.overwriting("Replace copies that are there.")
@options.as_json
def repair(
    labels: tuple[str, ...],
    output: Path,
    parts: Parts,
    fill_holes: bool,
    min_size: int,
    axes: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write copies of LABELS whose objects are in one part each and without holes.

    LABELS are files, folders or patterns of images of numbered objects. The originals stay as
    they are; repair.json beside the copies says what was found and done.
    """
    from cellwright.runs.repair import repair_labels

    done = repair_labels(
        labels,
        output,
        parts=parts,
        fill_holes=fill_holes,
        min_size=min_size,
        axes=axes,
        overwrite=overwrite,
    )
    failed = [one for one in done if one.error]
    for one in failed:
        click.echo(f"Failed: {one.name}: {one.error}", err=True)
    facts: dict[str, Any] = {
        "output": str(output),
        "images": len(done) - len(failed),
        "scattered": sum(one.flaws.scattered for one in done),
        "holed": sum(one.flaws.holed for one in done),
        "objects_before": sum(one.before for one in done),
        "objects_after": sum(one.after for one in done),
        "failed": {one.name: one.error for one in failed},
    }
    lines = [
        f"{counted(facts['scattered'], 'object')} in several parts, {facts['holed']:,} with holes, "
        f"in {counted(facts['images'], 'label image')}",
        f"{counted(facts['objects_before'], 'object')} before, {facts['objects_after']:,} after",
        f"copies  {output}",
    ]
    options.say(as_json, facts, lines)
    if failed:
        raise SystemExit(EXIT_SOME_FAILED if len(failed) < len(done) else EXIT_WRONG_INPUT)


def _check_output(output: Path, dataset: Dataset, overwrite: bool) -> None:
    """Refuse to write over what is there, and over the dataset itself in any case."""
    from cellwright._errors import OutputError
    from cellwright.images.write import refuse_existing

    refuse_existing(output, overwrite)
    files = (file for one in dataset.examples for file in (*one.images, *one.annotation_files))
    if output.resolve() in {file.resolve() for file in files}:
        raise OutputError(f"'{output}' belongs to the dataset. Choose another name.")


def _facts(dataset: Dataset, summary: Summary, leaks: tuple[Leak, ...]) -> dict[str, Any]:
    """Return all that `inspect` says."""
    import numpy as np

    def quartiles(values: list[Any]) -> list[float] | None:
        return [round(float(q), 1) for q in np.percentile(values, [0, 50, 100])] if values else None

    return {
        "path": str(dataset.root),
        "layout": dataset.layout,
        "task": dataset.task,
        "examples": len(dataset),
        "splits": dataset.splits,
        "groups": len({example.group for example in dataset.examples if example.group}),
        "kinds": dataset.kinds,
        "categories": dataset.categories,
        "sizes": summary.shapes,
        "dtypes": summary.dtypes,
        "channels": summary.channels,
        "objects": sum(summary.objects) if summary.objects else None,
        "objects_per_image": quartiles(summary.objects),
        "classes": summary.classes,
        "median_diameter_px": quartiles(summary.diameters),
        "notes": [*dataset.notes, *summary.doubts],
        "problems": list(summary.problems),
        "leaks": [str(leak) for leak in leaks],
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    """Return the facts as lines for a person."""
    lines = [
        f"{facts['path']}: {counted(facts['examples'], 'example')}, {facts['layout']}, "
        f"{facts['task']}",
        f"  splits      {_counted(facts['splits'])}",
    ]
    for name in ("kinds", "categories", "sizes", "dtypes", "channels"):
        if facts[name]:
            lines.append(f"  {name:<11} {_counted(facts[name])}")
    if facts["groups"]:
        lines.append(f"  groups      {facts['groups']}")
    if facts["objects_per_image"]:
        in_each = _range(facts["objects_per_image"])
        lines.append(f"  objects     {facts['objects']:,} in all; an image has {in_each}")
    if facts["classes"]:
        lines.append(f"  classes     {_counted(facts['classes'])}")
    if facts["median_diameter_px"]:
        of_images = "of an object" if facts["examples"] == 1 else "of an image's objects"
        lines.append(f"  diameter    {_range(facts['median_diameter_px'])} px (median {of_images})")
    for title in ("Notes", "Problems", "Leaks"):
        lines += _listed(title, facts[title.lower()])
    return lines


def _range(quartiles: list[float]) -> str:
    """Return ``3 to 182, median 7``, or the one number that all are."""
    low, median, high = quartiles
    return f"{low:g}" if low == high else f"{low:g} to {high:g}, median {median:g}"


def _counted(counts: dict[str, int]) -> str:
    """Return ``train (12), val (3)``, the least frequent of a long list left out."""
    shown = [f"{name} ({count:,})" for name, count in list(counts.items())[:_SHOWN]]
    rest = len(counts) - _SHOWN
    return ", ".join(shown) + (f" and {counted(rest, 'other')}" if rest > 0 else "")


def _listed(title: str, messages: list[str]) -> list[str]:
    if not messages:
        return []
    rest = len(messages) - _SHOWN
    shown = [f"  - {message}" for message in messages[:_SHOWN]]
    return [f"{title} ({len(messages)}):", *shown, *([f"  … and {rest} more"] if rest > 0 else [])]
