"""Following a job: what is new about it since a mark that a watcher can keep, hand in again and go on from."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

import sqlalchemy as sa

from labctl.core.errors import ParameterError
from labctl.ledger.database import Database
from labctl.ledger.jobs import fetch_job
from labctl.ledger.tables import events, records, runs
from labctl.ledger.values import Event, Job, Row

MOST = 1000
"""Records and events of one look; what is left comes with the next one, at once."""


@dataclass(frozen=True)
class Mark:
    """How far a watcher has seen: up to event ``event``, and in run ``run`` all records before ``record``."""

    event: int = 0
    run: int = 1
    record: int = 0

    def __str__(self) -> str:
        return f"{self.event}.{self.run}.{self.record}"

    @classmethod
    def read(cls, text: str) -> Mark:
        """``"12.1.340"``; raises ParameterError for anything else."""
        if not re.fullmatch(r"\d{1,18}\.\d{1,9}\.\d{1,18}", text):
            raise ParameterError(
                f"{text[:60]!r} is no mark of a stream; hand in the id of the last thing that was seen, or leave it out"
            )
        return cls(*map(int, text.split(".")))


@dataclass(frozen=True)
class News:
    """The job as it is, and what is new since the mark, each with the mark behind it. ``more``: there is yet more."""

    job: Job
    events: list[tuple[Mark, Event]]
    rows: list[tuple[Mark, Row]]
    mark: Mark
    more: bool


def look(database: Database, job: str, mark: Mark) -> News:
    """What is new about ``job`` since ``mark``, in one view of the ledger; raises NotFound."""
    columns = [events.c[field.name] for field in fields(Event)]
    happened = sa.select(*columns).where(events.c.job == job, events.c.seq > mark.event).order_by(events.c.seq)
    later = sa.or_(runs.c.number > mark.run, sa.and_(runs.c.number == mark.run, records.c.sequence >= mark.record))
    measured = (
        sa.select(runs.c.number, records)
        .join_from(runs, records, records.c.run == runs.c.id)
        .where(runs.c.job == job, later)
        .order_by(runs.c.number, records.c.sequence)
    )
    with database.read() as connection:
        found = fetch_job(connection, job)
        seen: list[tuple[Mark, Event]] = []
        for row in connection.execute(happened.limit(MOST)).mappings():
            mark = Mark(row["seq"], mark.run, mark.record)
            seen.append((mark, Event(**row)))
        rows: list[tuple[Mark, Row]] = []
        for row in connection.execute(measured.limit(MOST)).mappings():
            mark = Mark(mark.event, row["number"], row["sequence"] + 1)
            rows.append((mark, Row(row["run"], row["sequence"], row["kind"], row["values"])))
    return News(found, seen, rows, mark, len(seen) == MOST or len(rows) == MOST)
