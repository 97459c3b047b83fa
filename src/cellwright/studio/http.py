"""From functions to answers: what the servers of all pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from json import JSONDecodeError
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from cellwright._errors import CellwrightError, OutputError, UsageError
from cellwright._types import AnyArray
from cellwright.studio.fields import Fields
from cellwright.studio.guard import Guard

_STATIC = files("cellwright.studio") / "static"
PERSON_HEADER = "x-cellwright-person"
"""Who asks, as in an address: names may have letters that headers cannot have."""
_WRONG, _DISK = 400, 507


def serve_page(
    page: str,
    routes: Sequence[BaseRoute],
    token: str,
    port: int,
    names: Sequence[str] = (),
) -> ASGIApp:
    """Return the application that serves a page and what it asks for.

    Parameters
    ----------
    page : str
        Name of its file in ``static/``.
    routes : sequence of BaseRoute
        See `route`.
    token : str
        What requests for data must carry.
    port : int
        Where it will listen.
    names : sequence of str
        What other computers may call this one; none may ask where there are no names.
    """
    content = (_STATIC / page).read_bytes()

    def index(request: Request) -> Response:
        return Response(content, media_type="text/html")

    static = Mount("/static", StaticFiles(directory=str(_STATIC)))
    app = Starlette(
        routes=[Route("/", index), *routes, static],
        exception_handlers={CellwrightError: _refusal, HTTPException: _no_such_address},
    )
    return Guard(app, token, port, names)


def route(path: str, answer: Callable[..., Any], method: str = "GET") -> Route:
    """Return a route to a function that runs in a thread.

    Parameters
    ----------
    path : str
        Where; its parameters are given to the function before the fields.
    answer : callable
        ``answer(*parameters, fields)`` returns a `Response`, or what is sent as JSON.
    method : str
        ``"GET"``, with fields in the address, or ``"POST"``, with fields in a JSON object.
    """

    def work(parameters: Sequence[Any], fields: Fields) -> Response:
        found = answer(*parameters, fields)
        return found if isinstance(found, Response) else JSONResponse(found)

    async def endpoint(request: Request) -> Response:
        person = unquote(request.headers.get(PERSON_HEADER, ""))
        values = request.query_params if method == "GET" else await _body(request)
        fields = Fields(values, person)
        return await run_in_threadpool(work, tuple(request.path_params.values()), fields)

    return Route(path, endpoint, methods=[method])


def raw(values: AnyArray) -> Response:
    """Return the bytes of an array as they are."""
    return Response(values.tobytes(), media_type="application/octet-stream")


async def _body(request: Request) -> Mapping[str, Any]:
    try:
        content = await request.json()
    except (JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError("The body of the request is no JSON.") from error
    if not isinstance(content, dict):
        raise UsageError("The body of the request must be a JSON object.")
    return content


async def _no_such_address(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _refusal(request: Request, error: Exception) -> Response:
    """Tell the page what was wrong."""
    status = _DISK if isinstance(error, OutputError) else _WRONG
    return JSONResponse({"error": str(error)}, status)
