"""What happens, as it happens: server-sent events, taken up again where a broken connection left off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from labctl.ledger import watch
from labctl.ledger.states import FINAL
from labctl.ledger.values import Event, Role
from labctl.ledger.watch import Mark, News
from labctl_server.access import TheCaller, needs
from labctl_server.problems import responses
from labctl_server.schemas import Id, Limit
from labctl_server.service import TheService

router = APIRouter(prefix="/v1", tags=["jobs"], dependencies=[needs(Role.VIEWER)], responses=responses(401, 403))

Last = Annotated[
    str | None,
    Header(alias="Last-Event-ID", max_length=60, description="Go on behind this one; browsers send it by themselves."),
]


async def first_look(service: TheService, job: Id, last: Last = None) -> News:
    """What is there already. Asked before the stream begins, where a problem can still be an answer."""
    mark = Mark.read(last) if last else Mark()
    return await anyio.to_thread.run_sync(watch.look, service.ledger.database, job, mark)


@router.get("/jobs/{job}/stream", response_class=EventSourceResponse, responses=responses(404, 422))
async def stream_job(
    service: TheService, job: Id, news: Annotated[News, Depends(first_look)]
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job: an ``event`` for each change of its state, each ``record``, ``progress``, and ``end`` at the end.

    The id of each can be handed in as Last-Event-ID, and the stream goes on behind it: nothing is missed or repeated.
    """
    told: tuple[Any, ...] | None = None
    while True:
        rings = service.bell.rings
        for mark, event in news.events:
            yield ServerSentEvent(event="event", id=str(mark), data=asdict(event))
        for mark, row in news.rows:
            yield ServerSentEvent(event="record", id=str(mark), data=asdict(row))
        found = news.job
        progress = (found.done, found.total, found.unit)
        if progress != told and found.total:
            told = progress
            yield ServerSentEvent(event="progress", data=dict(zip(("done", "total", "unit"), progress, strict=True)))
        if found.state in FINAL and not news.more:
            yield ServerSentEvent(event="end", id=str(news.mark), data=asdict(found))
            return
        if not news.more and not await service.bell.news(job, rings):
            return
        news = await anyio.to_thread.run_sync(watch.look, service.ledger.database, job, news.mark)


@router.get("/events")
def list_events(
    service: TheService,
    caller: TheCaller,
    after: Annotated[int, Query(ge=0, lt=2**63, description="Only later ones than this ``seq``.")] = 0,
    limit: Limit = 1000,
) -> list[Event]:
    """What happened to all jobs, oldest first."""
    return service.ledger.jobs.events(after=after, limit=limit, benches=caller.benches)


@router.get("/events/stream", response_class=EventSourceResponse)
async def stream_events(service: TheService, caller: TheCaller, last: Last = None) -> AsyncIterator[ServerSentEvent]:
    """Follow all jobs: an ``event`` for each change of a job's state, from now on or behind Last-Event-ID."""

    def later() -> list[Event]:
        return service.ledger.jobs.events(after=after, limit=watch.MOST, benches=caller.benches)

    newest = service.ledger.jobs.last_event
    after = int(last) if last is not None and last.isdecimal() else await anyio.to_thread.run_sync(newest)
    while True:
        rings = service.bell.rings
        happened = await anyio.to_thread.run_sync(later)
        for event in happened:
            after = event.seq
            yield ServerSentEvent(event="event", id=str(after), data=asdict(event))
        if len(happened) < watch.MOST and not await service.bell.news(None, rings):
            return
