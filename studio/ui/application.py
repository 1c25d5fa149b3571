"""What stands around Gradio's application: the door outside, the check of addresses inside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware

from studio.ui.doors import Door, Doorkeeper
from studio.ui.parts.routes import UsedRoutes


def app_options(door: Door) -> dict[str, Any]:
    """Return the options with which Gradio makes an application that has a door.

    Gradio puts its own middleware around what is given here, and that answers some requests itself. So the
    doorkeeper is put around all of it when the application starts, before its port is open.
    """

    @asynccontextmanager
    async def with_doorkeeper(app: Any) -> AsyncIterator[None]:
        app.middleware_stack = Doorkeeper(app.middleware_stack, door)
        yield

    return {"lifespan": with_doorkeeper, "middleware": [Middleware(UsedRoutes)]}
