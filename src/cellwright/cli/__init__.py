"""The command line: parses, calls, prints."""


def main() -> None:
    """Run the program ``cellwright``."""
    from cellwright.cli.program import program

    program(prog_name="cellwright")
