"""The rules of the door, request by request; tests/launcher/test_served_page.py sends real ones."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from studio.ui.doors import Door, Doorkeeper
from studio.ui.login_delays import FREE_ATTEMPTS, LoginDelays


def request(host: str, server: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    """Return the scope of a GET; "_" in the name of a header is written "-"."""
    named = {"host": host, **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]
    return {"type": "http", "method": "GET", "path": "/", "headers": pairs, "server": (server, 7860)}


def status_of(door: Door, scope: dict[str, Any]) -> int:
    """Return the status that a door answers with, 200 when it lets the request in."""
    return (door.refusal(scope) or (200, ""))[0]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7860", 200),
        ("localhost", 200),
        ("[::1]:7860", 200),
        ("192.168.1.5:7860", 421),
        ("127.0.0.1.:7860", 421),
        ("127.0.0.1:7860:1", 421),
        ("127.0.0.1@evil.example", 421),
        ("evil.example#127.0.0.1", 421),
        ("::1", 421),
        ("", 421),
        (":7860", 421),
        ("127.0.0.1:x", 421),
        ("ev\xefl", 421),
    ],
)
def test_hosts_of_a_page_for_this_machine(host: str, status: int) -> None:
    door = Door.of()
    assert status_of(door, request(host, server="192.168.1.5")) == status


def test_listening_adds_the_machine_its_address_and_the_given_names() -> None:
    door = Door.of(["Studio.Home", "10.0.0.7", "fe80::1"])
    served = "192.168.1.5"
    for host in ("studio.home:80", "10.0.0.7:1", "[fe80::1]", served, "localhost", socket.gethostname()):
        assert status_of(door, request(host, server=served)) == 200, host
    for host in ("evil.example", "192.168.1.6", "home", "studio.home.evil.example"):
        assert status_of(door, request(host, server=served)) == 421, host


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:7860", "http://localhost:7860", 200),
        ("localhost:7860", "HTTP://LOCALHOST:7860", 200),
        ("localhost", "http://localhost", 200),
        ("localhost", "https://localhost:443", 200),
        ("localhost:7860", "http://localhost:7861", 403),
        ("localhost:7860", "http://localhost", 403),
        ("localhost:7860", "http://127.0.0.1:7860", 403),
        ("localhost:7860", "null", 403),
        ("localhost:7860", "", 403),
        ("localhost:7860", "file://", 403),
        ("localhost:7860", "chrome-extension://localhost:7860", 403),
        ("localhost:7860", "http://localhost:7860.evil.example", 403),
        ("localhost:7860", "http://evil.example", 403),
        ("localhost:7860", "https://studio.example", 403),
    ],
)
def test_origins(host: str, origin: str, status: int) -> None:
    assert status_of(Door.of(), request(host, origin=origin)) == status


def test_a_reverse_proxy_may_keep_the_host_or_replace_it() -> None:
    door = Door.of(root_path="https://studio.example/likeness")
    for host in ("studio.example", "studio.example:443", "127.0.0.1:7860"):
        assert status_of(door, request(host, origin="https://studio.example")) == 200, host
        assert status_of(door, request(host, origin="https://evil.example")) == 403, host
    assert status_of(door, request("127.0.0.1:7860", origin="http://studio.example")) == 403


def test_two_hosts_are_one_too_many() -> None:
    scope = request("localhost")
    scope["headers"].append((b"host", b"localhost"))
    assert status_of(Door.of(), scope) == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"}, 200),
        ({"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}, 403),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "object"}, 403),
    ],
)
def test_a_browser_says_whether_another_site_asks(headers: dict[str, str], status: int) -> None:
    assert status_of(Door.of(), request("localhost", **headers)) == status


def test_a_link_of_another_site_sends_no_form() -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert status_of(Door.of(), {**request("localhost", **link), "method": "POST"}) == 403


class Page:
    """An application that answers all requests with one status, and a doorkeeper before it."""

    def __init__(self, status: int = 200) -> None:
        self.status, self.asked, self.clock = status, 0, 0.0
        self.keeper = Doorkeeper(self.answer, Door.of(), LoginDelays(lambda: self.clock))

    async def answer(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": self.status, "headers": []})

    def visit(self, scope: dict[str, Any]) -> dict[str, Any]:
        """Send a request; returns the first message of the answer."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        with ThreadPoolExecutor(1) as elsewhere:  # a browser of another test has a loop in this thread
            elsewhere.submit(asyncio.run, self.keeper(scope, receive, send)).result()
        return sent[0]


def test_websockets_of_other_sites_are_closed() -> None:
    page = Page()
    scope = {**request("localhost", origin="http://evil.example"), "type": "websocket"}
    assert page.visit(scope)["type"] == "websocket.close" and page.asked == 0
    page.visit({**request("localhost", origin="http://localhost"), "type": "websocket"})
    assert page.asked == 1


@pytest.mark.parametrize("path", ["/login", "/login/", "/studio/login"])
def test_wrong_passwords_make_the_next_wait_and_a_right_one_does_not(path: str) -> None:
    attempt = {**request("localhost"), "method": "POST", "path": path, "client": ("10.0.0.9", 5)}
    wrong = Page(status=400)
    for _ in range(FREE_ATTEMPTS + 5):
        assert wrong.visit(attempt)["status"] == 400
    assert wrong.asked == FREE_ATTEMPTS, "the rest were not looked at"
    wrong.visit({**attempt, "client": ("10.0.0.10", 5)})
    wrong.visit({**attempt, "method": "GET"})
    assert wrong.asked == FREE_ATTEMPTS + 2
    wrong.clock += 1.0
    wrong.visit(attempt)
    wrong.visit(attempt)
    assert wrong.asked == FREE_ATTEMPTS + 3
    right = Page()
    for _ in range(FREE_ATTEMPTS + 5):
        assert right.visit(attempt)["status"] == 200
