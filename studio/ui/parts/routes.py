"""The addresses under which Gradio answers: those that the page uses, each with a sentence when it fails.

Gradio has many more (a proxy, video, recordings, custom components), some of which print what they are sent,
fail with a traceback, or open addresses of the network.
"""

from __future__ import annotations

import logging
import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.words import tr

log = logging.getLogger("likeness.page")
CHANGED = "/gradio_api/changed"  # our own: the question of every second
USED = re.compile(
    rf"{CHANGED}|"
    r"/(config|login|logout|theme\.css|favicon\.ico|robots\.txt|manifest\.json|(static|assets|svelte)/.*"
    r"|gradio_api/((run|api)/[^/]+|file=.*|upload|upload_progress|heartbeat/[^/]+|info|app_id|startup-events"
    r"|theme\.css|login_check|user|token))?/?"
)
UNKNOWN = tr("This page has nothing at that address.") + "\n"
TOO_LARGE = tr("This request is too large for the page.") + "\n"
MAX_BYTES = 64_000_000  # of a request that is no upload; the masks of a photo are the largest ones
FAILED = tr("The page did not understand this request. Reload it and try again.") + "\n"


class UsedRoutes:
    """ASGI middleware inside Gradio's application: refuses other addresses, and answers what routes raise."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on when its address is used."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not USED.fullmatch(path) or path.startswith(("/gradio_api/file=http:", "/gradio_api/file=https:")):
            await PlainTextResponse(UNKNOWN, status_code=404)(scope, receive, send)
            return
        is_upload = path.startswith("/gradio_api/upload")
        if not is_upload and int(Headers(scope=scope).get("content-length", 0)) > MAX_BYTES:
            await PlainTextResponse(TOO_LARGE, status_code=413)(scope, receive, send)
            return
        begun, received = False, 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BYTES and not is_upload:
                raise ValueError("the request is too large")
            return message

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, limited, watch)
        except Exception as error:
            log.warning("%s %s: %r", scope["method"], path[:100], repr(error)[:200])
            if begun:
                raise
            await PlainTextResponse(FAILED, status_code=400)(scope, receive, send)
