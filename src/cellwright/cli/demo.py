"""``cellwright demo``."""

from pathlib import Path

import click

from cellwright.cli.options import as_json, finish


@click.command()
@click.option(
    "-o",
    "--output",
    default="cellwright-demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the example images and the results.",
)
@click.option(
    "--model",
    default="nuclei",
    show_default=True,
    metavar="NAME|PATH",
    help="Name of a model, or the path of a model package.",
)
@as_json
def demo(output: Path, model: str, as_json: bool) -> None:
    """See it work on example images, within two minutes.

    Segments nuclei in stained tissue and in simulated fluorescence images, and writes the table
    and the report.
    """
    from cellwright.runs.demo import run_demo

    if not as_json:
        click.echo("Segmenting example images; the first run compiles for up to a minute.")
    finish(run_demo(output, model=model), as_json)
