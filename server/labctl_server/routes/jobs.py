"""Jobs: order, look, wait, cancel, and read what came out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Request, Response

from labctl.core.errors import ParameterError
from labctl.ledger.states import FINAL
from labctl.ledger.values import ArtifactEntry, Event, Job, Role, Row, Run, Segment, State
from labctl_server.access import TheCaller, needs
from labctl_server.paging import link_next
from labctl_server.problems import responses
from labctl_server.schemas import Before, Id, JobRequest, Limit, Name
from labctl_server.service import TheService

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[needs(Role.VIEWER)], responses=responses(401, 403))

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x20-\x7e]+$",
        description="With the same key, the same request makes one job, however often it is sent.",
    ),
]
Wait = Annotated[float, Query(ge=0, le=3600, description="Seconds to wait for the job to end.", allow_inf_nan=False)]
OfRun = Annotated[str | None, Query(max_length=64, description="One attempt; without it the last.")]


@router.post("", status_code=202, dependencies=[needs(Role.SUBMITTER)], responses=responses(404, 422, 503, 507))
def submit_job(service: TheService, caller: TheCaller, body: JobRequest, response: Response, key: Key = None) -> Job:
    """Order a measurement. Its parameters are checked now; it runs when the bench gets to it."""
    caller.must_have(body.bench)
    owner = body.owner or caller.owner or "local"
    caller.must_own(f"a job of {owner}", owner)
    bench = service.ledger.jobs.bench(body.bench)
    parameters = service.catalogue.validate(body.procedure, body.parameters)
    needed = service.catalogue.describe(body.procedure)["roles"]
    if missing := [role for role in needed if role not in bench.roles]:
        raise ParameterError(
            f"{body.procedure} needs {', '.join(needed)}; the bench {bench.name} has "
            f"{', '.join(bench.roles) or 'nothing'} and lacks {', '.join(missing)}. "
            "Choose another bench, or add the instrument to its station file"
        )
    job = service.ledger.jobs.submit(
        body.bench,
        body.procedure,
        parameters,
        priority=body.priority,
        owner=owner,
        idempotency_key=key,
        on_interrupt=body.on_interrupt,
        expires_seconds=body.expires_seconds,
    )
    service.bell.ring()
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get("")
def list_jobs(
    service: TheService,
    caller: TheCaller,
    request: Request,
    response: Response,
    state: State | None = None,
    bench: Annotated[Name | None, Query()] = None,
    limit: Limit = 100,
    before: Before = None,
) -> list[Job]:
    """The newest jobs first; a Link header leads to older ones."""
    found = service.ledger.jobs.recent(state=state, bench=bench, benches=caller.benches, limit=limit, before=before)
    link_next(request, response, [job.id for job in found], limit)
    return found


@router.get("/{job}", responses=responses(404))
def get_job(service: TheService, request: Request, job: Id, wait: Wait = 0.0) -> Job:
    """How far a job is; with ``wait``, as soon as it has ended, or as far as it is when the time is over."""

    def ended() -> Job | None:
        found = service.ledger.jobs.get(job)
        return found if found.state in FINAL else None

    patience = min(wait, service.settings.max_wait_seconds)
    return service.bell.await_result(ended, patience, request) or service.ledger.jobs.get(job)


@router.post("/{job}/cancel", dependencies=[needs(Role.SUBMITTER)], responses=responses(404, 409))
def cancel_job(service: TheService, caller: TheCaller, job: Id) -> Job:
    """Cancel a waiting job at once; ask an active one to stop, which it does at its next step."""
    caller.must_rule(service.ledger.jobs.get(job))
    found = service.ledger.jobs.cancel(job)
    service.bell.ring()
    return found


@router.get("/{job}/runs", responses=responses(404))
def list_runs(service: TheService, job: Id) -> list[Run]:
    """The attempts at a job, each with its provenance."""
    return service.ledger.runs.of(job)


@router.get("/{job}/events", responses=responses(404))
def list_events(
    service: TheService,
    job: Id,
    after: Annotated[int, Query(ge=0, lt=2**63, description="Only later ones than this ``seq``.")] = 0,
    limit: Limit = 1000,
) -> list[Event]:
    """What happened to a job, oldest first."""
    return service.ledger.jobs.events(job, after=after, limit=limit)


@router.get("/{job}/records", responses=responses(404))
def list_records(
    service: TheService, job: Id, kind: Annotated[str | None, Query(max_length=64)] = None, run: OfRun = None
) -> list[Row]:
    """What was measured, in order; of one kind or of all."""
    return service.ledger.runs.records(job, kind, run)


@router.get("/{job}/segments", responses=responses(404))
def list_segments_of_job(
    service: TheService, job: Id, limit: Annotated[int, Query(ge=1, le=100_000)] = 1000
) -> list[Segment]:
    """The bits that the job deposited, in order: where and how many, not the bits."""
    service.ledger.jobs.get(job)
    return service.ledger.bits.segments(job=job, limit=limit)


@router.get("/{job}/artifacts", responses=responses(404))
def list_artifacts(service: TheService, job: Id) -> list[ArtifactEntry]:
    """The files that the job made."""
    return service.ledger.runs.artifacts(job)


@router.get(
    "/{job}/artifacts/{name}",
    response_class=Response,
    responses={200: {"description": "The file, under its own media type."}, **responses(404, 503)},
)
def get_artifact(service: TheService, job: Id, name: Annotated[str, Path(max_length=200)]) -> Response:
    """One of those files."""
    entry, content = service.ledger.runs.artifact(job, name)
    headers = {
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(entry.name)}",
        "ETag": f'"{entry.sha256}"',
        # A file may be a page; it must not act as one of ours.
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=entry.media_type, headers=headers)
