"""A small reverse proxy: it serves another server's page under a prefix, which it strips, as nginx does."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import threading
from collections.abc import Iterator

DROPPED = ("connection", "host", "transfer-encoding", "keep-alive")


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests below `prefix` on to the port `target`, with that server's own name as Host."""

    daemon_threads = True
    target = 0

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    """Passes one request on."""

    server: Proxy

    def do_GET(self) -> None:
        """Pass on the request with its body, and the answer as it comes."""
        if not self.path.startswith(f"{self.server.prefix}/"):
            self.send_error(404)
            return
        length = int(self.headers.get("Content-Length", 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in DROPPED}
        headers["X-Forwarded-For"] = self.client_address[0]
        behind = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        path = self.path.removeprefix(self.server.prefix)
        behind.request(self.command, path, self.rfile.read(length) if length else None, headers)
        answer = behind.getresponse()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in DROPPED:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):  # the browser has left
            while part := answer.read1(65536):
                self.wfile.write(part)
                self.wfile.flush()

    do_POST = do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def stripping_proxy(prefix: str) -> Iterator[Proxy]:
    """Serve a proxy while the block lasts; its `target` is to be set."""
    with Proxy(prefix) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()
