"""API keys: who may ask for what. For admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic.dataclasses import dataclass

from labctl.ledger.values import ApiKey, Role
from labctl_server.access import needs
from labctl_server.problems import responses
from labctl_server.schemas import KeyRequest
from labctl_server.service import TheService

router = APIRouter(
    prefix="/v1/keys", tags=["keys"], dependencies=[needs(Role.ADMIN)], responses=responses(401, 403, 503)
)


@dataclass(frozen=True)
class NewKey:
    """A key and its secret, which is shown this once and kept nowhere."""

    key: ApiKey
    secret: str


@router.post("", status_code=201, responses=responses(422, 507))
def add_key(service: TheService, body: KeyRequest) -> NewKey:
    """Make a key for somebody, or for the agent of a bench."""
    return NewKey(
        *service.ledger.keys.add(
            body.owner, body.role, benches=body.benches, expires_seconds=body.expires_seconds, note=body.note
        )
    )


@router.get("")
def list_keys(service: TheService) -> list[ApiKey]:
    """All keys that were ever made, the newest first, without their secrets."""
    return service.ledger.keys.list()


@router.delete("/{key}", responses=responses(404))
def revoke_key(service: TheService, key: Annotated[str, Path(max_length=64)]) -> ApiKey:
    """The key is good for nothing from now on; what was done with it stays on record."""
    return service.ledger.keys.revoke(key)
