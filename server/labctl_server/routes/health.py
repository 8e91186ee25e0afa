"""Whether the service is alive, and whether it can do its work."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Response
from pydantic.dataclasses import dataclass

from labctl.ledger.engine import sqlite_warning
from labctl.ledger.values import Role
from labctl_server.access import needs
from labctl_server.metrics import CONTENT_TYPE
from labctl_server.problems import responses
from labctl_server.service import TheService

router = APIRouter(tags=["health"])


@dataclass(frozen=True)
class Alive:
    """The service answers."""

    status: str
    version: str


@dataclass(frozen=True)
class Ready:
    """The service can write to its ledger; ``warnings`` are things a person should know of."""

    status: str
    database: str
    warnings: list[str]


@router.get("/healthz")
def healthz() -> Alive:
    """Answers as long as the process lives."""
    return Alive("ok", version("labctl"))


@router.get(
    "/metrics",
    dependencies=[needs(Role.VIEWER)],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "For Prometheus."}, **responses(401, 403)},
)
def metrics(service: TheService) -> Response:
    """Numbers for Prometheus: jobs by state, bits by origin, silent benches, how long requests took."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/readyz", responses=responses(503, 507))
def readyz(service: TheService) -> Ready:
    """Answers 200 when the ledger takes a write."""
    service.ledger.check()
    dialect = service.ledger.database.engine.dialect.name
    warning = sqlite_warning() if dialect == "sqlite" else None
    return Ready("ok", dialect, [] if warning is None else [warning])
