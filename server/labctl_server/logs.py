"""The service's log: one line a request, each with the request's id; as text for people or JSON for programs."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by programs, and of no interest while they answer."""

access = logging.getLogger("labctl.server.access")


def configure(*, as_json: bool) -> None:
    """Send every log of this process to stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class Logged:
    """Middleware that gives each request an id, the caller's if he sent one, and writes down how it ended.

    Of what was sent only the path is logged: keys and bits are in headers and bodies, and stay there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request = given if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", given) else secrets.token_hex(8)
        began, status = time.perf_counter(), 0

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request):
            try:
                await self._app(scope, receive, marked)
            finally:
                if scope["path"] not in QUIET:
                    job = scope.get("path_params", {}).get("job")
                    access.info(
                        "%s %s",
                        scope["method"],
                        scope["path"],
                        extra={
                            "status": status,
                            "milliseconds": round(1000 * (time.perf_counter() - began), 1),
                            "caller": scope.get("labctl.caller"),
                            **({"job": job} if job else {}),
                        },
                    )
