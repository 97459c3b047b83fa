"""Conditions in words: ``area > 200 and (class = RBC or not excluded)``.

``=`` (or ``==``), ``!=``, ``<``, ``<=``, ``>``, ``>=`` compare a column with a number or a text;
``and``, ``or``, ``not`` and brackets combine; a column of yes and no stands on its own. Names that
are no plain words are put in backquotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, BoolArray

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<name>`[^`]+`|[^\W\d][\w.\-µ]*)
      | (?P<sign><=|>=|!=|==|=|<|>|\(|\))
    )""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, np.ufunc] = {
    "=": np.equal,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_LONGEST = 2000  # characters
_DEEPEST = 50  # brackets and 'not' in each other


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        """The word in lower case, empty for what is no plain word."""
        return self.text.lower() if self.kind == "name" else ""


def matches(
    condition: str, columns: Collection[str], column: Callable[[str], AnyArray]
) -> BoolArray:
    """Return which rows of a table meet a condition, shape (N,).

    Parameters
    ----------
    condition : str
    columns : collection of str
        Names that may be used.
    column : callable
        Returns the values of a column: numbers, texts or booleans.

    Raises
    ------
    UsageError
        If the condition cannot be understood; the message says where.
    """
    if len(condition) > _LONGEST:
        raise UsageError(f"A condition has at most {_LONGEST} characters.")
    return _Reader(condition, columns, column).read()


class _Reader:
    """Reads a condition from left to right, and finds the rows as it goes."""

    def __init__(
        self, condition: str, columns: Collection[str], column: Callable[[str], AnyArray]
    ) -> None:
        self._tokens = _tokens(condition)
        self._columns = columns
        self._column = column
        self._at = 0
        self._depth = 0

    def read(self) -> BoolArray:
        found = self._any()
        if rest := self._next():
            raise UsageError(f"'{rest.text}' is not expected here; combine with 'and' or 'or'.")
        return found

    def _any(self) -> BoolArray:
        found = self._all()
        while self._took("or"):
            found = found | self._all()
        return found

    def _all(self) -> BoolArray:
        found = self._one()
        while self._took("and"):
            found = found & self._one()
        return found

    def _one(self) -> BoolArray:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UsageError("The condition has too many brackets in each other.")
        try:
            if self._took("not"):
                return ~self._one()
            token = self._next()
            if token is not None and token.text == "(":
                found = self._any()
                closing = self._next()
                if closing is None or closing.text != ")":
                    raise UsageError("A bracket is not closed.")
                return found
            return self._comparison(token)
        finally:
            self._depth -= 1

    def _comparison(self, token: _Token | None) -> BoolArray:
        if token is None or token.kind != "name":
            told = "it ends too early" if token is None else f"'{token.text}' is no column"
            raise UsageError(f"The condition cannot be read: {told}. Write such as: area > 200")
        name = self._known(token.text.strip("`"))
        values = self._column(name)
        sign = self._peek()
        if sign is None or sign.text not in _COMPARISONS:
            if values.dtype.kind != "b":
                raise UsageError(f"Say what '{name}' is compared with, such as: {name} > 1")
            return np.asarray(values, bool)
        self._at += 1
        return _compared(name, values, sign.text, self._next())

    def _known(self, name: str) -> str:
        if name in self._columns:
            return name
        near = get_close_matches(name, self._columns, n=3, cutoff=0.5)
        hint = f" Is it {' or '.join(near)}?" if near else ""
        raise UsageError(f"There is no column '{name}'.{hint}")

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> _Token | None:
        token = self._peek()
        self._at += 1
        return token

    def _took(self, word: str) -> bool:
        token = self._peek()
        if token is None or token.word != word:
            return False
        self._at += 1
        return True


def _tokens(condition: str) -> list[_Token]:
    tokens, at = [], 0
    condition = condition.rstrip()
    while at < len(condition):
        found = _TOKEN.match(condition, at)
        if found is None:
            told = condition[at:].strip()[:20]
            raise UsageError(f"The condition cannot be read at '{told}'. Write such as: area > 200")
        assert found.lastgroup is not None
        tokens.append(_Token(found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return tokens


def _compared(name: str, values: AnyArray, sign: str, token: _Token | None) -> BoolArray:
    if token is None or token.kind == "sign":
        raise UsageError(f"After '{name} {sign}' a number or a text is missing.")
    compare = _COMPARISONS[sign]
    if values.dtype.kind == "U":
        if sign not in ("=", "==", "!="):
            raise UsageError(f"'{name}' holds texts: compare it with = or !=.")
        return np.asarray(compare(values, token.text.strip("\"'`")), bool)
    if values.dtype.kind == "b" and token.word in ("true", "false", "yes", "no"):
        return np.asarray(compare(values, token.word in ("true", "yes")), bool)
    if token.kind != "number":
        raise UsageError(f"'{name}' holds numbers; '{token.text}' is none.")
    return np.asarray(compare(values, float(token.text)), bool)
