"""The door of the page: which requests reach it.

Any site that is open in the user's browser can send requests to a page on the same machine, and can let its
own name point to 127.0.0.1 (DNS rebinding), so that the browser takes the page for a part of that site. The
door lets in only requests that name this page, and that no other site's page has sent.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from studio.ui.login_delays import LoginDelays
from studio.words import tr

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HERE = ("127.0.0.1", "localhost", "[::1]")
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?", re.IGNORECASE)
STANDARD_PORTS = {"http": 80, "https": 443}
OWN_SITES = ("same-origin", "none")  # Sec-Fetch-Site of the page's own requests, and of addresses typed in
FRAMES = ("embed", "frame", "iframe", "object")
WRONG_HOST = tr(
    "This page does not answer to that address. Whoever starts it can allow it: with --listen NAME, "
    "or behind a reverse proxy with --root-path URL."
)
WRONG_SITE = tr("This request comes from another site, so it is refused.")
FORBIDDEN, MISDIRECTED = 403, 421
MAX_REASON_BYTES = 100  # of 123 that a websocket takes
BAD_LOGIN = 400  # the only status at which Gradio's form says that the password was not taken


@dataclass(frozen=True)
class Door:
    """Which names and sites are let in.

    Args:
        names: hosts that the page answers to, in lower case and without a port.
        public: the address at which a reverse proxy serves the page, such as "https://example.org/studio";
            empty for none.
        serves_others: whether other machines may come in, at the address that they connected to.
    """

    names: Collection[str] = HERE
    public: str = ""
    serves_others: bool = False

    @classmethod
    def of(cls, names: Iterable[str] | None = None, root_path: str = "") -> Door:
        """Return the door of a page.

        Args:
            names: by which other machines call this one, besides its own name; None to keep them out.
            root_path: the address or the path at which a reverse proxy serves the page.
        """
        public = root_path if "://" in root_path else ""
        own = {*HERE}
        if names is not None:
            machine = socket.gethostname().lower()
            own |= {machine, f"{machine}.local", *(bracketed(name) for name in names)}
        if public:
            own.add(host_and_port(urlsplit(public).netloc)[0])
        return cls(frozenset(own), public, names is not None)

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and the sentence with which a request is refused, None to let it in."""
        hosts, origins = (values_of(scope, name) for name in (b"host", b"origin"))
        if len(hosts) != 1 or not self._is_own(host_and_port(hosts[0])[0], scope):
            return MISDIRECTED, WRONG_HOST
        if any(not self._is_same_site(origin, hosts[0]) for origin in origins):
            return FORBIDDEN, WRONG_SITE
        return (FORBIDDEN, WRONG_SITE) if is_from_other_site(scope) else None

    def _is_own(self, host: str, scope: Scope) -> bool:
        if host in self.names:
            return True
        connected = str((scope.get("server") or ("",))[0])
        return self.serves_others and bool(host) and host == bracketed(connected)

    def _is_same_site(self, origin: str, host: str) -> bool:
        """Return whether an Origin is the page: the host of the request, or the public address."""
        site = site_of(origin)
        if self.public and site == site_of(self.public):
            return True
        scheme, name, port = site
        asked, asked_port = host_and_port(host)
        return bool(name) and name == asked and port == (asked_port or STANDARD_PORTS[scheme])


def bracketed(name: str) -> str:
    """Return a host as a Host header writes it: in lower case, an IPv6 address in brackets."""
    name = name.strip().strip("[]").lower()
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name


def host_and_port(text: str) -> tuple[str, int]:
    """Return the parts of a Host header: ("", 0) when it is none, port 0 when it names none."""
    match = HOST.fullmatch(text)
    return (match[1].lower(), int(match[2] or 0)) if match else ("", 0)


def site_of(address: str) -> tuple[str, str, int]:
    """Return the (scheme, host, port) of an address; ("", "", 0) when it has none, as the origin "null"."""
    scheme, _, rest = address.partition("://")
    host, port = host_and_port(rest.partition("/")[0])
    standard = STANDARD_PORTS.get(scheme.lower(), 0)
    return (scheme.lower(), host, port or standard) if host and standard else ("", "", 0)


def values_of(scope: Scope, name: bytes) -> list[str]:
    """Return the values of a header, in order; there may be several."""
    return [value.decode("latin-1") for key, value in scope.get("headers", ()) if key == name]


def is_from_other_site(scope: Scope) -> bool:
    """Return whether the browser says that another site's page has sent a request; a link to the page may."""
    sites, modes, goals = (
        values_of(scope, name) for name in (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
    )
    if not sites or all(site in OWN_SITES for site in sites):
        return False
    is_link = modes == ["navigate"] and scope.get("method") in ("GET", "HEAD")
    return not is_link or any(goal in FRAMES for goal in goals)


class Doorkeeper:
    """ASGI middleware: asks the door about every request, and slows down who guesses passwords.

    It has to be the outermost one, so that no other answers before it.
    """

    def __init__(self, app: App, door: Door, delays: LoginDelays | None = None) -> None:
        self.app, self.door, self.delays = app, door, delays or LoginDelays()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        refusal = self.door.refusal(scope)
        if refusal is not None:
            return await refuse(scope, receive, send, *refusal)
        if scope["type"] == "http" and scope["method"] == "POST" and is_login(scope["path"]):
            return await self._log_in(scope, receive, send)
        return await self.app(scope, receive, send)

    async def _log_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = str((scope.get("client") or ("",))[0])
        seconds = self.delays.begin(client)
        if seconds > 0:
            text = tr("Too many wrong passwords. Try again in {seconds:.0f} seconds.", seconds=seconds)
            return await refuse(scope, receive, send, BAD_LOGIN, text)

        async def watch(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] < BAD_LOGIN:
                self.delays.succeed(client)
            await send(message)

        return await self.app(scope, receive, watch)


def is_login(path: str) -> bool:
    """Return whether a path is the one that takes passwords, whatever a proxy puts before it."""
    return path.rstrip("/").endswith("/login")


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
    """Answer a request with a sentence; a websocket is closed, which its browser sees as status 403."""
    if scope["type"] == "websocket":
        await receive()
        reason = text.encode()[:MAX_REASON_BYTES].decode("utf-8", "ignore")
        return await send({"type": "websocket.close", "code": 1008, "reason": reason})
    body = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # the body of a refused upload is not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return None
