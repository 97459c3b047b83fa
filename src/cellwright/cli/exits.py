"""What the program ends with, besides 0."""

EXIT_SOME_FAILED = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130
