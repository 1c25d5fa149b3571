"""What stands around Gradio's application: the door outside, the check of addresses inside."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from studio.ui.doors import Door, Doorkeeper
from studio.ui.parts.answering_blocks import AnsweringBlocks
from studio.ui.parts.live_views import START
from studio.ui.parts.routes import CHANGED, UsedRoutes

MAX_LETTERS = 100  # of the name of a visit or tab


def answer_changed(page: AnsweringBlocks, request: Request) -> JSONResponse:
    """Answer the question of every second: which views of the open tab, or outside of tabs, have changed.

    The name of this process is left out where the visit has lost its session, as after a new start.
    """
    if not is_logged_in(request):
        return JSONResponse({}, 401)
    visit, tab = (request.query_params.get(name, "")[:MAX_LETTERS] for name in ("visit", "tab"))
    changed = page.what_changed(visit, tab)
    told = {"changed": changed or [], "start": "" if changed is None else START, "news": page.news()}
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


def is_logged_in(request: Request) -> bool:
    """Return whether a request may have an answer: there is no password, or it was given."""
    app = request.app
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    tokens = (request.cookies.get(name) for name in names)
    return app.auth is None or any(token in app.tokens for token in tokens if token)


def app_options(door: Door, page: AnsweringBlocks) -> dict[str, Any]:
    """Return the options with which Gradio makes an application that has a door.

    Args:
        door: which requests are let in.
        page: answers what has changed, and says the news.

    Gradio puts its own middleware around what is given here, and that answers some requests itself. So the
    doorkeeper is put around all of it when the application starts, before its port is open.
    """

    @asynccontextmanager
    async def with_doorkeeper(app: Any) -> AsyncIterator[None]:
        app.middleware_stack = Doorkeeper(app.middleware_stack, door)
        yield

    question = Route(CHANGED, functools.partial(answer_changed, page))
    return {"lifespan": with_doorkeeper, "middleware": [Middleware(UsedRoutes)], "routes": [question]}
