"""Jobs as those see them who order them: submit, look, cancel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from labctl.core.errors import NotFound, ParameterError
from labctl.ledger.database import Database
from labctl.ledger.ids import next_id
from labctl.ledger.states import ACTIVE, add_event, refuse, transition
from labctl.ledger.tables import benches, events, jobs
from labctl.ledger.values import BenchEntry, Event, Job, OnInterrupt, State

COLUMNS = [jobs.c[field.name] for field in fields(Job)]


class Jobs:
    """The queue and its history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self,
        bench: str,
        procedure: str,
        parameters: Mapping[str, Any],
        *,
        priority: int = 0,
        owner: str = "local",
        idempotency_key: str | None = None,
        on_interrupt: OnInterrupt = OnInterrupt.HOLD,
        expires_seconds: float | None = None,
    ) -> Job:
        """Queue a job and return it; a higher ``priority`` goes first.

        The same owner, key and request again return the job of the first time, however far it is.

        Raises NotFound for an unknown bench, ParameterError for a key that stands for another request.
        """
        request = [bench, procedure, dict(parameters), priority, on_interrupt, expires_seconds]
        request_hash = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        with self._database.write() as connection:
            if idempotency_key is not None:
                earlier = (
                    connection.execute(
                        sa.select(*COLUMNS, jobs.c.request_hash).where(
                            jobs.c.owner == owner, jobs.c.idempotency_key == idempotency_key
                        )
                    )
                    .mappings()
                    .one_or_none()
                )
                if earlier is not None:
                    return _same_request(earlier, request_hash)
            known = list(connection.scalars(sa.select(benches.c.name).order_by(benches.c.name)))
            if bench not in known:
                raise NotFound(_no_bench(bench, known))
            now = self._database.now()
            job = next_id(now, connection.scalar(sa.select(sa.func.max(jobs.c.id))))
            connection.execute(
                jobs.insert().values(
                    id=job,
                    bench=bench,
                    procedure=procedure,
                    parameters=dict(parameters),
                    priority=priority,
                    owner=owner,
                    idempotency_key=idempotency_key,
                    request_hash=request_hash,
                    state=State.QUEUED,
                    on_interrupt=on_interrupt,
                    created_at=now,
                    expires_at=None if expires_seconds is None else now + timedelta(seconds=expires_seconds),
                )
            )
            add_event(connection, job, now, str(State.QUEUED), {"bench": bench, "procedure": procedure, "owner": owner})
            return fetch_job(connection, job)

    def get(self, job: str) -> Job:
        """The job named ``job``; raises NotFound."""
        with self._database.read() as connection:
            return fetch_job(connection, job)

    def recent(
        self,
        *,
        state: State | None = None,
        bench: str | None = None,
        benches: Collection[str] | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[Job]:
        """The newest jobs first, of one bench, some ``benches`` or all; ``before`` a job's id continues a list."""
        query = sa.select(*COLUMNS).order_by(jobs.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(jobs.c.state == state)
        if bench is not None:
            query = query.where(jobs.c.bench == bench)
        if benches is not None:
            query = query.where(jobs.c.bench.in_(benches))
        if before is not None:
            query = query.where(jobs.c.id < before)
        with self._database.read() as connection:
            return [Job(**row) for row in connection.execute(query).mappings()]

    def cancel(self, job: str) -> Job:
        """Cancel a waiting job at once, ask the agent of an active one to stop; twice is as good as once.

        Raises IllegalTransition when the job has already ended some other way.
        """
        with self._database.write() as connection:
            found = fetch_job(connection, job)
            now = self._database.now()
            if found.state == State.QUEUED:
                transition(connection, job, State.CANCELLED, at=now, ended_at=now)
            elif found.state in ACTIVE and not found.cancel_requested:
                connection.execute(jobs.update().where(jobs.c.id == job).values(cancel_requested=True))
                add_event(connection, job, now, "cancel_requested", {})
            elif found.state not in ACTIVE | {State.CANCELLED}:
                refuse(connection, job, "be cancelled")
            return fetch_job(connection, job)

    def events(
        self, job: str | None = None, *, after: int = 0, limit: int = 1000, benches: Collection[str] | None = None
    ) -> list[Event]:
        """What happened after event ``after``, oldest first; to one job, to those of some benches or to all."""
        columns = [events.c[field.name] for field in fields(Event)]
        query = sa.select(*columns).where(events.c.seq > after).order_by(events.c.seq).limit(limit)
        with self._database.read() as connection:
            if job is not None:
                fetch_job(connection, job)
                query = query.where(events.c.job == job)
            if benches is not None:
                query = query.where(events.c.job.in_(sa.select(jobs.c.id).where(jobs.c.bench.in_(benches))))
            return [Event(**row) for row in connection.execute(query).mappings()]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs there are, by bench and state."""
        query = sa.select(jobs.c.bench, jobs.c.state, sa.func.count()).group_by(jobs.c.bench, jobs.c.state)
        with self._database.read() as connection:
            return {(row[0], str(row[1])): row[2] for row in connection.execute(query)}

    def last_event(self) -> int:
        """The number of the newest event; 0 before the first."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(sa.func.max(events.c.seq))) or 0

    def benches(self) -> list[BenchEntry]:
        """The benches that ever registered, by name."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(benches).order_by(benches.c.name)).mappings()
            return [BenchEntry(**row) for row in rows]

    def bench(self, name: str) -> BenchEntry:
        """The bench called ``name``; raises NotFound."""
        with self._database.read() as connection:
            return fetch_bench(connection, name)


def fetch_job(connection: sa.Connection, job: str) -> Job:
    """The job named ``job``, inside a transaction; raises NotFound."""
    row = connection.execute(sa.select(*COLUMNS).where(jobs.c.id == job)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no job {job!r}; `labctl jobs` lists those there are")
    return Job(**row)


def fetch_bench(connection: sa.Connection, name: str) -> BenchEntry:
    """The bench called ``name``, inside a transaction; raises NotFound, listing those that are known."""
    row = connection.execute(sa.select(benches).where(benches.c.name == name)).mappings().one_or_none()
    if row is None:
        raise NotFound(_no_bench(name, list(connection.scalars(sa.select(benches.c.name).order_by(benches.c.name)))))
    return BenchEntry(**row)


def _no_bench(name: str, known: list[str]) -> str:
    return (
        f"there is no bench {name!r}; known are: {', '.join(known) or 'none'}. "
        "A bench becomes known when its agent starts"
    )


def _same_request(row: sa.RowMapping, request_hash: str) -> Job:
    if row["request_hash"] != request_hash:
        raise ParameterError(
            f"the idempotency key {row['idempotency_key']!r} already stands for another request (job {row['id']}); "
            "use a new key for a new request"
        )
    return Job(**{field.name: row[field.name] for field in fields(Job)})
