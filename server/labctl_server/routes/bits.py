"""Bits: draw, take once, replay by name, and see where they came from."""

from __future__ import annotations

import base64
import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic.dataclasses import dataclass

from labctl.core.bits import Bits, Origin
from labctl.ledger.values import Account, Draw, Part, Role, Segment
from labctl_server.access import TheCaller, needs
from labctl_server.paging import link_next
from labctl_server.problems import responses
from labctl_server.schemas import Before, DrawRequest, Id, Limit
from labctl_server.service import TheService

router = APIRouter(
    prefix="/v1", tags=["bits"], dependencies=[needs(Role.VIEWER, Role.AGENT)], responses=responses(401, 403)
)
SPENDS = [needs(Role.SUBMITTER, Role.AGENT)]
LOOKS = [needs(Role.SUBMITTER)]
OCTETS = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    "description": "The bits, packed, most significant bit first; the header Labctl-Origin says what they are.",
}


@dataclass(frozen=True)
class AuditedDraw:
    """A draw, and where every bit of it came from."""

    draw: Draw
    parts: list[Part]


@router.post("/draws", status_code=201, dependencies=SPENDS, responses=responses(409, 422, 503, 507))
def make_draw(service: TheService, caller: TheCaller, body: DrawRequest, response: Response) -> Draw:
    """Give bits to a consumer for ever. They do not leave yet: fetch them from ``/v1/draws/{draw}/bits``."""
    draw = service.ledger.bits.draw(
        body.n_bits,
        body.consumer,
        body.purpose,
        body.accept_simulated,
        owner=caller.owner,
        # an agent's key names the benches that it serves; its jobs may spend what others made
        benches=None if caller.role is Role.AGENT else caller.benches,
    )
    response.headers["Location"] = f"/v1/draws/{draw.id}"
    return draw


@router.get("/draws")
def list_draws(
    service: TheService, request: Request, response: Response, limit: Limit = 100, before: Before = None
) -> list[Draw]:
    """The newest draws first; a Link header leads to older ones."""
    found = service.ledger.bits.draws(limit=limit, before=before)
    link_next(request, response, [draw.id for draw in found], limit)
    return found


@router.get("/draws/{draw}", responses=responses(404))
def get_draw(service: TheService, draw: Id) -> AuditedDraw:
    """A draw, with the segment, junction and job of every bit."""
    return AuditedDraw(service.ledger.bits.get(draw), service.ledger.bits.audit(draw))


@router.get(
    "/draws/{draw}/bits",
    dependencies=SPENDS,
    response_class=Response,
    responses={200: OCTETS, **responses(404, 410, 503)},
)
def take_bits(service: TheService, caller: TheCaller, draw: Id) -> Response:
    """The bits of a draw, fresh: once. It is written down before they leave, so a broken connection burns them."""
    caller.must_own(f"draw {draw}", service.ledger.bits.get(draw).owner)
    return _octets(service.ledger.bits.take(draw))


@router.get(
    "/draws/{draw}/replay",
    dependencies=SPENDS,
    response_class=Response,
    responses={200: OCTETS, **responses(404, 409, 503)},
)
def replay_bits(service: TheService, caller: TheCaller, draw: Id) -> Response:
    """The bits of a draw that was taken, again and as often as wanted, marked as recorded (or simulated)."""
    caller.must_own(f"draw {draw}", service.ledger.bits.get(draw).owner)
    return _octets(service.ledger.bits.replay(draw))


@router.get("/bits")
def get_account(service: TheService) -> list[Account]:
    """How many bits there are and where they went, by origin."""
    return service.ledger.bits.account()


@router.get("/segments")
def list_segments(
    service: TheService,
    request: Request,
    response: Response,
    origin: Annotated[Origin | None, Query()] = None,
    limit: Limit = 100,
    before: Before = None,
) -> list[Segment]:
    """What was deposited, newest first; a Link header leads to older ones."""
    found = service.ledger.bits.segments(origin=origin, limit=limit, before=before)
    link_next(request, response, [segment.id for segment in found], limit)
    return found


@router.get(
    "/segments/{sha256}/bits",
    dependencies=LOOKS,
    response_class=Response,
    responses={200: OCTETS, **responses(404, 409, 503)},
)
def look_at_segment(
    service: TheService,
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="Of the packed bits.")],
) -> Response:
    """The bits of a segment that is spent or unhealthy, to look at, marked as recorded (or simulated)."""
    return _octets(service.ledger.bits.segment_bits(sha256))


def _octets(bits: Bits) -> Response:
    digest = base64.b64encode(hashlib.sha256(bits.packed).digest()).decode()
    headers = {
        "Labctl-Origin": str(bits.origin),
        "Labctl-Bits": str(bits.count),
        "Cache-Control": "no-store",
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return Response(bits.packed, media_type="application/octet-stream", headers=headers)
