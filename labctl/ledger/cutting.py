"""Which segments a draw is cut from: one origin, oldest first, every range beginning where the last one ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from labctl.core.bits import Origin
from labctl.core.errors import BitsRefused, NotEnoughBits
from labctl.ledger.tables import draw_parts, segments
from labctl.ledger.values import Draw

_DRAWABLE = sa.and_(segments.c.healthy, segments.c.n_bits - segments.c.next_bit >= 8)


def drawable(connection: sa.Connection, benches: Collection[str] | None = None) -> dict[Origin, int]:
    """How many bits can be drawn of each origin, from all benches or from some."""
    rest = segments.c.n_bits - segments.c.next_bit
    total = sa.cast(sa.func.sum(rest - rest % 8), sa.BigInteger)
    rows = connection.execute(
        sa.select(segments.c.origin, total).where(_DRAWABLE, _made_on(benches)).group_by(segments.c.origin)
    )
    return dict.fromkeys(Origin, 0) | {row[0]: row[1] for row in rows}


def choose_origin(available: Mapping[Origin, int], n_bits: int, accept_simulated: bool) -> Origin:
    """The origin that a draw of ``n_bits`` is taken from; origins are never mixed.

    Raises BitsRefused if only simulated bits suffice and they are not accepted, else NotEnoughBits.
    """
    allowed = [origin for origin in Origin if accept_simulated or origin != Origin.SIMULATED]
    for origin in allowed:
        if available[origin] >= n_bits:
            return origin
    there = ", ".join(f"{available[origin]} {origin}" for origin in Origin)
    if available[Origin.SIMULATED] >= n_bits:
        raise BitsRefused(
            f"{n_bits} bits were asked for and only simulated ones would do (there are {there}); "
            "say that you accept simulated bits (accept_simulated), or run a bitstream job on a real bench"
        )
    raise NotEnoughBits(
        f"{n_bits} bits were asked for; there are {there}, and one draw takes them from one origin only. "
        "Ask for fewer, or run a bitstream job first"
    )


def cut(connection: sa.Connection, draw: Draw, benches: Collection[str] | None = None) -> None:
    """Cut the draw out of the oldest segments; the schema refuses any cut that overlaps another."""
    missing, position = draw.n_bits, 0
    query = sa.select(segments.c.id, segments.c.n_bits, segments.c.next_bit)
    query = query.where(_DRAWABLE, _made_on(benches), segments.c.origin == draw.origin).order_by(segments.c.id)
    while missing:
        row = connection.execute(query.limit(1)).one()
        length = min(missing, (row.n_bits - row.next_bit) // 8 * 8)
        stop = row.next_bit + length
        connection.execute(
            draw_parts.insert().values(
                draw=draw.id,
                position=position,
                segment=row.id,
                start_bit=row.next_bit,
                stop_bit=stop,
                previous_stop=row.next_bit or None,
            )
        )
        connection.execute(segments.update().where(segments.c.id == row.id).values(next_bit=stop))
        missing, position = missing - length, position + 1


def _made_on(benches: Collection[str] | None) -> sa.ColumnElement[bool]:
    return sa.true() if benches is None else segments.c.bench.in_(benches)
