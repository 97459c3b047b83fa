"""Who may talk to the server: only a page that knows the token, from this computer unless shared.

Any web page that the user visits can send requests to this computer, under any name it gives to
it. So the host must be ours, the origin too, and every request for data carries the token in a
header, which no other page can know. The token travels in the part of the address after ``#``,
which browsers never send.

A token stays the same when the program is started again, so that open pages go on. A page must not
tell it to whoever listens at its address meanwhile: it sends a `seal`, which holds for one start of
the program. Programs that know whom they ask may send the token itself.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-cellwright-token"
_OF_TASKS = re.compile(r"/api/(people|tasks/(next|answer)|images/\d+(/(pixels|histogram))?)")
"""What volunteers may ask for."""
START = "/start"
"""Where anybody may ask what tells this start of the program from others."""
LARGEST_BODY = 4 * 1024**2
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_ONLY_HERE = {"Cross-Origin-Opener-Policy": "same-origin"}


def task_token(token: str) -> str:
    """Return the secret of volunteers: with it one can do small tasks, and nothing else."""
    return hmac.new(token.encode(), b"tasks", "sha256").hexdigest()


def seal(token: str, start: str) -> str:
    """Return what proves that one knows a token, to the program as it was started this time."""
    return hmac.new(token.encode(), start.encode(), "sha256").hexdigest()


class Guard:
    """Refuses requests that are not from our page, and bodies that are too large.

    Parameters
    ----------
    app : ASGI application
    token : str
        The secret of this server.
    port : int
        Where it listens.
    names : sequence of str
        Addresses and names of this computer under which others may ask, too.
    """

    def __init__(self, app: ASGIApp, token: str, port: int, names: Sequence[str] = ()) -> None:
        self._app = app
        self._start = secrets.token_urlsafe(24)
        self._tokens = self._known(token)
        # Browsers complain of this one where a page comes neither from this computer nor encrypted.
        self._headers = _HEADERS if names else {**_HEADERS, **_ONLY_HERE}
        self._task_tokens = self._known(task_token(token))
        self._hosts = {f"{name.lower()}:{port}" for name in ("127.0.0.1", "localhost", *names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _with_headers(send, self._headers))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        body = await _whole_body(receive)  # or the refusal would get lost where it is still coming
        if reason := self._refusal(scope["path"], headers):
            await _refuse(send, 403, reason)
            return
        if body is None:
            await _refuse(send, 413, f"A request has at most {LARGEST_BODY // 1024**2} MB.")
            return
        if scope["path"] == START:
            await _say(send, 200, {"start": self._start})
            return
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, replay, send)

    def _refusal(self, path: str, headers: dict[str, Any]) -> str | None:
        if headers.get("host", b"").decode("latin-1").lower() not in self._hosts:
            return "This server only answers to the address it printed."
        origin = headers.get("origin", b"").decode("latin-1").lower()
        if origin and origin.removeprefix("http://") not in self._hosts:
            return "This server only answers to its own page."
        token = headers.get(TOKEN_HEADER, b"")
        known = _is_one_of(token, self._tokens) or (
            _OF_TASKS.fullmatch(path) is not None and _is_one_of(token, self._task_tokens)
        )
        if path.startswith("/api/") and not known:
            return "The token is missing or wrong. Open the whole address that was printed."
        return None

    def _known(self, token: str) -> tuple[bytes, bytes]:
        """Return the token and its seal."""
        return token.encode(), seal(token, self._start).encode()


def _is_one_of(token: bytes, known: Sequence[bytes]) -> bool:
    """Whether a token is known; how long that takes does not tell how much of it is right."""
    return any(hmac.compare_digest(token, one) for one in known)


async def _whole_body(receive: Receive) -> bytes | None:
    """Return the body of a request, or None as soon as it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return bytes(body)


async def _refuse(send: Send, status: int, reason: str) -> None:
    await _say(send, status, {"error": reason})


async def _say(send: Send, status: int, content: Mapping[str, str]) -> None:
    body = json.dumps(content).encode()
    kind = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": kind})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    ours = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *ours]}
        await send(message)

    return sending
