"""Numbers in sentences, and words that were mistyped."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path


def counted(count: int, noun: str) -> str:
    """Return how many there are of something.

    Examples
    --------
    >>> counted(1, "image"), counted(1200, "image")
    ('1 image', '1,200 images')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def option(*names: str, **values: str | int) -> str:
    """Return how a sentence names options: as the program has them, and as arguments in Python.

    Parameters
    ----------
    *names : str
        As in Python.
    **values : str or int
        Of options that come with a value.

    Examples
    --------
    >>> option("channel")
    '--channel (in Python: channel)'
    >>> option("threshold", "min_size")
    '--threshold or --min-size (in Python: threshold or min_size)'
    >>> option(z="max")
    "--z max (in Python: z='max')"
    """
    typed = [*map(_typed, names), *(f"{_typed(name)} {value}" for name, value in values.items())]
    written = [*names, *(f"{name}={value!r}" for name, value in values.items())]
    return f"{_either(typed)} (in Python: {_either(written)})"


def _typed(name: str) -> str:
    return "--" + name.replace("_", "-")


def _either(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence, after a space, that suggests the known word nearest to one; or nothing.

    Examples
    --------
    >>> did_you_mean("nucleii", ["blood", "nuclei"])
    " Did you mean 'nuclei'?"
    """
    near = nearest(word, known)
    return f" Did you mean '{near}'?" if near else ""


def missing(path: str | Path, what: str = "file or folder") -> str:
    """Say that there is no such file or folder, and what may have been meant."""
    if Path(path).is_symlink():
        return f"'{path}' is a link to '{Path(path).readlink()}', which does not exist."
    said = f"There is no {what} '{path}'."
    folder = Path(path).parent
    if not folder.is_dir():
        return f"{said} There is no folder '{folder}' either."
    names = []
    with suppress(OSError):  # of a folder that may not be read
        names = [entry.name for entry in folder.iterdir()]
    near = nearest(Path(path).name, names)
    if near:
        return f"{said} Did you mean '{folder / near}'?"
    return f"{said} Check the spelling of its name."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that one is most like; None where it is like none."""
    from difflib import get_close_matches

    lower = {one.lower(): one for one in known}
    found = get_close_matches(word.lower(), lower, n=1)
    return lower[found[0]] if found else None
