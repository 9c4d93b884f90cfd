"""Which requests are answered: by their Host header, origin, token, size and pace. Every answer has strict headers."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from electrode_bench.app.limits import Limits

#: Names by which a computer reaches itself.
LOOPBACK = ("127.0.0.1", "localhost", "::1")

COOKIE = "electrode_bench_session"

#: Browsers that are logged in; with more, the oldest has to log in again.
_MOST_SESSIONS = 100

#: Pages that are shown without a token: the login page, and what it loads.
PUBLIC = ("/login", "/style.css", "/login.js")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Access:
    """Who may use the app.

    Parameters
    ----------
    token : None lets everyone in who reaches the server.
    hosts : names by which the app may be called, without a port. A page on the internet can let its own name point to
        this computer (DNS rebinding); its requests then carry that name. None allows all names: the token protects.
    """

    def __init__(self, token: str | None, *, hosts: Collection[str] | None = LOOPBACK) -> None:
        self._token = token
        self._hosts = None if hosts is None else {host.lower() for host in hosts}
        self._sessions: deque[str] = deque(maxlen=_MOST_SESSIONS)

    @property
    def needs_token(self) -> bool:
        """Whether a token is set."""
        return self._token is not None

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this app."""
        return self._hosts is None or _name(host) in self._hosts

    def is_token(self, text: str) -> bool:
        """Whether ``text`` is the token; the time that this takes says nothing about the token."""
        return self._token is not None and hmac.compare_digest(text.encode(), self._token.encode())

    def log_in(self, token: str) -> str | None:
        """A new session for the value of a cookie, or None for a wrong token."""
        if not self.is_token(token):
            return None
        session = secrets.token_urlsafe(32)
        self._sessions.append(session)
        return session

    def allows(self, request: Request) -> bool:
        """Whether a request carries the token, in the header Authorization, or the cookie of a session."""
        if not self.needs_token:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        session = request.cookies.get(COOKIE, "").encode()
        return sum(hmac.compare_digest(session, known.encode()) for known in self._sessions) > 0


def same_origin(headers: Headers) -> bool:
    """Whether a request comes from the app's own page, or from a program that is no browser."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


def _name(host: str) -> str:
    """A host without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


class Refused(Exception):
    """The body of a request exceeds a limit."""


class Guard:
    """Middleware that refuses requests before any other code sees them, and adds :data:`HEADERS` to every answer.

    Parameters
    ----------
    public : addresses that are answered without a token.
    login_page : where a browser without a token is sent from the main page; None for a server without pages.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        limits: Limits,
        public: Collection[str] = PUBLIC,
        login_page: str | None = "/login",
    ) -> None:
        self.app = app
        self.access = access
        self.limits = limits
        self.public = public
        self.login_page = login_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(Request(scope))
        if refusal is not None:
            await refusal(scope, receive, send_strictly)
            return
        body = _Body(receive, self.limits)

        async def send_unless_refused(message: Message) -> None:
            # What the app says of a body that was cut off does not help.
            if body.refusal is None:
                await send_strictly(message)

        with suppress(Refused):
            await self.app(scope, body.receive, send_unless_refused)
        if body.refusal is not None:
            await body.refusal(scope, receive, send_strictly)

    def _refusal(self, request: Request) -> Any:
        """The answer to a request that is refused; None for one that is not."""
        headers = request.headers
        if not self.access.knows_host(headers.get("host", "")):
            return problem(421, "this name is not one of this server's; use the address that the terminal shows")
        if request.method not in ("GET", "HEAD") and not same_origin(headers):
            return problem(403, "the request comes from a page of another server")
        if request.url.path not in self.public and not self.access.allows(request):
            if self.login_page is not None and request.url.path == "/" and request.method == "GET":
                return RedirectResponse(self.login_page, status_code=303)
            return problem(401, "a token is needed: log in, or send the header Authorization: Bearer TOKEN")
        length = headers.get("content-length", "0")
        # Longer numbers are refused unread.
        if not length.isdecimal() or len(length) > 20 or int(length) > self.limits.bytes:
            return _too_large(self.limits)
        return None


class _Body:
    """The body of a request, which ends with :class:`Refused` when it is too large or arrives too slowly."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._received = 0
        self._until = asyncio.get_running_loop().time() + limits.arriving
        self._complete = False
        #: The answer to a body that was refused.
        self.refusal: JSONResponse | None = None

    async def receive(self) -> Message:
        if self._complete:
            # What follows is the end of the connection, which may be long.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self.refusal = problem(408, f"the request did not arrive within {self._limits.arriving:g} s; send it again")
            raise Refused from None
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._received > self._limits.bytes:
            self.refusal = _too_large(self._limits)
            raise Refused
        return message


def _too_large(limits: Limits) -> JSONResponse:
    most = limits.bytes / 1e6
    return problem(413, f"the request is larger than {most:g} MB; screen larger lists with: electrode-bench screen")


def problem(status: int, message: str) -> JSONResponse:
    """An error as the app's page expects it: one line for people."""
    return JSONResponse({"error": " ".join(message.split())}, status_code=status)
