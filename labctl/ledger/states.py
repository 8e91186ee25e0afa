"""Which state may follow which, and the one place where a job's state is changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from labctl.core.errors import IllegalTransition, LeaseLost, NotFound
from labctl.ledger.tables import events, jobs
from labctl.ledger.values import State

TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.CLAIMED, State.CANCELLED, State.EXPIRED}),
    # Back to the queue only when the job says that it may be started again.
    State.CLAIMED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED, State.INTERRUPTED, State.QUEUED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED, State.QUEUED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.INTERRUPTED: frozenset(),
    State.EXPIRED: frozenset(),
}
ACTIVE = frozenset({State.CLAIMED, State.RUNNING})
FINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


def add_event(connection: sa.Connection, job: str, at: datetime, kind: str, body: Mapping[str, Any]) -> None:
    """Append to the history of ``job``, in the transaction of whatever it tells of."""
    connection.execute(events.insert().values(job=job, at=at, kind=kind, body=dict(body)))


def transition(
    connection: sa.Connection,
    job: str,
    target: State,
    *,
    at: datetime,
    fence: int | None = None,
    body: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Move ``job`` to ``target``, set ``columns`` with it, and append the event named after ``target``.

    With a ``fence``, the epoch of an agent's claim, it happens only while that claim holds the job.

    Raises NotFound, LeaseLost (the claim does not hold the job any more) or IllegalTransition.
    """
    sources = [state for state, following in TRANSITIONS.items() if target in following]
    change = jobs.update().where(jobs.c.id == job, jobs.c.state.in_(sources))
    if fence is not None:
        change = change.where(jobs.c.epoch == fence, jobs.c.state.in_(ACTIVE))
    if connection.execute(change.values(state=target, **columns)).rowcount == 0:
        refuse(connection, job, f"become {target}", fence)
    add_event(connection, job, at, str(target), body or {})


def refuse(connection: sa.Connection, job: str, wish: str, epoch: int | None = None) -> None:
    """Say why ``job`` cannot ``wish``; always raises."""
    row = connection.execute(sa.select(jobs.c.state, jobs.c.epoch).where(jobs.c.id == job)).one_or_none()
    if row is None:
        raise NotFound(f"there is no job {job!r}; `labctl jobs` lists those there are")
    if epoch is not None and (row.epoch != epoch or row.state not in ACTIVE):
        raise LeaseLost(
            f"job {job} cannot {wish} for claim {epoch}: it is {row.state} under claim {row.epoch}. "
            "Make the instruments safe, drop this attempt and claim anew"
        )
    following = ", ".join(sorted(TRANSITIONS[row.state]))
    then = f"from there it can only become {following}" if following else "that is final; submit a new job"
    raise IllegalTransition(f"job {job} is {row.state} and cannot {wish}; {then}")
