"""``cellwright review``."""

from pathlib import Path

import click

from cellwright.cli import options


@click.command()
@click.argument("folder", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option(
    "--images",
    type=options.Existing(),
    help="Where the images are now, if not where they were; for tracks of labels, the raw movie.",
)
@options.port
@click.option("--name", "who", help="Who reviews, for the journal.  [default: your account]")
@options.no_browser
def review(folder: Path, images: Path | None, port: int, who: str | None, no_browser: bool) -> None:
    """Look through the objects of a result, flag and exclude, in the browser.

    RESULTS is what 'cellwright segment', 'detect' or 'track' wrote. Its files are never changed:
    what is excluded is kept in a journal beside them, and exported to a folder of its own. The page
    is served to this computer only. Ctrl-C ends the program.
    """
    from cellwright.studio.review import review as serve

    def announce(address: str) -> None:
        click.echo(f"Reviewing '{folder}' at\n\n    {address}\n\nCtrl-C ends the program.")

    try:
        serve(
            folder,
            images=images,
            port=port,
            who=who,
            open_browser=not no_browser,
            announce=announce,
        )
    except KeyboardInterrupt:  # this is how it ends
        click.echo("All marks are saved.")
