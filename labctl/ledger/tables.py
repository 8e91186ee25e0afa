"""Every table, once. What must never happen is forbidden here, not in the code that hopes to avoid it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from labctl.core.bits import Origin
from labctl.ledger.values import OnInterrupt, Role, State

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An instant: aware and in UTC in Python, whatever the database keeps."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """SQLite has no time zones, so every instant is stored in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:
        """Put the zone back."""
        if value is None:
            return None
        instant: datetime = value
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _one_of(choices: type[StrEnum], name: str) -> sa.Enum:
    return sa.Enum(
        choices,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True)


benches = sa.Table(
    "benches",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("agent", sa.String(200), nullable=False),
    sa.Column("origin", _one_of(Origin, "origin"), nullable=False),
    sa.Column("station_digest", sa.String(200), nullable=False),
    sa.Column("roles", _json(), nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("bench", sa.ForeignKey(benches.c.name), nullable=False),
    sa.Column("procedure", sa.String(200), nullable=False),
    sa.Column("parameters", _json(), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("idempotency_key", sa.String(200)),
    sa.Column("request_hash", sa.String(64), nullable=False),
    sa.Column("state", _one_of(State, "state"), nullable=False),
    sa.Column("on_interrupt", _one_of(OnInterrupt, "on_interrupt"), nullable=False),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("epoch", sa.BigInteger, nullable=False, default=0),
    sa.Column("agent", sa.String(200)),
    sa.Column("lease_seconds", sa.Double),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("done", sa.BigInteger, nullable=False, default=0),
    sa.Column("total", sa.BigInteger, nullable=False, default=0),
    sa.Column("unit", sa.String(64), nullable=False, default="steps"),
    sa.Column("error", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("started_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.UniqueConstraint("owner", "idempotency_key"),
    # A bench does one thing at a time. This index, not the claim's code, is what keeps two agents off one bench.
    sa.Index(
        "one_running",
        "bench",
        unique=True,
        sqlite_where=sa.text("state IN ('claimed', 'running')"),
        postgresql_where=sa.text("state IN ('claimed', 'running')"),
    ),
    sa.Index("ix_jobs_bench_state_priority", "bench", "state", "priority"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("job", sa.ForeignKey(jobs.c.id), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("provenance", _json(), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("outcome", _one_of(State, "outcome")),
    sa.Column("error", sa.Text),
    sa.UniqueConstraint("job", "number"),
)

# SQLite counts up by itself only in a column of exactly the type INTEGER.
_counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", _counter, primary_key=True, autoincrement=True),
    sa.Column("job", sa.ForeignKey(jobs.c.id), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("body", _json(), nullable=False),
    sqlite_autoincrement=True,
)

records = sa.Table(
    "records",
    metadata,
    sa.Column("run", sa.ForeignKey(runs.c.id), nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("values", _json(), nullable=False),
    sa.PrimaryKeyConstraint("run", "sequence"),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("job", sa.ForeignKey(jobs.c.id), nullable=False, index=True),
    sa.Column("run", sa.ForeignKey(runs.c.id), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("n_bytes", sa.BigInteger, nullable=False),
    sa.Column("path", sa.String(200), nullable=False),
    sa.PrimaryKeyConstraint("run", "name"),
)

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("job", sa.ForeignKey(jobs.c.id), nullable=False, index=True),
    sa.Column("run", sa.ForeignKey(runs.c.id), nullable=False),
    sa.Column("bench", sa.ForeignKey(benches.c.name), nullable=False),
    sa.Column("row", sa.Integer, nullable=False),
    sa.Column("col", sa.Integer, nullable=False),
    sa.Column("path", sa.String(200), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("n_bits", sa.BigInteger, nullable=False),
    sa.Column("next_bit", sa.BigInteger, nullable=False, default=0),
    sa.Column("origin", _one_of(Origin, "origin"), nullable=False),
    sa.Column("healthy", sa.Boolean, nullable=False),
    sa.Column("details", _json(), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("n_bits > 0", name="some_bits"),
    sa.CheckConstraint("next_bit >= 0 AND next_bit <= n_bits", name="drawn_within"),
    # Two stuck junctions give the same bytes, and those are worth keeping as evidence; bits that
    # can be drawn must be new.
    sa.Index(
        "healthy_bits_are_new",
        "sha256",
        unique=True,
        sqlite_where=sa.text("healthy"),
        postgresql_where=sa.text("healthy"),
    ),
    sa.Index(
        "drawable",
        "origin",
        "id",
        sqlite_where=sa.text("healthy AND n_bits - next_bit >= 8"),
        postgresql_where=sa.text("healthy AND n_bits - next_bit >= 8"),
    ),
)

draws = sa.Table(
    "draws",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("owner", sa.String(200)),
    sa.Column("consumer", sa.String(200), nullable=False),
    sa.Column("purpose", sa.String(200), nullable=False),
    sa.Column("n_bits", sa.BigInteger, nullable=False),
    sa.Column("origin", _one_of(Origin, "origin"), nullable=False),
    sa.Column("accept_simulated", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    sa.CheckConstraint("n_bits > 0 AND n_bits % 8 = 0", name="whole_bytes"),
)

# Bits are spent once because the ranges of a segment form one chain: each starts at bit 0 or where another
# ended (the foreign key), no two start or end at the same place (the unique constraints), and each goes forward.
draw_parts = sa.Table(
    "draw_parts",
    metadata,
    sa.Column("draw", sa.ForeignKey(draws.c.id), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("segment", sa.ForeignKey(segments.c.id), nullable=False),
    sa.Column("start_bit", sa.BigInteger, nullable=False),
    sa.Column("stop_bit", sa.BigInteger, nullable=False),
    sa.Column("previous_stop", sa.BigInteger),
    sa.PrimaryKeyConstraint("draw", "position"),
    sa.UniqueConstraint("segment", "start_bit"),
    sa.UniqueConstraint("segment", "stop_bit"),
    sa.ForeignKeyConstraint(["segment", "previous_stop"], ["draw_parts.segment", "draw_parts.stop_bit"]),
    sa.CheckConstraint("start_bit >= 0 AND stop_bit > start_bit", name="forward"),
    sa.CheckConstraint("start_bit % 8 = 0 AND stop_bit % 8 = 0", name="whole_bytes"),
    # Written so that a NULL cannot make it unknown, which a CHECK would let pass.
    sa.CheckConstraint(
        "(start_bit = 0 AND previous_stop IS NULL) OR (previous_stop IS NOT NULL AND previous_stop = start_bit)",
        name="chained",
    ),
)

# What somebody found when he tested bits that had left the ledger, or that are spent: of one draw or of one run.
certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("draw", sa.ForeignKey(draws.c.id), index=True),
    sa.Column("run", sa.ForeignKey(runs.c.id), index=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("n_bits", sa.BigInteger, nullable=False),
    sa.Column("origin", _one_of(Origin, "origin"), nullable=False),
    sa.Column("suites", _json(), nullable=False),
    sa.Column("profile", sa.String(32), nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("results", _json(), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("(draw IS NULL) <> (run IS NULL)", name="of_one_thing"),
    sa.CheckConstraint("n_bits > 0", name="some_bits"),
)

# The secret itself is nowhere: it is random and long, so that its SHA-256 gives nothing away.
api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("hint", sa.String(16), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("role", _one_of(Role, "role"), nullable=False),
    sa.Column("benches", _json()),
    sa.Column("note", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("used_at", UtcDateTime),
)
