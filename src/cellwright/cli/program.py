"""The program: which commands there are, and what every one of them does with an error.

Exit codes: 0 done, 1 some inputs failed (the others are done), 2 wrong usage or input,
130 interrupted.
"""

from importlib import import_module
from typing import Any, NoReturn

import click

from cellwright import __version__
from cellwright._errors import CellwrightError, was_interrupted
from cellwright._words import did_you_mean, in_terminal
from cellwright.cli.exits import EXIT_INTERRUPTED, EXIT_WRONG_INPUT

COMMANDS = {
    "demo": ("cellwright.cli.demo:demo", "See it work on example images, within two minutes."),
    "doctor": ("cellwright.cli.doctor:doctor", "Print versions, devices and caches."),
    "segment": (
        "cellwright.cli.segment:segment",
        "Find the objects in images, or what their pixels are.",
    ),
    "detect": ("cellwright.cli.detect:detect", "Find what is where in images, and count it."),
    "track": ("cellwright.cli.track:track", "Follow objects over time."),
    "measure": ("cellwright.cli.measure:measure", "Measure the objects of label images."),
    "annotate": (
        "cellwright.cli.annotate:annotate",
        "Draw and correct the outlines of objects, in the browser.",
    ),
    "review": (
        "cellwright.cli.review:review",
        "Look through the objects of a result, flag and exclude, in the browser.",
    ),
    "train": ("cellwright.cli.train:train", "Train a model on annotated images."),
    "train-scorer": (
        "cellwright.cli.train_scorer:train_scorer",
        "Train what tells links of tracks apart.",
    ),
    "compare": (
        "cellwright.cli.compare:compare",
        "Train several methods on annotated images and recommend one.",
    ),
    "evaluate": (
        "cellwright.cli.evaluate:evaluate",
        "Score a model on annotated images, or tracks against true ones.",
    ),
    "models": ("cellwright.cli.models:models", "List, explain, export, add and remove models."),
    "data": (
        "cellwright.cli.data:data",
        "Look at a dataset, preview its augmentation, divide it, repair its labels.",
    ),
}
"""Name of a command: (where it is, one line of help). Its module is imported when it is used."""


class UserError(click.ClickException):
    """An error with a message for the user, shown without a traceback."""

    exit_code = EXIT_WRONG_INPUT


class LazyProgram(click.Group):
    """A group whose commands are imported when used, and which turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of a first visit."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None where there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant, or suggest the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(
                f"No such command '{args[0]}'.{did_you_mean(args[0], COMMANDS)}", ctx
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that we raise on purpose becomes a message and exit code 2."""
        try:
            with in_terminal():
                return super().invoke(ctx)
        except CellwrightError as error:
            raise UserError(str(error)) from error
        except KeyboardInterrupt:
            self._say_interrupted(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if was_interrupted(error):
                self._say_interrupted(ctx)
            error.add_note(
                "This is a bug in Cellwright, not in your data. Please report the lines above "
                "together with the output of 'cellwright doctor'."
            )
            raise

    def _say_interrupted(self, ctx: click.Context) -> NoReturn:
        click.echo("\nInterrupted. Resume with the same command.", err=True)
        ctx.exit(EXIT_INTERRUPTED)


@click.group(cls=LazyProgram, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cellwright", message="%(prog)s %(version)s")
def program() -> None:
    """Find, measure and check cells and nuclei in microscopy images.

    Start with 'cellwright demo', then 'cellwright segment IMAGES -o RESULTS'.
    """
