"""What sentences have in common: numbers, names of options, and words that were mistyped."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


def counted(count: int, noun: str) -> str:
    """Return how many there are of something.

    Examples
    --------
    >>> counted(1, "image"), counted(1200, "image")
    ('1 image', '1,200 images')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percent(share: float, digits: int = 0) -> str:
    """Return a share, 0 to 1, for people.

    Examples
    --------
    >>> percent(0.331), percent(0.0974, 1)
    ('33 %', '9.7 %')
    """
    return f"{100 * share:,.{digits}f} %"


_TYPED = {"start_from": "from", "strength": "augmentation"}
"""What the program calls arguments that have another name in Python."""
_place = {"terminal": False}


@contextmanager
def in_terminal() -> Iterator[None]:
    """Let messages made inside the block name options as they are typed in a terminal."""
    before = is_in_terminal()
    speak_in_terminal(True)
    try:
        yield
    finally:
        speak_in_terminal(before)


def speak_in_terminal(so: bool) -> None:
    """Say for whom messages of this process are from now on: see `is_in_terminal`."""
    _place["terminal"] = so


def is_in_terminal() -> bool:
    """Whether messages are for somebody who typed a command; others called from Python."""
    return _place["terminal"]


def by_place(typed: str, written: str) -> str:
    """Return what a message says to who typed a command, or to who wrote Python.

    Examples
    --------
    >>> by_place("with --spots 4", "with spots=SpotSettings(4)")
    'with spots=SpotSettings(4)'
    >>> with in_terminal():
    ...     by_place("with --spots 4", "with spots=SpotSettings(4)")
    'with --spots 4'
    """
    return typed if is_in_terminal() else written


def option(*names: str, **values: str | int) -> str:
    """Return how a sentence names options: as they are typed, or as arguments in Python.

    Parameters
    ----------
    *names : str
        As in Python.
    **values : str or int
        Of options that come with a value; True for those that are typed without.

    Examples
    --------
    >>> option("channel"), option("threshold", "min_size"), option(z="max")
    ('the argument channel', 'the argument threshold or min_size', "the argument z='max'")
    >>> with in_terminal():
    ...     option("channel"), option("threshold", "min_size"), option(z="max")
    ('--channel', '--threshold or --min-size', '--z max')
    """
    typed = [_typed(name) for name in names]
    typed += [_typed(name, "" if value is True else value) for name, value in values.items()]
    written = [*names, *(f"{name}={value!r}" for name, value in values.items())]
    return by_place(either(typed), f"the argument {either(written)}")


def _typed(name: str, value: str | int = "") -> str:
    return f"--{_TYPED.get(name, name).replace('_', '-')} {value}".rstrip()


def either(words: Sequence[str]) -> str:
    """Return words as alternatives.

    Examples
    --------
    >>> either(["red", "green", "blue"])
    'red, green or blue'
    """
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
    longer = [name for name in names if name.startswith(f"{Path(path).name} ")]
    if longer and is_in_terminal():  # the terminal has divided it
        return f'{said} Put names with spaces in quotes, such as "{folder / longer[0]}".'
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
