"""Options of the commands that find spots without a model."""

import click
from click.core import ParameterSource

from cellwright.cli import options

dark = click.option(
    "--dark", is_flag=True, help="With --spots: find dark spots on brighter ground."
)
noise_factor = click.option(
    "--noise-factor",
    type=options.Real(min=0, min_open=True),
    default=4.5,
    show_default=True,
    help="With --spots: how far a spot rises above the noise, in its standard deviations.",
)


def check_choices(spots: bool) -> None:
    """Refuse options that would have no effect with, or without, --spots.

    Raises
    ------
    click.UsageError
        If there is one.
    """
    given = click.get_current_context().get_parameter_source
    others = {"model": "--model"} if spots else {"dark": "--dark", "noise_factor": "--noise-factor"}
    for name, option in others.items():
        if given(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{option} has no effect {'with' if spots else 'without'} --spots; leave it out."
            )
