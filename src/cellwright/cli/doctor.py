"""``cellwright doctor``."""

import click

from cellwright.cli.options import as_json, say


@click.command()
@click.option("--full", is_flag=True, help="Also try the devices of torch (takes seconds).")
@as_json
def doctor(full: bool, as_json: bool) -> None:
    """Print versions, devices and caches.

    The block can be pasted into a bug report as it is.
    """
    from cellwright.runs.doctor import as_text, examine

    facts = examine(full)
    say(as_json, facts, [as_text(facts)])
