"""Certificates: what tests said of bits, kept beside them and never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from labctl.core.bits import Bits, Origin
from labctl.core.errors import NotFound, ParameterError
from labctl.ledger.bits import BitBook
from labctl.ledger.database import Database
from labctl.ledger.ids import next_id
from labctl.ledger.tables import certificates, draws, runs, segments
from labctl.ledger.values import Certificate


class Certificates:
    """Of draws and runs."""

    def __init__(self, database: Database, bits: BitBook) -> None:
        self._database = database
        self._bits = bits

    def add(
        self,
        *,
        draw: str | None = None,
        run: str | None = None,
        sha256: str,
        n_bits: int,
        suites: list[str],
        profile: str,
        passed: bool,
        verdict: str,
        results: list[dict[str, Any]],
        version: str,
    ) -> Certificate:
        """Keep what was found. Origin, number and SHA-256 of the bits are compared with what the ledger has.

        Raises ParameterError unless exactly one of ``draw`` and ``run`` is given and the bits that were tested are
        its bits, NotFound where there is none such, BitsRefused where bits may still be fresh.
        """
        if (draw is None) == (run is None):
            raise ParameterError("a certificate is of a draw or of a run; give one of the two")
        with self._database.read() as connection:
            origin = _origin(connection, draw, run)
        _refuse_other_bits(
            [self._bits.replay(draw)] if draw is not None else self._bits.of_run(str(run)), sha256, n_bits
        )
        with self._database.write() as connection:
            now = self._database.now()
            certificate = Certificate(
                id=next_id(now, connection.scalar(sa.select(sa.func.max(certificates.c.id)))),
                draw=draw,
                run=run,
                sha256=sha256,
                n_bits=n_bits,
                origin=origin,
                suites=suites,
                profile=profile,
                passed=passed,
                verdict=verdict,
                results=results,
                version=version,
                created_at=now,
            )
            connection.execute(certificates.insert().values(asdict(certificate)))
            return certificate

    def get(self, certificate: str) -> Certificate:
        """The one of that name; raises NotFound."""
        query = sa.select(certificates).where(certificates.c.id == certificate)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no certificate {certificate!r}; `GET /v1/certificates` lists those there are")
        return Certificate(**row)

    def list(
        self, *, draw: str | None = None, run: str | None = None, limit: int = 100, before: str | None = None
    ) -> list[Certificate]:
        """The newest first, without their ``results``; of one draw or run if it is named."""
        query = (
            sa.select(*(column for column in certificates.c if column.name != "results"))
            .order_by(certificates.c.id.desc())
            .limit(limit)
        )
        for column, value in ((certificates.c.draw, draw), (certificates.c.run, run)):
            if value is not None:
                query = query.where(column == value)
        if before is not None:
            query = query.where(certificates.c.id < before)
        with self._database.read() as connection:
            return [Certificate(**row, results=None) for row in connection.execute(query).mappings()]


def _refuse_other_bits(stretches: Iterable[Bits], sha256: str, n_bits: int) -> None:
    digest, there = hashlib.sha256(), 0
    for bits in stretches:
        digest.update(bits.packed)
        there += bits.count
    if digest.hexdigest() != sha256 or n_bits > there:
        raise ParameterError(
            f"{n_bits:,} bits with SHA-256 {sha256} were tested, but the ledger has {there:,} with "
            f"{digest.hexdigest()}: these are others, and the certificate is not kept"
        )


def _origin(connection: sa.Connection, draw: str | None, run: str | None) -> Origin:
    if draw is not None:
        origin = connection.scalar(sa.select(draws.c.origin).where(draws.c.id == draw))
        if origin is None:
            raise NotFound(f"there is no draw {draw!r}; `GET /v1/draws` lists those there are")
        return Origin(origin)
    if connection.scalar(sa.select(runs.c.id).where(runs.c.id == run)) is None:
        raise NotFound(f"there is no run {run!r}; `GET /v1/jobs/JOB/runs` lists those of a job")
    origin = connection.scalar(sa.select(segments.c.origin).where(segments.c.run == run).limit(1))
    if origin is None:
        raise NotFound(f"run {run} deposited no bits, so there is nothing to certify")
    return Origin(origin)
