"""The page as it is served: who is let in, by which name, and who may read its files."""

from __future__ import annotations

import http.client
import json
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.ui.login_delays import FREE_ATTEMPTS
from tests.launcher.proxy import stripping_proxy
from tests.launcher.served import served, status

EVIL = "http://evil.example"
PASSWORD = "lily:with:colons"
UPLOAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
MULTIPART = {"Content_Type": "multipart/form-data; boundary=x"}
CALL = json.dumps({"fn_index": 0, "data": []}).encode()
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The page as it opens without flags: its port and the folder of its workspace."""
    folder = tmp_path_factory.mktemp("alone")
    with served(folder) as port:
        yield port, folder / "work"


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The page with --listen NAME and a password from a file: its port."""
    folder = tmp_path_factory.mktemp("listening")
    (folder / "secret").write_text(f"{PASSWORD}\n", encoding="utf-8")
    with served(folder, "--listen", "studio.home", "--auth-file", str(folder / "secret")) as port:
        yield port


def picture(folder: Path) -> str:
    """Return the address of a picture in a workspace."""
    (folder / "pictures" / "00001-01.png").write_bytes(b"\x89PNG")
    return f"/gradio_api/file={folder / 'pictures' / '00001-01.png'}"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "127.0.0.1:{port}", "LOCALHOST:9"])
def test_the_page_answers_to_its_own_names(alone: tuple[int, Path], name: str) -> None:
    port, _ = alone
    assert status(port, "/", Host=name.format(port=port)) == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "0.0.0.0", ""]
)
def test_the_page_answers_to_no_other_name(alone: tuple[int, Path], name: str) -> None:
    port, folder = alone
    for path in ("/", "/config", picture(folder)):
        assert status(port, path, Host=name.format(port=port)) == 421, path


def test_other_sites_are_refused_everywhere(alone: tuple[int, Path]) -> None:
    port, folder = alone
    for origin in (
        EVIL,
        "null",
        "http://127.0.0.1",
        f"http://localhost:{port}",
        f"http://127.0.0.1:{port + 1}",
    ):
        assert status(port, "/", Origin=origin) == 403, origin
        assert status(port, picture(folder), Origin=origin) == 403, origin
        assert status(port, "/gradio_api/upload", data=UPLOAD, Origin=origin, **MULTIPART) == 403, origin
        assert status(port, "/gradio_api/run/predict", data=CALL, Origin=origin, **JSON) == 403, origin
        asked = {"Access_Control_Request_Method": "POST"}
        assert status(port, "/gradio_api/upload", method="OPTIONS", Origin=origin, **asked) == 403, origin
    assert not [path for path in (folder / "cache").rglob("*") if path.name == "a.txt"]


def test_the_page_itself_and_programs_are_let_in(alone: tuple[int, Path]) -> None:
    port, folder = alone
    for origin in ({"Origin": f"http://127.0.0.1:{port}"}, {}):
        assert status(port, "/", **origin) == 200
        assert status(port, picture(folder), **origin) == 200
        assert status(port, "/gradio_api/upload", data=UPLOAD, **origin, **MULTIPART) == 200
        assert status(port, "/gradio_api/run/predict", data=CALL, **origin, **JSON) == 200


def test_a_browser_that_names_another_site_is_refused_unless_it_follows_a_link(
    alone: tuple[int, Path],
) -> None:
    port, folder = alone
    for site in ("cross-site", "same-site"):
        from_site = {"Sec_Fetch_Site": site}
        call = {**from_site, **JSON, "Sec_Fetch_Mode": "no-cors"}
        assert status(port, "/gradio_api/run/predict", data=CALL, **call) == 403
        assert (
            status(port, picture(folder), Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="image", **from_site)
            == 403
        )
        link = {"Sec_Fetch_Mode": "navigate", **from_site}
        assert status(port, "/", Sec_Fetch_Dest="document", **link) == 200
        assert status(port, "/", Sec_Fetch_Dest="iframe", **link) == 403
        assert status(port, "/gradio_api/run/predict", data=CALL, **link, **JSON) == 403


def raw(port: int, head: str) -> str:
    """Send the lines of a request as they are, and return the first line of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        return connection.recv(4096).decode("latin-1").split("\r\n", 1)[0]


def test_odd_hosts_and_websockets_are_refused(alone: tuple[int, Path]) -> None:
    port, _ = alone
    assert " 421 " in raw(port, "GET / HTTP/1.0\n\n")
    assert " 421 " in raw(port, f"GET / HTTP/1.0\nOrigin: {EVIL}\n\n")
    assert " 400 " in raw(port, "GET / HTTP/1.1\nHost: 127.0.0.1\nHost: evil.example\n\n")
    upgrade = (
        "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: eA==\n\n"
    )
    assert " 403 " in raw(port, f"GET / HTTP/1.1\nHost: 127.0.0.1:{port}\nOrigin: {EVIL}\n{upgrade}")


def test_a_refusal_is_a_sentence(alone: tuple[int, Path]) -> None:
    port, _ = alone
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/", headers={"Host": "evil.example"})
    text = connection.getresponse().read().decode()
    assert "does not answer to that address" in text and "--listen NAME" in text and "<" not in text


def test_addresses_that_the_page_does_not_use_are_closed(alone: tuple[int, Path]) -> None:
    port, _ = alone
    closed = ("pwa_icon/5", "gradio_api/proxy=http://127.0.0.1/", "gradio_api/file=http://127.0.0.1:1/x")
    for path in (
        *closed,
        "gradio_api/custom_component/x/client/x/x.js",
        "gradio_api/openapi.json",
        "nothing",
    ):
        assert status(port, f"/{path}") == 404, path
    for path in ("gradio_api/component_server", "gradio_api/process_recording", "gradio_api/queue/join"):
        assert status(port, f"/{path}", data=b"{", **JSON) == 404, path


def test_files_are_for_their_owner_alone(alone: tuple[int, Path]) -> None:
    if os.name != "posix":
        pytest.skip("this system has no such modes")
    port, folder = alone
    assert status(port, "/gradio_api/upload", data=UPLOAD, **MULTIPART) == 200
    modes = {
        path: path.stat().st_mode & 0o777
        for path in (folder, *folder.rglob("*"))
        if path.name != "00001-01.png"
    }
    assert any(path.name == "jobs.sqlite" for path in modes) and any(path.name == "a.txt" for path in modes)
    assert {
        path: oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)
    } == {}


def test_without_the_password_nothing_is_given(listening: int) -> None:
    for path in ("/config", "/gradio_api/info", "/gradio_api/file=/etc/hosts"):
        assert status(listening, path) == 401, path
    assert status(listening, "/gradio_api/upload", data=UPLOAD, **MULTIPART) == 401
    assert status(listening, "/gradio_api/run/predict", data=CALL, **JSON) == 401
    with urllib.request.urlopen(f"http://127.0.0.1:{listening}/", timeout=20) as answer:
        text = answer.read().decode()
    assert "has to wait, longer each time" in text
    assert "auth_required" in text and "photo-drop" not in text, "only the form that asks for the password"


def log_in(port: int, user: str, password: str) -> tuple[int, str]:
    """Send a user and a password; returns the status and the cookies to send back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    form = urllib.parse.urlencode({"username": user, "password": password})
    connection.request("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    cookies = [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    return answer.status, "; ".join(cookies)


def test_the_password_opens_the_page_and_guesses_are_slowed(listening: int) -> None:
    answered, cookies = log_in(listening, "lily", "with:colons")
    assert answered == 200 and status(listening, "/config", Cookie=cookies) == 200
    guesses = FREE_ATTEMPTS + 6  # enough that the wait is longer than a slow machine needs to answer
    assert [log_in(listening, "lily", "with")[0] for _ in range(guesses)] == [400] * guesses
    assert log_in(listening, "lily", "with:colons")[0] == 400, "a right guess that comes too soon is not told"


def test_listening_names_are_let_in(listening: int) -> None:
    machine = socket.gethostname()
    for name in ("studio.home", "STUDIO.home:8080", "127.0.0.1", machine, f"{machine}.local"):
        assert status(listening, "/", Host=name) == 200, name
    assert status(listening, "/", Host="other.home") == 421


def test_the_password_may_come_from_the_environment(tmp_path: Path) -> None:
    with served(tmp_path, environment={"LIKENESS_AUTH": "lily:secret"}) as port:
        assert status(port, "/config") == 401
        answered, cookies = log_in(port, "lily", "secret")
        assert answered == 200 and status(port, "/config", Cookie=cookies) == 200


def test_a_reverse_proxy_serves_it_below_a_path(tmp_path: Path) -> None:
    with stripping_proxy("/studio") as proxy:
        site = f"http://127.0.0.1:{proxy.server_port}"
        with served(tmp_path, "--root-path", f"{site}/studio") as proxy.target:
            port = proxy.server_port
            with urllib.request.urlopen(f"{site}/studio/", timeout=20) as answer:
                assert f'"root":"{site}/studio"' in answer.read().decode().replace(" ", "")
            assert status(port, f"/studio{picture(tmp_path / 'work')}", Origin=site) == 200
            assert status(port, "/studio/gradio_api/upload", data=UPLOAD, Origin=site, **MULTIPART) == 200
            assert status(port, "/studio/gradio_api/run/predict", data=CALL, Origin=site, **JSON) == 200
            assert status(port, "/studio/gradio_api/upload", data=UPLOAD, Origin=EVIL, **MULTIPART) == 403
            assert status(port, "/studio/", Origin=f"http://127.0.0.1:{port + 1}") == 403
