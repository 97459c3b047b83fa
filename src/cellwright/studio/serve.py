"""Running the server until the user ends it."""

from __future__ import annotations

import getpass
import secrets
import socket
import webbrowser
from collections.abc import Callable
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from cellwright._errors import UsageError
from cellwright.runs.lock import locked
from cellwright.studio.app import make_app
from cellwright.studio.desk import Desk
from cellwright.studio.project import STATE, find_project
from cellwright.studio.proposals import Assistant

HOST = "127.0.0.1"


def annotate(
    folder: Path,
    output: Path | None = None,
    *,
    model: str = "nuclei",
    port: int = 0,
    who: str | None = None,
    open_browser: bool = True,
    announce: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the annotation page of a folder until interrupted.

    Parameters
    ----------
    folder : Path
        The images.
    output : Path, optional
        Where labels and the journal go, in place of `folder`.
    model : str
        The model that proposes objects: a name, or the path of a package.
    port : int
        Where to listen on this computer; 0 for any free one.
    who : str, optional
        Name of the annotator in the journal; that of the user's account when not given.
    open_browser : bool
        Open the page.
    announce : callable
        Told the address once the server listens.

    Raises
    ------
    InputError
        If there are no images.
    ModelError, UsageError
        If there is no such model, it does not find objects in planes, or the port is taken.
    OutputError
        If the folder is annotated by another process, or cannot be written.
    """
    project = find_project(folder, output)
    assistant = Assistant(model)
    assistant.load()  # a wrong name is told at once, not when it is needed
    with locked(project.output / STATE):
        desk = Desk(project, assistant, who or account())
        try:
            run_server(partial(make_app, desk), port, open_browser=open_browser, announce=announce)
        finally:
            desk.close()


def run_server(
    make: Callable[[str, int], ASGIApp],
    port: int,
    *,
    open_browser: bool,
    announce: Callable[[str], None],
) -> None:
    """Serve a page until interrupted.

    Parameters
    ----------
    make : callable
        Given a token and the port, returns the application.
    port, open_browser, announce
        As for `annotate`.

    Raises
    ------
    UsageError
        If the port is taken.
    """
    token = secrets.token_urlsafe(24)
    with listening(port) as listener:
        chosen = listener.getsockname()[1]
        address = f"http://{HOST}:{chosen}/#token={token}"
        config = uvicorn.Config(
            make(token, chosen),
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
        )
        announce(address)
        if open_browser:
            webbrowser.open(address)
        uvicorn.Server(config).run(sockets=[listener])


def listening(port: int) -> socket.socket:
    """Return a socket that listens on this computer only.

    Raises
    ------
    UsageError
        If the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} of this computer is in use ({error.strerror}). "
            "Choose another with --port, or leave it out."
        ) from error
    listener.listen()
    return listener


def account() -> str:
    """Return the name of the user's account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no account, as in some containers
        return "unknown"
