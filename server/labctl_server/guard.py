"""Keeps other web pages out: a page from anywhere can make a browser send requests to a service on this machine."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from labctl_server.problems import problem


class Guard:
    """Refuses requests under a strange host name, and requests that another site's page makes.

    The first stops DNS rebinding, where a page's own name is pointed at this machine; the second stops a page whose
    image or form is one of our addresses. Programs send neither a strange name nor ``Sec-Fetch-Site``.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403 (or 421) in its place."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = _name(headers.get("host", ""))
            if host not in self._hosts:
                detail = f"this service is not called {host!r}; reach it as {' or '.join(self._hosts)}"
                await problem("misdirected-request", 421, detail)(scope, receive, send)
                return
            navigates = headers.get("sec-fetch-mode") == "navigate" and not scope["path"].startswith("/v1")
            if headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"} and not navigates:
                detail = "a page of another site made this request; use a program, or this service's own pages"
                await problem("cross-site-request", 403, detail)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _name(host: str) -> str:
    """``127.0.0.1:8000`` without its port, ``[::1]:8000`` without brackets too."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] or host
