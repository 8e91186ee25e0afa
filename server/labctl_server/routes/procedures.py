"""What can be ordered, and from whom."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from labctl.ledger.values import BenchEntry, Role
from labctl_server.access import needs
from labctl_server.problems import responses
from labctl_server.service import TheService

router = APIRouter(
    prefix="/v1",
    tags=["procedures and benches"],
    dependencies=[needs(Role.VIEWER)],
    responses=responses(401, 403),
)


class Procedure(BaseModel):
    """A measurement that the service knows."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    title: str
    doc: str
    roles: list[str] = Field(description="What it needs of a bench.")
    json_schema: dict[str, Any] = Field(alias="schema", description="JSON schema of its parameters.")


@router.get("/procedures")
def list_procedures(service: TheService) -> list[Procedure]:
    """The procedures that are installed, with what they need and take."""
    return [Procedure(**service.catalogue.describe(name)) for name in service.catalogue.names()]


@router.get("/procedures/{name}", responses=responses(404))
def get_procedure(
    service: TheService, name: Annotated[str, Path(max_length=200, examples=["switching_curve"])]
) -> Procedure:
    """One procedure, with the JSON schema of its parameters."""
    return Procedure(**service.catalogue.describe(name))


@router.get("/benches")
def list_benches(service: TheService) -> list[BenchEntry]:
    """The benches whose agents ever registered; ``seen_at`` says when an agent was last heard of."""
    return service.ledger.jobs.benches()
