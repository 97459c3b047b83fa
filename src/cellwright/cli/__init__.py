"""The command line: parses, calls, prints."""

import sys

from cellwright.cli.exits import EXIT_INTERRUPTED


def main() -> None:
    """Run the program ``cellwright``."""
    try:
        from cellwright.cli.program import program

        program(prog_name="cellwright")
    except KeyboardInterrupt:  # while the program was still being loaded, or already leaving
        sys.stderr.write("Interrupted.\n")
        sys.exit(EXIT_INTERRUPTED)
