"""How much a request may bring, and how long it may take to bring it."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labctl_server.problems import problem
from labctl_server.settings import Settings

AGENTS = "/v1/agent/"


class Bounds:
    """Refuses bodies that are too large (413) before they fill the memory, and those that do not come (408)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        agents = scope["path"].startswith(AGENTS)
        most = self._settings.most_agent_bytes if agents else self._settings.most_bytes
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > most:
            await problem("content-too-large", 413, _too_large(int(announced), most))(scope, receive, send)
            return
        came, whole = 0, False

        async def counted() -> Message:
            nonlocal came, whole
            try:
                # Once the body is whole, what comes is the end of the connection, and that may take its time.
                async with asyncio.timeout(None if whole else self._settings.body_seconds):
                    message = await receive()
            except TimeoutError:
                detail = f"nothing came of the body for {self._settings.body_seconds:g} s; send it, or leave it out"
                raise HTTPException(408, detail) from None
            came += len(message.get("body", b""))
            whole = whole or not message.get("more_body", False)
            if came > most:
                raise HTTPException(413, _too_large(came, most))
            return message

        await self._app(scope, counted, send)


def _too_large(came: int, most: int) -> str:
    return f"the body has {came:,} bytes or more, and {most:,} are the most that is taken here; send less at a time"
