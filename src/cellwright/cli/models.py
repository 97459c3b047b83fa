"""``cellwright models``: list, explain, export, add and remove models."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from cellwright.cli import options

if TYPE_CHECKING:
    from cellwright.models.card import InputContract
    from cellwright.models.find import KnownModel


@click.group(short_help="List, explain, export, add and remove models.")
def models() -> None:
    """List, explain, export, add and remove models."""


@models.command(name="list")
@options.as_json
def list_(as_json: bool) -> None:
    """List the models that have a name."""
    from cellwright.models.find import list_models

    rows = [_row(known) for known in list_models()]
    lines = [f"{row['name']:<20} {row['version']:<10} {row['description']}" for row in rows]
    options.say(as_json, {"models": rows}, lines or ["There are no models yet."])


def _row(known: "KnownModel") -> dict[str, Any]:
    """Return what the list says of a model; one that is broken does not hide the others."""
    from cellwright import ModelError
    from cellwright.models.package import load_package

    try:
        card = load_package(known.path).card
        version, description = card.version, card.description
    except ModelError as error:
        version, description = "broken", str(error)
    return {
        "name": known.name,
        "version": version,
        "shipped": known.shipped,
        "path": str(known.path),
        "description": description,
    }


_WIDTH = 100
_INDENT = 14


def _told(title: str, *paragraphs: str) -> list[str]:
    """Return paragraphs as lines beside their title."""
    lines = [line for text in paragraphs for line in wrap(text, _WIDTH - _INDENT)]
    return [
        f"{'' if number else f'  {title}':<{_INDENT}}{line}" for number, line in enumerate(lines)
    ]


def _input(contract: "InputContract") -> Iterator[str]:
    """Say what images are given, and how they are looked at."""
    yield ", ".join(contract.channels)
    if contract.diameter_range is not None:
        low, high = contract.diameter_range
        yield f"objects of {low:g} to {high:g} px as they are, others are scaled"
    if contract.scale is not None:
        yield f"images are seen at a scale of {contract.scale:g} unless a diameter is told"
    if contract.tta != "never":
        which = "all" if contract.tta == "always" else f"those on a {contract.tta}"
        yield f"of images, {which} are seen in every mirror, too (unless --no-tta)"


def _training(facts: Mapping[str, Any]) -> str:
    """Return what was learned from, for how long; the details are in the JSON."""
    plain = {name: value for name, value in facts.items() if not isinstance(value, Mapping)}
    return "; ".join(f"{name}: {value}" for name, value in plain.items())


def _evaluation(figures: Mapping[str, Any]) -> list[str]:
    """Return what was scored and the leading scores for each kind of image, or class of pixels."""
    scores: dict[str, list[str]] = {}
    for name, value in figures.items():
        what, _, kind = name.partition(", ")
        if isinstance(value, int | float) and re.fullmatch(
            r"AP@\S+ per image|AP|AP50|AP75|F1\S*|Dice|class accuracy", what
        ):
            scores.setdefault(kind, []).append(f"{what.removesuffix(' per image')} {value:.2f}")
    lines = [f"{kind or 'all'}: {', '.join(values)}" for kind, values in scores.items()]
    return [str(figures["of"]), *lines] if "of" in figures else lines


def _arithmetic(training: Mapping[str, Any]) -> list[str]:
    """Return what a network computes in, where that is not the same everywhere."""
    from cellwright.models.engines import IN_INTEGERS

    facts = training.get(IN_INTEGERS)
    if facts is None:
        return []
    score, values = next((name, value) for name, value in facts.items() if isinstance(value, dict))
    told = ", ".join(f"{score} {value:.3f} in {way}" for way, value in values.items())
    return [f"8-bit integers on CPUs, floats on GPUs; {told} ({facts['judged on images']} images)"]


def _origin(facts: Mapping[str, Any]) -> list[str]:
    """Return where a model comes from, and what to cite."""
    return [f"{facts['format']}: {facts['name']}", *(f"Cite {text}" for text in facts["cite"])]


@models.command(short_help="Explain a model: what it is for, how good, and when not to trust it.")
@click.argument("model")
@options.as_json
def info(model: str, as_json: bool) -> None:
    """Say what MODEL is, how it was made and when not to trust it; check that it runs."""
    from cellwright.models.find import find_model
    from cellwright.models.package import load_package, verify_package

    package = load_package(find_model(model))
    difference = verify_package(package)
    card = package.card
    lines = [
        f"{card.name} {card.version}: {card.description}",
        *_told("input", "; ".join(_input(card.input))),
        f"  method      {card.method}",
        *(
            _told("classes", ", ".join(map(str, card.readout["classes"])))
            if "classes" in card.readout
            else []
        ),
        *(_told("origin", *_origin(card.origin)) if card.origin else []),
        *_told("training", _training(card.training) or "nothing is stated"),
        *_told("arithmetic", *_arithmetic(card.training)),
        *_told("evaluation", *(_evaluation(card.evaluation) or ["none is stated"])),
        *_told("limits", card.limits or "none are stated"),
        f"  licence     {card.licence or 'none is stated'}; "
        f"{', '.join(card.authors) or 'no authors are stated'}",
        f"  sha256      {package.sha256}",
        f"  test        passed (greatest difference {difference:.1g})",
        "All figures and settings: --json",
    ]
    options.say(as_json, card.to_json() | {"sha256": package.sha256}, lines)


@models.command(short_help="Write a model as one file, for other programs or people.")
@click.argument("model")
@options.output("The file (.zip) to be written.")
@click.option(
    "--format",
    "format_",
    type=options.OneOf(["bioimageio", "cellwright"]),
    default="bioimageio",
    show_default=True,
    help="BioImage.IO for other programs, or Cellwright's own.",
)
def export(model: str, output: Path, format_: str) -> None:
    """Write MODEL as one file, for other programs or other people.

    Other users of Cellwright give either to 'cellwright models import', and get the same model;
    the own format makes a smaller file, and '--model' takes it as it is.
    """
    from cellwright.models.bioimageio import export_bioimageio
    from cellwright.models.find import find_model
    from cellwright.models.package import ZIP_SUFFIXES, load_package, save_package

    if output.suffix not in ZIP_SUFFIXES:
        raise click.UsageError(f"'{output}' must end in .zip.")
    if output.exists():
        raise click.UsageError(f"'{output}' exists already. Choose another name.")
    package = load_package(find_model(model))
    if format_ == "bioimageio":
        export_bioimageio(package, output)
    else:
        save_package(output, package.card, package.files)
    click.echo(f"Written: {output}")


@models.command(short_help="Make a model faster on CPUs, if it finds what it found before.")
@click.argument("model")
@click.argument("dataset", type=click.Path(path_type=Path))
@options.output("The package to be made: a folder, or a .zip.")
@options.axes
@options.threads
@options.as_json
def quantise(
    model: str,
    dataset: Path,
    output: Path,
    axes: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Write MODEL so that CPUs run it in 8-bit integers; GPUs run it as before.

    DATASET holds annotated images that the model was trained on (train) and others (val). The
    ranges of all layers are told from the first; on the others the new model must score what the
    old one does, less 0.005 at most. Otherwise nothing is written.
    """
    from cellwright.runs.quantise import quantise

    done = quantise(model, dataset, output, axes=axes, threads=threads)
    slow, fast = done.seconds
    lines = [
        f"{done.score} on {done.images} images: {done.after:.3f} (before: {done.before:.3f})",
        f"Seconds per megapixel on this computer: {fast:.2f} (before: {slow:.2f})",
        f"Written: {output}",
    ]
    content = {
        "score": done.score,
        "before": done.before,
        "after": done.after,
        "images": done.images,
        "seconds_per_megapixel": {"before": slow, "after": fast},
        "path": str(output),
    }
    options.say(as_json, content, lines)


@models.command(name="import", short_help="Add a model from a file, a folder or the web.")
@click.argument("source")
@click.option("--sha256", help="What a file from the web must have.")
@click.option("--name", help="What finds it afterwards.  [default: its own name]")
@click.option(
    "--method",
    type=options.OneOf(["boundary", "classes", "watershed"]),
    help="What reads the maps of a model from elsewhere.  [default: as its description suggests]",
)
@options.as_json
def import_(source: str, as_json: bool, **choices: Any) -> None:
    """Check the model at SOURCE and add it to those that have a name.

    SOURCE is a package of Cellwright or of BioImage.IO (formats 0.4 and 0.5, with ONNX weights): a
    zip, a folder, an rdf.yaml, or the https address of a file. Downloads go on where they broke
    off, and are kept; what was downloaded once needs no network.
    """
    from cellwright.models.exchange import import_model

    done = import_model(source, **choices)
    lines = [
        *(f"Note: {note}" for note in done.notes),
        f"Use it with --model {done.model.name} (kept at {done.model.path}).",
    ]
    content = {"name": done.model.name, "path": str(done.model.path), "notes": list(done.notes)}
    options.say(as_json, content, lines)


@models.command(short_help="Delete a model that was added.")
@click.argument("name")
@options.as_json
def remove(name: str, as_json: bool) -> None:
    """Delete the model NAME from those that were added with 'cellwright models import'.

    The package that it was imported from stays, and so do models that came with Cellwright.
    """
    from cellwright.models.find import remove_model

    done = remove_model(name)
    lines = [f"Removed the model '{done.name}' ({done.path})."]
    options.say(as_json, {"name": done.name, "path": str(done.path)}, lines)
