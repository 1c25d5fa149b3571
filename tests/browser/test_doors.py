"""Another site's page in a real browser cannot reach the studio, and a reverse proxy can."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from tests.browser.actions import drop_photos, open_tab
from tests.browser.conftest import TIMEOUT_MS, Stage
from tests.launcher.proxy import stripping_proxy
from tests.launcher.served import served

pytestmark = pytest.mark.browser
ATTACK = """async ([studio, picture]) => {
  const files = new FormData();
  files.append('files', new Blob(['mine']), 'evil.txt');
  const call = {fn_index: 0, data: [], event_data: null, session_hash: 'evil'};
  const headers = {'Content-Type': 'text/plain'};
  const blind = {method: 'POST', mode: 'no-cors'};
  const settle = promise => promise.then(answer => answer.type, error => 'refused');
  const shown = new Promise(done => {
    const image = new Image();
    [image.onload, image.onerror] = [() => done('shown'), () => done('refused')];
    image.src = picture;
  });
  const socket = new Promise(done => {
    const web = new WebSocket(studio.replace('http', 'ws') + 'queue/join');
    [web.onopen, web.onerror] = [() => done('open'), () => done('refused')];
  });
  return {
    blind_upload: await settle(fetch(studio + 'gradio_api/upload', {...blind, body: files})),
    blind_call: await settle(fetch(studio + 'gradio_api/run/predict',
      {...blind, headers: headers, body: JSON.stringify(call)})),
    upload: await settle(fetch(studio + 'gradio_api/upload', {method: 'POST', body: files})),
    read: await settle(fetch(studio + 'config')),
    picture: await shown,
    socket: await socket,
  };
}"""


class Blank(http.server.BaseHTTPRequestHandler):
    """Answers with an empty page."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title>")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def evil(browser: Any) -> Iterator[Any]:
    """A page of evil.example, whose name points to this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://evil.example:{server.server_port}/")
        yield page
        context.close()
        server.shutdown()


def uploads(stage: Stage) -> list[Path]:
    """Return what other sites' pages have uploaded."""
    return [path for path in stage.workspace.cache.rglob("*") if path.name == "evil.txt"]


def test_a_name_that_points_here_shows_a_refusal(stage: Stage, evil: Any) -> None:
    answer = evil.goto(f"http://evil.example:{urlparse(stage.url).port}/")
    assert answer.status == 421
    assert "does not answer to that address" in evil.locator("body").inner_text()
    calls = """async () => {
      const files = new FormData();
      files.append('files', new Blob(['mine']), 'evil.txt');
      const asked = [fetch('/config'), fetch('/gradio_api/upload', {method: 'POST', body: files})];
      return (await Promise.all(asked)).map(answer => answer.status);
    }"""
    assert evil.evaluate(calls) == [421, 421]
    assert not uploads(stage)


def test_another_site_cannot_upload_call_or_read(stage: Stage, evil: Any) -> None:
    picture = stage.workspace.pictures / "evil.png"
    picture.write_bytes((Path(__file__).parents[2] / "assets/demo/lily/1.png").read_bytes())
    statuses: list[int] = []
    evil.on("response", lambda answer: statuses.append(answer.status))
    found = evil.evaluate(ATTACK, [stage.url, f"{stage.url}gradio_api/file={picture}"])
    picture.unlink()
    blind = {"blind_upload": "opaque", "blind_call": "opaque"}  # sent, but nobody learns the answer
    assert found == {
        **blind,
        "upload": "refused",
        "read": "refused",
        "picture": "refused",
        "socket": "refused",
    }
    assert set(statuses) == {403}
    assert not uploads(stage)


@pytest.mark.slow
def test_the_page_works_below_the_path_of_a_reverse_proxy(
    browser: Any, tmp_path: Path, photos: list[Path]
) -> None:
    with stripping_proxy("/studio") as proxy:
        address = f"http://127.0.0.1:{proxy.server_port}/studio"
        with served(tmp_path, "--root-path", address) as proxy.target:
            context = browser.new_context()
            page = context.new_page()
            page.set_default_timeout(TIMEOUT_MS)
            failed: list[str] = []
            page.on("response", lambda seen: failed.append(seen.url) if seen.status >= 400 else None)
            page.goto(f"{address}/")
            drop_photos(page, photos)
            page.locator("#photo-strip .tile >> nth=2").wait_for()
            open_tab(page, "Create")
            page.locator("#prompt textarea").fill("a red house")
            page.locator("#paint").click()
            page.locator("#painting .card", has_text="a red house").wait_for()
            widths = "images => images.map(image => image.naturalWidth)"
            open_tab(page, "Train")
            assert all(page.locator("#demo-subjects img").evaluate_all(widths))
            context.close()
            assert not failed
