"""Running the server until the user ends it."""

from __future__ import annotations

import getpass
import os
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import uvicorn
from starlette.types import ASGIApp

from cellwright._errors import CellwrightError, OutputError, UsageError
from cellwright.runs.results.lock import locked
from cellwright.studio.address import Address, address_of
from cellwright.studio.app import make_app
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import Desk
from cellwright.studio.people import fit_name
from cellwright.studio.pictures import Shown, thumbnail
from cellwright.studio.project import STATE, find_project

HOST, EVERYWHERE = "127.0.0.1", "0.0.0.0"
_ADDRESS = "address"
_ELSEWHERE = "192.0.2.1"  # stands in documents for any address, and belongs to nobody


def annotate(
    folder: Path,
    output: Path | None = None,
    *,
    axes: str | None = None,
    model: str = "nuclei",
    port: int = 0,
    who: str | None = None,
    share: bool = False,
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
    axes : str, optional
        What the axes of the images are, where their files do not say, such as ``"ZYX"``.
    model : str
        The model that proposes objects: a name, or the path of a package.
    port : int
        Where to listen on this computer; 0 for that of the folder, or any free one.
    who : str, optional
        Name of the annotator in the journal; that of the user's account when not given.
    share : bool
        Let browsers on other computers of the network take part, too, if they know the address.
    open_browser : bool
        Open the page.
    announce : callable
        Told the address once the server listens.

    Raises
    ------
    InputError
        If there are no images.
    ModelError, UsageError
        If there is no such model, it does not find objects in planes, the port is taken, or nobody
        can be called so.
    OutputError
        If the folder is annotated by another process, or cannot be written.
    """
    project = find_project(folder, output, axes=axes)
    assistant = Assistant(model)
    assistant.load_any()  # a wrong name is told at once, not when it is needed
    with alone_in(project.output) as note:
        desk = Desk(project, assistant, who or fit_name(account()))
        try:
            names = names_of_this_computer() if share else ()
            run_server(
                partial(make_app, desk, names=names),
                port,
                address_of(project.output),
                names=names,
                who=desk.who,
                open_browser=open_browser,
                announce=both(note, announce),
                ahead=partial(look_ahead, desk.sheet),
            )
        finally:
            desk.close()


@contextmanager
def alone_in(folder: Path) -> Iterator[Callable[[str], None]]:
    """Keep other servers of a folder out, and let them know where this one is.

    Parameters
    ----------
    folder : Path
        Whose sub-folder for the state of its pages is locked.

    Yields
    ------
    callable
        Told the address of this server, which only the same user can read.

    Raises
    ------
    OutputError
        If another server has it open, or it cannot be written.
    """
    state = folder / STATE
    file = state / _ADDRESS
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(state))
        except OutputError as error:
            with suppress(OSError):
                address = file.read_text(encoding="utf-8").strip()
                raise OutputError(f"'{folder}' is open already, at\n\n    {address}\n") from error
            raise
        file.unlink(missing_ok=True)  # of a server that was killed
        stack.callback(file.unlink, missing_ok=True)

        def note(address: str) -> None:
            with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as stream:
                stream.write(address)

        yield note


def both(*told: Callable[[str], None]) -> Callable[[str], None]:
    """Return what tells several who want to know."""

    def tell(what: str) -> None:
        for one in told:
            one(what)

    return tell


def run_server(
    make: Callable[[str, int], ASGIApp],
    port: int,
    own: Address,
    *,
    names: Sequence[str] = (),
    who: str = "",
    open_browser: bool,
    announce: Callable[[str], None],
    ahead: Callable[[], None],
) -> None:
    """Serve a page until interrupted.

    Parameters
    ----------
    make : callable
        Given a token and the port, returns the application.
    port : int
        As for `annotate`.
    own : Address
        That of the folder.
    names : sequence of str
        What other computers call this one; they cannot ask where there are none.
    who : str
        Whose page is opened here.
    open_browser, announce
        As for `annotate`.
    ahead : callable
        Called in a thread while the browser starts.

    Raises
    ------
    UsageError
        If the port is taken.
    """
    with listening_at(port, own.port, EVERYWHERE if names else HOST) as listener:
        chosen = listener.getsockname()[1]
        token = own.token(chosen)
        address = f"http://{names[0] if names else HOST}:{chosen}/#token={token}"
        config = uvicorn.Config(
            make(token, chosen),
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
        )
        threading.Thread(target=ahead, daemon=True).start()
        announce(address)
        if open_browser:
            webbrowser.open(f"{address}&as={quote(who)}" if who else address)
        uvicorn.Server(config).run(sockets=[listener])


def look_ahead(show: Callable[[int], Shown]) -> None:
    """Read what a page asks for first: the first image, seen as a whole."""
    with suppress(CellwrightError):  # the page is told when it asks
        thumbnail(show(0))


def listening_at(port: int, usual: int, host: str) -> socket.socket:
    """Return a socket at the port that the user chose; where that is any, at the usual, if free.

    Raises
    ------
    UsageError
        If the chosen port is taken.
    """
    if not port:
        with suppress(UsageError):
            return listening(usual, host)
    return listening(port, host)


def listening(port: int, host: str = HOST) -> socket.socket:
    """Return a socket that listens to this computer only, or to `EVERYWHERE`.

    Raises
    ------
    UsageError
        If the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it would let two programs listen to one port
        # A program that has just ended leaves connections behind that keep the port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} of this computer is in use ({error.strerror}). "
            "Choose another with --port, or leave it out."
        ) from error
    listener.listen()
    return listener


def names_of_this_computer() -> tuple[str, ...]:
    """Return its address in the network, and its names."""
    name = socket.gethostname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_ELSEWHERE, 9))  # nothing is sent: it only chooses the way
            address = probe.getsockname()[0]
        except OSError:  # there is no network
            address = HOST
    return address, name, f"{name.removesuffix('.local')}.local"


def account() -> str:
    """Return the name of the user's account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no account, as in some containers
        return "unknown"
