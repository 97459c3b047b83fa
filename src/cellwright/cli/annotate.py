"""``cellwright annotate``."""

from pathlib import Path

import click

from cellwright.cli import options


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for labels and the journal.  [default: that of the images]",
)
@options.axes
@click.option(
    "--model",
    default="nuclei",
    show_default=True,
    metavar="NAME|PATH",
    help="The model that proposes objects: its name, or the path of a model package.",
)
@options.port
@click.option(
    "--as",
    "--name",
    "who",
    metavar="NAME",
    help="Who annotates, for the journal.  [default: your account]",
)
@click.option(
    "--share",
    is_flag=True,
    help="Let other people of your network take part, each in their own browser.",
)
@options.no_browser
def annotate(
    folder: Path,
    output: Path | None,
    axes: str | None,
    model: str,
    port: int,
    who: str | None,
    share: bool,
    no_browser: bool,
) -> None:
    """Draw and correct the outlines of objects, in the browser.

    FOLDER holds the images. Labels are written to its sub-folder 'labels', one TIFF file for each
    image; every edit is saved at once and can be taken back. The page is served to this computer
    only, unless you share it: then whoever has the printed address can take part. Ctrl-C ends the
    program.
    """
    from cellwright.studio.serve import annotate as serve

    def announce(address: str) -> None:
        click.echo(f"Annotating '{folder}' at\n\n    {address}\n")
        if share:
            click.echo("Whoever you give this address to can read and edit. It is not encrypted:")
            click.echo("share only in a network that you trust.\n")
        click.echo("Ctrl-C ends the program.")

    try:
        serve(
            folder,
            output,
            axes=axes,
            model=model,
            port=port,
            who=who,
            share=share,
            open_browser=not no_browser,
            announce=announce,
        )
    except KeyboardInterrupt:  # this is how it ends
        click.echo("All labels are saved.")
