"""Lists that go on: a Link header (RFC 8288) to the next page."""

from __future__ import annotations

from fastapi import Request, Response


def link_next(request: Request, response: Response, ids: list[str], limit: int) -> None:
    """Point to what comes before the last of ``ids``, if the page is full."""
    if len(ids) == limit:
        response.headers["Link"] = f'<{request.url.include_query_params(before=ids[-1])}>; rel="next"'
