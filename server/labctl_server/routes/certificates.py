"""Certificates: what tests said of bits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from labctl.ledger.values import Certificate, Role
from labctl_server.access import needs
from labctl_server.paging import link_next
from labctl_server.problems import responses
from labctl_server.schemas import Before, CertificateRequest, Id, Limit
from labctl_server.service import TheService

router = APIRouter(
    prefix="/v1/certificates", tags=["bits"], dependencies=[needs(Role.VIEWER)], responses=responses(401, 403)
)
Named = Annotated[str | None, Query(max_length=64)]


@router.post("", status_code=201, dependencies=[needs(Role.SUBMITTER)], responses=responses(404, 409, 422, 503, 507))
def keep(service: TheService, body: CertificateRequest, response: Response) -> Certificate:
    """Keep what was found, if it is of these very bits; ``labctl certify DRAW`` sends it."""
    certificate = service.ledger.certificates.add(**body.model_dump())
    response.headers["Location"] = f"/v1/certificates/{certificate.id}"
    return certificate


@router.get("")
def list_certificates(
    service: TheService,
    request: Request,
    response: Response,
    draw: Named = None,
    run: Named = None,
    limit: Limit = 100,
    before: Before = None,
) -> list[Certificate]:
    """The newest first, without results, of one draw or run if it is named; a Link header leads to older ones."""
    found = service.ledger.certificates.list(draw=draw, run=run, limit=limit, before=before)
    link_next(request, response, [certificate.id for certificate in found], limit)
    return found


@router.get("/{certificate}", responses=responses(404))
def get_certificate(service: TheService, certificate: Id) -> Certificate:
    """One of them, with its results."""
    return service.ledger.certificates.get(certificate)
