"""Reviewing a result until the user ends it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from cellwright.studio.address import address_of
from cellwright.studio.review_app import make_review_app
from cellwright.studio.review_desk import ReviewDesk
from cellwright.studio.review_open import open_result
from cellwright.studio.serve import account, alone_in, both, look_ahead, run_server


def review(
    folder: Path,
    *,
    images: Path | None = None,
    port: int = 0,
    who: str | None = None,
    open_browser: bool = True,
    announce: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the page that reviews a result folder until interrupted.

    Parameters
    ----------
    folder : Path
        What ``segment``, ``detect`` or ``track`` wrote. Its files are only read; what is said about
        objects is kept in ``.cellwright/`` in it.
    images : Path, optional
        Where the images are now, if not where they were; for tracks of labels, the raw movie.
    port : int
        Where to listen on this computer; 0 for that of the folder, or any free one.
    who : str, optional
        Who reviews, for the journal; the name of the user's account when not given.
    open_browser : bool
        Open the page.
    announce : callable
        Told the address once the server listens.

    Raises
    ------
    InputError
        If it is no result folder, or its run is not complete.
    UsageError
        If there are no objects in it to look at, or the port is taken.
    OutputError
        If the folder is reviewed by another process, or cannot be written.
    """
    result = open_result(folder, images)
    with alone_in(folder) as note:
        desk = ReviewDesk(result, who or account())
        try:
            run_server(
                partial(make_review_app, desk),
                port,
                address_of(folder),
                open_browser=open_browser,
                announce=both(note, announce),
                ahead=partial(look_ahead, desk.plate),
            )
        finally:
            desk.close()
