"""What a run found: its records, in order, and the files that it made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from labctl.core.errors import NotFound, ParameterError
from labctl.core.procedure import Artifact, Record
from labctl.ledger.database import Database
from labctl.ledger.files import fetch, keep
from labctl.ledger.jobs import fetch_job
from labctl.ledger.leases import active_job, current_run
from labctl.ledger.scalars import plain
from labctl.ledger.tables import artifacts, records, runs
from labctl.ledger.values import ArtifactEntry, Row, Run

FOLDER = "artifacts"
_ARTIFACT_COLUMNS = [artifacts.c[field.name] for field in fields(ArtifactEntry)]


class Runs:
    """The attempts at jobs and their results; what is asked of a job is asked of its last run unless one is named."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home

    def of(self, job: str) -> list[Run]:
        """The attempts at ``job``, in order."""
        with self._database.read() as connection:
            fetch_job(connection, job)
            query = sa.select(runs).where(runs.c.job == job).order_by(runs.c.number)
            return [Run(**row) for row in connection.execute(query).mappings()]

    def append_records(self, job: str, epoch: int, first_sequence: int, rows: Iterable[Record]) -> int:
        """Append ``rows``, numbered from ``first_sequence``; returns the next number.

        A number that the run already has is left as it is, so that a batch can be sent again when the answer was lost.
        NaN is stored as null; an infinite value is refused with ParameterError.
        """
        batch = [
            {
                "sequence": first_sequence + index,
                "kind": row.kind,
                "values": plain(row.values, f"the record {row.kind!r}"),
            }
            for index, row in enumerate(rows)
        ]
        last = first_sequence + len(batch)
        with self._database.write() as connection:
            run = current_run(connection, active_job(connection, job, epoch)).id
            span = sa.and_(records.c.run == run, records.c.sequence >= first_sequence, records.c.sequence < last)
            there = set(connection.scalars(sa.select(records.c.sequence).where(span)))
            new = [{"run": run, **row} for row in batch if row["sequence"] not in there]
            if new:
                connection.execute(records.insert(), new)
        return last

    def records(self, job: str, kind: str | None = None, run: str | None = None) -> list[Row]:
        """The records of a run, of one ``kind`` or of all, in order."""
        with self._database.read() as connection:
            fetch_job(connection, job)
            run = run or connection.scalar(
                sa.select(runs.c.id).where(runs.c.job == job).order_by(runs.c.number.desc()).limit(1)
            )
            query = sa.select(records).where(records.c.run == run).order_by(records.c.sequence)
            if kind is not None:
                query = query.where(records.c.kind == kind)
            return [Row(**row) for row in connection.execute(query).mappings()]

    def records_frame(self, job: str, kind: str | None = None, run: str | None = None) -> pd.DataFrame:
        """The same as a table: one row per record, indexed by its sequence number: its kind, then its values."""
        rows = self.records(job, kind, run)
        index = pd.Index([row.sequence for row in rows], name="sequence", dtype="int64")
        return pd.DataFrame([{"kind": row.kind} | dict(row.values) for row in rows], index=index)

    def add_artifact(self, job: str, epoch: int, artifact: Artifact) -> ArtifactEntry:
        """Keep a file of the present run; the same file under the same name again changes nothing.

        Raises ParameterError when the run has another file of that name.
        """
        with self._database.read() as connection:
            current_run(connection, active_job(connection, job, epoch))
        path = keep(self._home / FOLDER, artifact.content)
        with self._database.write() as connection:
            run = current_run(connection, active_job(connection, job, epoch)).id
            entry = ArtifactEntry(
                job=job,
                run=run,
                name=artifact.name,
                media_type=artifact.media_type,
                sha256=path.name,
                n_bytes=len(artifact.content),
                path=f"{FOLDER}/{path.name}",
            )
            query = sa.select(artifacts.c.sha256).where(artifacts.c.run == run, artifacts.c.name == artifact.name)
            earlier = connection.scalar(query)
            if earlier is None:
                connection.execute(artifacts.insert().values(**_values(entry)))
            elif earlier != entry.sha256:
                raise ParameterError(
                    f"run {run} already has another file named {artifact.name!r}; a result is never overwritten, "
                    "give the new one its own name"
                )
            return entry

    def artifacts(self, job: str, run: str | None = None) -> list[ArtifactEntry]:
        """The files of a job, of all its runs or of one, by run and name."""
        query = sa.select(*_ARTIFACT_COLUMNS).where(artifacts.c.job == job).order_by(artifacts.c.run, artifacts.c.name)
        if run is not None:
            query = query.where(artifacts.c.run == run)
        with self._database.read() as connection:
            fetch_job(connection, job)
            return [ArtifactEntry(**row) for row in connection.execute(query).mappings()]

    def artifact(self, job: str, name: str) -> tuple[ArtifactEntry, bytes]:
        """The newest file called ``name`` of a job, and its bytes, checked against its SHA-256."""
        every = self.artifacts(job)
        named = [entry for entry in every if entry.name == name]
        if not named:
            known = ", ".join(sorted({entry.name for entry in every})) or "none"
            raise NotFound(f"job {job} has no file {name!r}; it has: {known}")
        newest = max(named, key=lambda entry: int(entry.run.rpartition("-")[2]))
        return newest, fetch(self._home, newest.path, newest.sha256)


def _values(entry: ArtifactEntry) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in fields(entry)}
