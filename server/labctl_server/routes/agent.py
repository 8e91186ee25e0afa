"""What bench agents say to the service; every word about a job carries the epoch of its claim."""

from __future__ import annotations

import base64

from fastapi import APIRouter, Request, Response
from pydantic.dataclasses import dataclass

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError
from labctl.core.procedure import Artifact, Progress, Record
from labctl.ledger.values import ArtifactEntry, BenchEntry, Job, Role, Run, Segment, State
from labctl_server import schemas
from labctl_server.access import needs
from labctl_server.problems import responses
from labctl_server.schemas import BenchName, Id
from labctl_server.service import TheService

router = APIRouter(
    prefix="/v1/agent",
    tags=["agents"],
    dependencies=[needs(Role.AGENT, Role.ADMIN)],
    responses=responses(401, 403, 404, 409, 422, 503, 507),
)


@dataclass(frozen=True)
class Beat:
    """The answer to a heartbeat: whether to stop, and how long the lease holds from when the beat was sent."""

    cancel: bool
    lease_seconds: float


@dataclass(frozen=True)
class Kept:
    """How far the records of the run reach now."""

    next_sequence: int


@router.put("/benches/{bench}")
def register_bench(service: TheService, bench: BenchName, body: schemas.BenchRegistration) -> BenchEntry:
    """Take a bench. What an earlier agent was still at becomes interrupted, or is queued again if it allows that."""
    found = service.ledger.leases.register(bench, body.agent, body.origin, body.station_digest, body.roles)
    service.bell.ring()
    return found


@router.post("/benches/{bench}/claim", response_model=Job, responses={204: {"description": "Nothing to do."}})
def claim_job(service: TheService, request: Request, bench: BenchName, body: schemas.ClaimRequest) -> Job | Response:
    """The next job of the bench, waiting for one up to ``wait_seconds``."""
    leases, lease_seconds = service.ledger.leases, service.settings.lease_seconds
    leases.seen(bench, body.agent)
    patience = min(body.wait_seconds, service.settings.max_wait_seconds)
    job = service.bell.await_result(lambda: leases.claim(bench, body.agent, lease_seconds), patience, request)
    if job is None:
        return Response(status_code=204)
    service.bell.ring()
    return job


@router.post("/jobs/{job}/start")
def start_job(service: TheService, job: Id, body: schemas.StartRequest) -> Run:
    """The job begins now; with what the bench says of itself."""
    run = service.ledger.leases.start(job, body.epoch, body.provenance)
    service.bell.ring()
    return run


@router.post("/jobs/{job}/heartbeat")
def heartbeat(service: TheService, job: Id, body: schemas.HeartbeatRequest) -> Beat:
    """Renew the lease and say how far the job is."""
    progress = None if body.done is None else Progress(body.done, body.total, body.unit)
    cancel = service.ledger.leases.heartbeat(job, body.epoch, progress)
    if progress is not None:
        service.bell.tell(job)
    return Beat(cancel, service.settings.lease_seconds)


@router.post("/jobs/{job}/records")
def append_records(service: TheService, job: Id, body: schemas.RecordsRequest) -> Kept:
    """Keep records; those whose numbers are there already are left as they are."""
    rows = [Record(row.kind, row.values) for row in body.records]
    kept = Kept(service.ledger.runs.append_records(job, body.epoch, body.first_sequence, rows))
    service.bell.tell(job)
    return kept


@router.post("/jobs/{job}/segments", status_code=201)
def deposit_segment(service: TheService, job: Id, body: schemas.SegmentRequest) -> Segment:
    """Deposit bits; never the same ones twice."""
    try:
        bits = Bits(_decoded(body.bits, "bits"), body.n_bits, body.origin)
    except ValueError as error:
        raise ParameterError(f"these are not {body.n_bits} packed bits: {error}") from error
    return service.ledger.bits.deposit(job, body.epoch, bits, body.row, body.col, body.healthy, body.details)


@router.post("/jobs/{job}/artifacts", status_code=201)
def add_artifact(service: TheService, job: Id, body: schemas.ArtifactRequest) -> ArtifactEntry:
    """Keep a file."""
    content = _decoded(body.content, "content")
    return service.ledger.runs.add_artifact(job, body.epoch, Artifact(body.name, body.media_type, content))


@router.post("/jobs/{job}/finish")
def finish_job(service: TheService, job: Id, body: schemas.FinishRequest) -> Job:
    """The attempt is over."""
    found = service.ledger.leases.finish(job, body.epoch, State(body.outcome), body.error)
    service.bell.ring()
    return found


def _decoded(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ParameterError(
            f"the field {field!r} is not base 64 ({error}); encode the bytes with base64.b64encode"
        ) from error
