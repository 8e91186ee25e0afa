"""The account of bits: deposited by a run, drawn once, taken once, traced for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from labctl.core.bits import Bits, Origin
from labctl.core.errors import BitsRefused, NotFound, ParameterError
from labctl.ledger.cutting import choose_origin, cut, drawable
from labctl.ledger.database import Database
from labctl.ledger.files import fetch, keep
from labctl.ledger.ids import next_id
from labctl.ledger.jobs import fetch_bench
from labctl.ledger.leases import active_job, current_run
from labctl.ledger.scalars import plain
from labctl.ledger.tables import draw_parts, draws, segments
from labctl.ledger.values import Account, BenchEntry, Draw, Part, Segment

FOLDER = "segments"


class AlreadyTaken(BitsRefused):
    """These bits have left the ledger; they leave it once."""


class BitBook:
    """Deposits and draws. Bits of different origins are never mixed in one draw."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home

    def deposit(
        self, job: str, epoch: int, bits: Bits, row: int, col: int, healthy: bool, details: Mapping[str, Any]
    ) -> Segment:
        """Keep the bits that junction (``row``, ``col``) gave in the present run of ``job``.

        The file is on the disk before SQL counts a bit of it.

        Raises BitsRefused when healthy bits are the very bytes of an earlier deposit: a source that repeats itself
        is broken, or it is a recording that pretends to be fresh. Bits of a better origin
        than their bench's are refused too. LeaseLost as every write of an agent.
        """
        if bits.count == 0:
            raise BitsRefused("a deposit needs at least one bit; this one has none")
        told = plain(details, "a harvest's details")
        with self._database.read() as connection:
            found = active_job(connection, job, epoch)
            current_run(connection, found)
            _refuse_stronger(bits.origin, fetch_bench(connection, found.bench))
            self._refuse_known(connection, bits, healthy)
        path = keep(self._home / FOLDER, bits.packed, ".bits")
        with self._database.write() as connection:
            found = active_job(connection, job, epoch)
            run = current_run(connection, found)
            self._refuse_known(connection, bits, healthy)
            now = self._database.now()
            segment = Segment(
                id=next_id(now, connection.scalar(sa.select(sa.func.max(segments.c.id)))),
                job=job,
                run=run.id,
                bench=found.bench,
                row=row,
                col=col,
                path=f"{FOLDER}/{path.name}",
                sha256=path.stem,
                n_bits=bits.count,
                next_bit=0,
                origin=bits.origin,
                healthy=healthy,
                details=told,
                created_at=now,
            )
            connection.execute(segments.insert().values(asdict(segment)))
            return segment

    def draw(
        self,
        n_bits: int,
        consumer: str,
        purpose: str,
        accept_simulated: bool = False,
        *,
        owner: str | None = None,
        benches: Collection[str] | None = None,
    ) -> Draw:
        """Give ``n_bits`` to ``consumer`` for ``purpose``, for ever: hardware bits if they suffice, else recorded
        ones, else simulated ones for those who accept them; made on one of ``benches``, if they are named.
        Committed when this returns; no byte has left yet.

        Raises ParameterError unless whole bytes are asked for, NotEnoughBits, or BitsRefused when only
        simulated bits would do and they were not accepted.
        """
        if n_bits <= 0 or n_bits % 8:
            raise ParameterError(
                f"bits are drawn in whole bytes and {n_bits} is no positive multiple of 8; "
                f"ask for {max(8, -(-n_bits // 8) * 8)}"
            )
        with self._database.write() as connection:
            now = self._database.now()
            drawn = Draw(
                id=next_id(now, connection.scalar(sa.select(sa.func.max(draws.c.id)))),
                owner=owner,
                consumer=consumer,
                purpose=purpose,
                n_bits=n_bits,
                origin=choose_origin(drawable(connection, benches), n_bits, accept_simulated),
                accept_simulated=accept_simulated,
                created_at=now,
                sent_at=None,
            )
            connection.execute(draws.insert().values(asdict(drawn)))
            cut(connection, drawn, benches)
            return drawn

    def take(self, draw: str) -> Bits:
        """The bits of a draw, fresh, exactly once; it is written down that they left before they do.

        Raises AlreadyTaken (a BitsRefused) the second time.
        """
        found, content = self._content(draw)
        with self._database.write() as connection:
            once = draws.update().where(draws.c.id == draw, draws.c.sent_at.is_(None))
            if connection.execute(once.values(sent_at=self._database.now())).rowcount == 0:
                raise AlreadyTaken(
                    f"the bits of draw {draw} were taken before, and fresh bits leave once; "
                    "to see them again ask for a replay, to have new ones make another draw"
                )
        return Bits.of_bytes(content, found.origin)

    def replay(self, draw: str) -> Bits:
        """The bits of a draw that was taken, marked as what they are now: a recording (simulated ones stay simulated).

        Raises BitsRefused for a draw that was not taken yet.
        """
        found, content = self._content(draw)
        if found.sent_at is None:
            raise BitsRefused(f"draw {draw} was not taken yet, so there is nothing to replay; take its bits first")
        return Bits.of_bytes(content, _as_recording(found.origin))

    def get(self, draw: str) -> Draw:
        """The draw named ``draw``; raises NotFound."""
        with self._database.read() as connection:
            return _fetch_draw(connection, draw)

    def draws(self, *, limit: int = 100, before: str | None = None) -> list[Draw]:
        """The newest draws first."""
        query = sa.select(draws).order_by(draws.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(draws.c.id < before)
        with self._database.read() as connection:
            return [Draw(**row) for row in connection.execute(query).mappings()]

    def audit(self, draw: str) -> list[Part]:
        """Where every bit of a draw came from, in order."""
        with self._database.read() as connection:
            _fetch_draw(connection, draw)
            return _parts(connection, draw)

    def segments(
        self, *, job: str | None = None, origin: Origin | None = None, limit: int = 100, before: str | None = None
    ) -> list[Segment]:
        """The newest segments first; or those of one job, in the order in which it deposited them."""
        query = sa.select(segments).limit(limit)
        if job is None:
            query = query.order_by(segments.c.id.desc())
        else:
            query = query.where(segments.c.job == job).order_by(segments.c.id)
        if origin is not None:
            query = query.where(segments.c.origin == origin)
        if before is not None:
            query = query.where(segments.c.id < before)
        with self._database.read() as connection:
            return [Segment(**row) for row in connection.execute(query).mappings()]

    def segment_bits(self, sha256: str) -> Bits:
        """The bits of a whole segment, to look at: marked as a recording (simulated ones stay simulated).

        Raises BitsRefused while somebody could still draw or take fresh bits of it.
        """
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(segments).where(segments.c.sha256 == sha256).order_by(segments.c.healthy.desc()).limit(1)
            ).one_or_none()
            if row is None:
                raise NotFound(f"there is no segment with SHA-256 {sha256!r}; `GET /v1/segments` lists those there are")
            untaken = (
                sa.select(sa.func.count())
                .join_from(draw_parts, draws, draw_parts.c.draw == draws.c.id)
                .where(draw_parts.c.segment == row.id, draws.c.sent_at.is_(None))
            )
            left = (row.n_bits - row.next_bit) // 8 * 8
            if row.healthy and (left or connection.scalar(untaken)):
                raise BitsRefused(
                    f"segment {row.id} still holds fresh bits ({left} to be drawn, or some drawn and not taken), "
                    "and bits that were looked at are not fresh; look at a segment that is spent, or draw these"
                )
        return Bits(fetch(self._home, row.path, sha256), row.n_bits, _as_recording(row.origin))

    def of_run(self, run: str) -> Iterator[Bits]:
        """The bits of each segment that a run deposited, in order, to look at; BitsRefused as ``segment_bits``."""
        query = sa.select(segments.c.sha256).where(segments.c.run == run).order_by(segments.c.id)
        with self._database.read() as connection:
            found = connection.scalars(query).all()
        return map(self.segment_bits, found)

    def account(self) -> list[Account]:
        """What there is and where it went, one line per origin that ever deposited, hardware first."""
        rest = segments.c.n_bits - segments.c.next_bit
        fresh = sa.case((segments.c.healthy, rest - rest % 8), else_=0)
        odd = sa.case((segments.c.healthy, rest % 8), else_=0)
        bad = sa.case((segments.c.healthy, 0), else_=segments.c.n_bits)
        query = sa.select(
            segments.c.origin,
            sa.func.count().label("segments"),
            *(
                sa.cast(sa.func.sum(term), sa.BigInteger).label(name)
                for name, term in {
                    "deposited": segments.c.n_bits,
                    "drawn": segments.c.next_bit,
                    "drawable": fresh,
                    "unhealthy": bad,
                    "odd": odd,
                }.items()
            ),
        ).group_by(segments.c.origin)
        with self._database.read() as connection:
            found = {row["origin"]: Account(**row) for row in connection.execute(query).mappings()}
        return [found[origin] for origin in Origin if origin in found]

    def _content(self, draw: str) -> tuple[Draw, bytes]:
        with self._database.read() as connection:
            found, parts = _fetch_draw(connection, draw), _parts(connection, draw)
        stretches = [
            fetch(self._home, f"{FOLDER}/{part.sha256}.bits", part.sha256)[part.start_bit // 8 : part.stop_bit // 8]
            for part in parts
        ]
        return found, b"".join(stretches)

    def _refuse_known(self, connection: sa.Connection, bits: Bits, healthy: bool) -> None:
        query = sa.select(segments.c.id, segments.c.job).where(segments.c.sha256 == bits.sha256()).limit(1)
        earlier = connection.execute(query).one_or_none()
        if healthy and earlier is not None:
            raise BitsRefused(
                f"these very bits were deposited before (segment {earlier.id} of job {earlier.job}); random bits "
                "do not repeat, so the source is stuck or a recording is played as fresh. Nothing was kept; "
                "look at the instrument"
            )


def _refuse_stronger(origin: Origin, bench: BenchEntry) -> None:
    ranks = list(Origin)
    if ranks.index(origin) < ranks.index(bench.origin):
        raise BitsRefused(
            f"the bench {bench.name} is registered as {bench.origin} and cannot deposit {origin} bits; "
            "register it as what it is"
        )


def _as_recording(origin: Origin) -> Origin:
    return Origin.SIMULATED if origin == Origin.SIMULATED else Origin.RECORDED


def _fetch_draw(connection: sa.Connection, draw: str) -> Draw:
    row = connection.execute(sa.select(draws).where(draws.c.id == draw)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no draw {draw!r}; `GET /v1/draws` lists those there are")
    return Draw(**row)


def _parts(connection: sa.Connection, draw: str) -> list[Part]:
    both = {**{column.name: column for column in segments.c}, **{column.name: column for column in draw_parts.c}}
    query = (
        sa.select(*(both[field.name] for field in fields(Part)))
        .join_from(draw_parts, segments, draw_parts.c.segment == segments.c.id)
        .where(draw_parts.c.draw == draw)
        .order_by(draw_parts.c.position)
    )
    return [Part(**row) for row in connection.execute(query).mappings()]
