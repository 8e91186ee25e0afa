"""Errors as RFC 9457 problems: a stable type, a status, and the sentence with its remedy in ``detail``."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labctl.core import errors
from labctl.ledger.bits import AlreadyTaken
from labctl.ledger.database import DiskFull

log = logging.getLogger("labctl.server")

PREFIX = "urn:labctl:problem:"
MEDIA_TYPE = "application/problem+json"

# The first class that fits decides; what is not here is a 500, because nobody expected it.
STATUS: tuple[tuple[type[errors.LabError], HTTPStatus], ...] = (
    (AlreadyTaken, HTTPStatus.GONE),
    (DiskFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.PartNotFound, HTTPStatus.NOT_FOUND),
    (errors.ParameterError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.IllegalTransition, HTTPStatus.CONFLICT),
    (errors.LeaseLost, HTTPStatus.CONFLICT),
    (errors.NotEnoughBits, HTTPStatus.CONFLICT),
    (errors.BitsRefused, HTTPStatus.CONFLICT),
    (errors.KeyRefused, HTTPStatus.UNAUTHORIZED),
    (errors.NotAllowed, HTTPStatus.FORBIDDEN),
    (errors.TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.DatabaseError, HTTPStatus.SERVICE_UNAVAILABLE),
)


class Problem(BaseModel):
    """A problem (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": f"{PREFIX}not-enough-bits",
                    "title": "Not enough bits",
                    "status": 409,
                    "detail": "4096 bits were asked for; there are 0 hardware, 0 recorded, 1024 simulated, and one "
                    "draw takes them from one origin only. Ask for fewer, or run a bitstream job first",
                }
            ]
        },
    )

    type: str = Field(description="Stays the same for the same kind of problem; programs go by it.")
    title: str
    status: int
    detail: str = Field(description="What was asked, what was found, what to try.")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the problems with which a route may answer."""
    return {
        status: {
            "model": Problem,
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def problem(kind: str, status: int, detail: str, **more: Any) -> JSONResponse:
    """The response for a problem of ``kind``, a word with dashes."""
    title = kind.replace("-", " ").capitalize()
    body = {"type": PREFIX + kind, "title": title, "status": int(status), "detail": detail, **more}
    return JSONResponse(body, status_code=int(status), media_type=MEDIA_TYPE)


def kind_of(error: Exception) -> str:
    """``NotEnoughBits`` as ``not-enough-bits``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""
    handlers: dict[Any, Callable[[Request, Any], JSONResponse]] = {
        errors.LabError: _lab_error,
        RequestValidationError: _invalid,
        HTTPException: _http,
        OSError: _system,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(LastResort)


class LastResort:
    """Answers what no handler expected, and logs it.

    Starlette's own last resort raises the error again after its answer, and the server then cuts a connection that
    the caller may already be using for his next request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a problem if that fails before anything was answered."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            log.exception("%s %s", scope["method"], scope["path"])
            await _unexpected(error)(scope, receive, send)


def _lab_error(_: Request, error: errors.LabError) -> JSONResponse:
    for kind, status in STATUS:
        if isinstance(error, kind):
            answer = problem(kind_of(error), status, str(error))
            if status is HTTPStatus.UNAUTHORIZED:
                # A browser then asks for a name and a password; the key is the password, the name may be anything.
                answer.headers["WWW-Authenticate"] = 'Basic realm="labctl: the password is your key", Bearer'
            if isinstance(error, errors.TooManyRequests) and error.seconds is not None:
                answer.headers["Retry-After"] = str(error.seconds)
            return answer
    return problem(kind_of(error), HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    # What was sent is not repeated: it may be long, or nothing that JSON can say.
    found = [
        {"where": ".".join(str(step) for step in item["loc"]), "message": item["msg"], "type": item["type"]}
        for item in error.errors()
    ]
    said = "; ".join(f"{item['where']}: {item['message']}" for item in found)
    detail = f"the request does not fit: {said}. The shape of every request is at /docs"
    return problem("invalid-request", HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=found)


def _http(request: Request, error: HTTPException) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    said = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}; /docs lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} does not work on {request.url.path}; /docs lists what does",
    }
    # HTTP's own name for 413 changed between versions of Python
    kind = "content-too-large" if status == 413 else status.phrase.lower().replace(" ", "-")
    answer = problem(kind, status, said.get(status, str(error.detail)))
    answer.headers.update(error.headers or {})
    return answer


def _system(_: Request, error: OSError) -> JSONResponse:
    if error.errno == errno.ENOSPC:
        detail = "no room left on the service's disk; free some and try again"
        return problem("disk-full", HTTPStatus.INSUFFICIENT_STORAGE, detail)
    log.error("the system refused something: %s", error, exc_info=error)
    return _unexpected(error)


def _unexpected(error: Exception) -> JSONResponse:
    detail = f"the service met a {type(error).__name__} that it did not expect; its log has the story, please report it"
    return problem("internal-error", HTTPStatus.INTERNAL_SERVER_ERROR, detail)
