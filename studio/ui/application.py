"""What stands around Gradio's application: the door outside, the check of addresses inside."""

from __future__ import annotations

import functools
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from studio.ui.doors import Door, Doorkeeper
from studio.ui.parts.live_views import HasChanged
from studio.ui.parts.routes import CHANGED, UsedRoutes

START = uuid.uuid4().hex  # of this process: a page that was served by another one has lost its session
MAX_LETTERS = 100  # of the name of a visit or tab


def answer_changed(has_changed: HasChanged, request: Request) -> JSONResponse:
    """Answer the question of every second: whether something in the open tab has changed."""
    visit, tab = (request.query_params.get(name, "")[:MAX_LETTERS] for name in ("visit", "tab"))
    return JSONResponse({"changed": has_changed(visit, tab), "start": START})


def app_options(door: Door, has_changed: HasChanged) -> dict[str, Any]:
    """Return the options with which Gradio makes an application that has a door.

    Args:
        door: which requests are let in.
        has_changed: answers for the name of a visit and the open tab.

    Gradio puts its own middleware around what is given here, and that answers some requests itself. So the
    doorkeeper is put around all of it when the application starts, before its port is open.
    """

    @asynccontextmanager
    async def with_doorkeeper(app: Any) -> AsyncIterator[None]:
        app.middleware_stack = Doorkeeper(app.middleware_stack, door)
        yield

    question = Route(CHANGED, functools.partial(answer_changed, has_changed))
    return {"lifespan": with_doorkeeper, "middleware": [Middleware(UsedRoutes)], "routes": [question]}
