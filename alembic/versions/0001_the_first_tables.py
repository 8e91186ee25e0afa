"""The first tables: jobs, runs, events, records, artifacts, segments, draws."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "benches",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.Column(
            "origin",
            sa.Enum(
                "hardware", "recorded", "simulated", name="origin", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("station_digest", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_benches"),
    )
    op.create_table(
        "draws",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("consumer", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("n_bits", sa.BigInteger(), nullable=False),
        sa.Column(
            "origin",
            sa.Enum(
                "hardware", "recorded", "simulated", name="origin", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("accept_simulated", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("n_bits > 0 AND n_bits % 8 = 0", name=op.f("ck_draws_whole_bytes")),
        sa.PrimaryKeyConstraint("id", name="pk_draws"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("bench", sa.String(length=64), nullable=False),
        sa.Column("procedure", sa.String(length=200), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "claimed",
                "running",
                "succeeded",
                "failed",
                "cancelled",
                "interrupted",
                "expired",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "on_interrupt",
            sa.Enum("hold", "restart", name="on_interrupt", native_enum=False, create_constraint=True, length=16),
            nullable=False,
        ),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.String(length=200), nullable=True),
        sa.Column("lease_seconds", sa.Double(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["bench"], ["benches.name"], name="fk_jobs_bench"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("owner", "idempotency_key", name="uq_jobs_owner_idempotency_key"),
    )
    op.create_index("ix_jobs_bench_state_priority", "jobs", ["bench", "state", "priority"], unique=False)
    op.create_index(
        "one_running",
        "jobs",
        ["bench"],
        unique=True,
        sqlite_where=sa.text("state IN ('claimed', 'running')"),
        postgresql_where=sa.text("state IN ('claimed', 'running')"),
    )

    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_events_job"),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_job", "events", ["job"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("job", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "queued",
                "claimed",
                "running",
                "succeeded",
                "failed",
                "cancelled",
                "interrupted",
                "expired",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_runs_job"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("job", "number", name="uq_runs_job_number"),
    )
    op.create_table(
        "artifacts",
        sa.Column("job", sa.String(length=16), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_artifacts_job"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_artifacts_run"),
        sa.PrimaryKeyConstraint("run", "name", name="pk_artifacts"),
    )
    op.create_index("ix_artifacts_job", "artifacts", ["job"], unique=False)

    op.create_table(
        "records",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_records_run"),
        sa.PrimaryKeyConstraint("run", "sequence", name="pk_records"),
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("job", sa.String(length=16), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("bench", sa.String(length=64), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("col", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("n_bits", sa.BigInteger(), nullable=False),
        sa.Column("next_bit", sa.BigInteger(), nullable=False),
        sa.Column(
            "origin",
            sa.Enum(
                "hardware", "recorded", "simulated", name="origin", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("healthy", sa.Boolean(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("n_bits > 0", name=op.f("ck_segments_some_bits")),
        sa.CheckConstraint("next_bit >= 0 AND next_bit <= n_bits", name=op.f("ck_segments_drawn_within")),
        sa.ForeignKeyConstraint(["bench"], ["benches.name"], name="fk_segments_bench"),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_segments_job"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_segments_run"),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
    )
    op.create_index(
        "drawable",
        "segments",
        ["origin", "id"],
        unique=False,
        sqlite_where=sa.text("healthy AND n_bits - next_bit >= 8"),
        postgresql_where=sa.text("healthy AND n_bits - next_bit >= 8"),
    )
    op.create_index(
        "healthy_bits_are_new",
        "segments",
        ["sha256"],
        unique=True,
        sqlite_where=sa.text("healthy"),
        postgresql_where=sa.text("healthy"),
    )
    op.create_index("ix_segments_job", "segments", ["job"], unique=False)
    op.create_index("ix_segments_sha256", "segments", ["sha256"], unique=False)

    op.create_table(
        "draw_parts",
        sa.Column("draw", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("segment", sa.String(length=16), nullable=False),
        sa.Column("start_bit", sa.BigInteger(), nullable=False),
        sa.Column("stop_bit", sa.BigInteger(), nullable=False),
        sa.Column("previous_stop", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(start_bit = 0 AND previous_stop IS NULL) OR (previous_stop IS NOT NULL AND previous_stop = start_bit)",
            name=op.f("ck_draw_parts_chained"),
        ),
        sa.CheckConstraint("start_bit % 8 = 0 AND stop_bit % 8 = 0", name=op.f("ck_draw_parts_whole_bytes")),
        sa.CheckConstraint("start_bit >= 0 AND stop_bit > start_bit", name=op.f("ck_draw_parts_forward")),
        sa.ForeignKeyConstraint(["draw"], ["draws.id"], name="fk_draw_parts_draw"),
        sa.ForeignKeyConstraint(
            ["segment", "previous_stop"],
            ["draw_parts.segment", "draw_parts.stop_bit"],
            name="fk_draw_parts_segment_previous_stop",
        ),
        sa.ForeignKeyConstraint(["segment"], ["segments.id"], name="fk_draw_parts_segment"),
        sa.PrimaryKeyConstraint("draw", "position", name="pk_draw_parts"),
        sa.UniqueConstraint("segment", "start_bit", name="uq_draw_parts_segment_start_bit"),
        sa.UniqueConstraint("segment", "stop_bit", name="uq_draw_parts_segment_stop_bit"),
    )


def downgrade() -> None:
    op.drop_table("draw_parts")
    op.drop_table("segments")
    op.drop_table("records")
    op.drop_table("artifacts")
    op.drop_table("runs")
    op.drop_table("events")
    op.drop_table("jobs")
    op.drop_table("draws")
    op.drop_table("benches")
