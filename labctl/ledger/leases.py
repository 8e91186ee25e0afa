"""Jobs as a bench agent sees them: register, claim, start, heartbeat, finish; and what becomes of silent agents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from labctl.core.bits import Origin
from labctl.core.errors import IllegalTransition, LeaseLost
from labctl.core.procedure import Progress
from labctl.ledger.database import Database
from labctl.ledger.jobs import COLUMNS, fetch_bench, fetch_job
from labctl.ledger.states import ACTIVE, refuse, transition
from labctl.ledger.tables import benches, jobs, runs
from labctl.ledger.values import BenchEntry, Job, OnInterrupt, Run, State

OUTCOMES = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED})


class Leases:
    """Who may work on which job, and until when.

    Every claim raises the bench's epoch; whatever an agent writes carries the epoch of its claim and is
    refused with LeaseLost once the job is no longer active under it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, bench: str, agent: str, origin: Origin, station_digest: str, roles: Iterable[str]) -> BenchEntry:
        """Give the bench to ``agent``, a name that is new for every process.

        What an earlier agent was still at becomes interrupted, or queued again if the job allows it.
        """
        with self._database.write() as connection:
            now = self._database.now()
            values = {
                "agent": agent,
                "origin": origin,
                "station_digest": station_digest,
                "roles": sorted(set(roles)),
                "seen_at": now,
            }
            if connection.execute(benches.update().where(benches.c.name == bench).values(values)).rowcount == 0:
                connection.execute(benches.insert().values(name=bench, epoch=0, **values))
            orphans = sa.select(*COLUMNS).where(
                jobs.c.bench == bench, jobs.c.state.in_(ACTIVE), jobs.c.agent.is_distinct_from(agent)
            )
            for row in connection.execute(orphans).mappings().all():
                _interrupt(connection, Job(**row), now, f"agent {agent} took the bench over from {row['agent']}")
            return fetch_bench(connection, bench)

    def seen(self, bench: str, agent: str) -> None:
        """Note that ``agent`` is alive; raises LeaseLost if the bench belongs to another by now."""
        with self._database.write() as connection:
            _own(connection, bench, agent)
            connection.execute(benches.update().where(benches.c.name == bench).values(seen_at=self._database.now()))

    def claim(self, bench: str, agent: str, lease_seconds: float, *, job: str | None = None) -> Job | None:
        """The next job of the bench (or exactly ``job``), now claimed; None when there is nothing to do.

        An agent that asks again before it has started its job gets the same job again: the answer may have been lost.

        Raises LeaseLost if the bench belongs to another agent, NotFound if there is no such bench.
        """
        waiting = jobs.c.state == State.QUEUED
        with self._database.read() as connection:  # an idle bench asks often and should not make the disk work
            _own(connection, bench, agent)
            mine = sa.or_(waiting, jobs.c.state.in_(ACTIVE))
            if connection.scalar(sa.select(sa.func.count()).where(jobs.c.bench == bench, mine)) == 0:
                return None
        with self._database.write() as connection:
            entry = _own(connection, bench, agent)
            now = self._database.now()
            until = now + timedelta(seconds=lease_seconds)
            active = connection.execute(
                sa.select(*COLUMNS).where(jobs.c.bench == bench, jobs.c.state.in_(ACTIVE))
            ).one_or_none()
            if active is not None:
                if active.state != State.CLAIMED or active.agent != agent or job not in (None, active.id):
                    return None
                connection.execute(jobs.update().where(jobs.c.id == active.id).values(lease_until=until))
                return fetch_job(connection, active.id)
            query = sa.select(jobs.c.id).where(jobs.c.bench == bench, waiting)
            query = query.where(sa.or_(jobs.c.expires_at.is_(None), jobs.c.expires_at > now))
            if job is not None:
                query = query.where(jobs.c.id == job)
            chosen = connection.scalar(query.order_by(jobs.c.priority.desc(), jobs.c.id).limit(1))
            if chosen is None:
                return None
            epoch = entry.epoch + 1
            connection.execute(benches.update().where(benches.c.name == bench).values(epoch=epoch, seen_at=now))
            transition(
                connection,
                chosen,
                State.CLAIMED,
                at=now,
                body={"agent": agent, "epoch": epoch},
                agent=agent,
                epoch=epoch,
                lease_seconds=lease_seconds,
                lease_until=until,
            )
            return fetch_job(connection, chosen)

    def start(self, job: str, epoch: int, provenance: Mapping[str, Any]) -> Run:
        """Open a run; from here on the job may have had an effect on the sample. Saying it twice is harmless."""
        with self._database.write() as connection:
            found = active_job(connection, job, epoch)
            if found.state == State.RUNNING:
                return current_run(connection, found)
            now = self._database.now()
            transition(
                connection,
                job,
                State.RUNNING,
                at=now,
                fence=epoch,
                body={"epoch": epoch},
                started_at=now,
                lease_until=_lease_end(found, now),
            )
            number = 1 + (connection.scalar(sa.select(sa.func.max(runs.c.number)).where(runs.c.job == job)) or 0)
            connection.execute(
                runs.insert().values(
                    id=f"{job}-{number}",
                    job=job,
                    number=number,
                    epoch=epoch,
                    provenance=dict(provenance),
                    started_at=now,
                )
            )
            return current_run(connection, found)

    def heartbeat(self, job: str, epoch: int, progress: Progress | None = None) -> bool:
        """Renew the lease; returns whether somebody asked for the job to be cancelled."""
        with self._database.write() as connection:
            found = active_job(connection, job, epoch)
            now = self._database.now()
            values: dict[str, Any] = {"lease_until": _lease_end(found, now)}
            if progress is not None:
                values |= {"done": progress.done, "total": progress.total, "unit": progress.unit}
            connection.execute(jobs.update().where(jobs.c.id == job, jobs.c.epoch == epoch).values(values))
            connection.execute(benches.update().where(benches.c.name == found.bench).values(seen_at=now))
            return found.cancel_requested

    def finish(self, job: str, epoch: int, outcome: State, error: str | None = None) -> Job:
        """End the attempt with ``outcome``: succeeded, failed, cancelled or interrupted. Saying it twice is harmless.

        An interrupted job that allows it is queued again.
        """
        if outcome not in OUTCOMES:
            raise IllegalTransition(
                f"an attempt cannot end as {outcome}; it ends as one of {', '.join(sorted(OUTCOMES))}"
            )
        with self._database.write() as connection:
            found = fetch_job(connection, job)
            if found.epoch == epoch and found.state == outcome:
                return found
            found = active_job(connection, job, epoch)
            now = self._database.now()
            if outcome == State.INTERRUPTED:
                _interrupt(connection, found, now, error or "the agent gave up")
            else:
                body = {"epoch": epoch, "error": error}
                transition(connection, job, outcome, at=now, fence=epoch, body=body, error=error, ended_at=now)
                _end_run(connection, found, now, outcome, error)
            return fetch_job(connection, job)

    def reap(self, now: datetime | None = None) -> list[Job]:
        """Interrupt the jobs whose lease is over, expire those that waited too long; returns those it changed."""
        instant = self._database.now() if now is None else now
        silent = sa.and_(jobs.c.state.in_(ACTIVE), jobs.c.lease_until <= instant)
        late = sa.and_(jobs.c.state == State.QUEUED, jobs.c.expires_at <= instant)
        query = sa.select(*COLUMNS).where(sa.or_(silent, late)).order_by(jobs.c.id)
        with self._database.read() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return []
        with self._database.write() as connection:
            found = [Job(**row) for row in connection.execute(query).mappings()]
            for job in found:
                if job.state == State.QUEUED:
                    error = "nobody claimed it before it expired"
                    transition(connection, job.id, State.EXPIRED, at=instant, error=error, ended_at=instant)
                else:
                    _interrupt(connection, job, instant, f"agent {job.agent} was not heard of within its lease")
            return [fetch_job(connection, job.id) for job in found]


def active_job(connection: sa.Connection, job: str, epoch: int) -> Job:
    """The job, if claim ``epoch`` still holds it; raises NotFound or LeaseLost."""
    found = fetch_job(connection, job)
    if found.epoch != epoch or found.state not in ACTIVE:
        refuse(connection, job, "be written to", epoch)
    return found


def current_run(connection: sa.Connection, job: Job) -> Run:
    """The run that belongs to the job's present claim; raises IllegalTransition before it was started."""
    query = sa.select(runs).where(runs.c.job == job.id, runs.c.epoch == job.epoch)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise IllegalTransition(f"job {job.id} is {job.state} and has no run yet; start it before writing results")
    return Run(**row)


def _own(connection: sa.Connection, bench: str, agent: str) -> BenchEntry:
    entry = fetch_bench(connection, bench)
    if entry.agent != agent:
        raise LeaseLost(
            f"the bench {bench} belongs to agent {entry.agent}, not to {agent}; "
            "stop one of them, or register again to take the bench over"
        )
    return entry


def _lease_end(job: Job, now: datetime) -> datetime:
    return now + timedelta(seconds=job.lease_seconds or 0.0)


def _end_run(connection: sa.Connection, job: Job, now: datetime, outcome: State, error: str | None) -> None:
    change = runs.update().where(runs.c.job == job.id, runs.c.epoch == job.epoch, runs.c.outcome.is_(None))
    connection.execute(change.values(ended_at=now, outcome=outcome, error=error))


def _interrupt(connection: sa.Connection, job: Job, now: datetime, reason: str) -> None:
    """The agent of an active job is gone: nobody knows what the sample has seen since the last heartbeat."""
    _end_run(connection, job, now, State.INTERRUPTED, reason)
    body = {"reason": reason, "epoch": job.epoch, "done": job.done, "total": job.total, "unit": job.unit}
    if job.on_interrupt == OnInterrupt.RESTART and not job.cancel_requested:
        fresh = {"agent": None, "lease_until": None, "done": 0, "started_at": None}
        transition(connection, job.id, State.QUEUED, at=now, body=body, **fresh)
        return
    error = f"{reason}; it had done {job.done} of {job.total} {job.unit}. Look at the sample before you submit it again"
    transition(connection, job.id, State.INTERRUPTED, at=now, body=body, error=error, ended_at=now)
