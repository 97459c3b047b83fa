"""A page that is complete in itself: text, styles, pictures and scripts, from ``templates/``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright import __version__
from cellwright.reports.charts import plain_number

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, slots=True)
class Grid:
    """A small table: its title, the heads of its columns, and the texts of its rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Number:
    """One figure of the overview: what it is, its value and its unit."""

    name: str
    value: str
    unit: str = ""


def render_page(template: str, **content: Any) -> str:
    """Return the HTML of a page that needs no network, filled from one of the ``templates/``."""
    page = _environment().get_template(template)
    written = datetime.now().astimezone().isoformat()
    return page.render(version=__version__, date=to_the_minute(written), **content)


def to_the_minute(moment: str) -> str:
    """Return a moment in ISO format for people, such as ``2026-11-21 10:00``."""
    return moment[:16].replace("T", " ")


def in_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return names without underscores and values as text, for a table of facts."""
    return {name.replace("_", " "): _as_text(value) for name, value in facts.items()}


def _as_text(value: Any) -> Any:
    """Return what is in a sequence or a mapping, with commas; all else as it is."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in in_words(value).items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def median(values: Iterable[float]) -> str:
    """Return the median of the known values for people; a dash without any."""
    finite = np.array([value for value in values if np.isfinite(value)])
    return plain_number(float(np.median(finite))) if len(finite) else "–"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Names of files and channels come from outside: everything is escaped.
    return Environment(
        loader=PackageLoader("cellwright.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
