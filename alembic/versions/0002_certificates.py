"""Certificates: what tests said of the bits of a draw or a run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificates",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("draw", sa.String(length=16), nullable=True),
        sa.Column("run", sa.String(length=32), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("n_bits", sa.BigInteger(), nullable=False),
        sa.Column(
            "origin",
            sa.Enum(
                "hardware", "recorded", "simulated", name="origin", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("suites", sa.JSON(), nullable=False),
        sa.Column("profile", sa.String(length=32), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(draw IS NULL) <> (run IS NULL)", name=op.f("ck_certificates_of_one_thing")),
        sa.CheckConstraint("n_bits > 0", name=op.f("ck_certificates_some_bits")),
        sa.ForeignKeyConstraint(["draw"], ["draws.id"], name="fk_certificates_draw"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_certificates_run"),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
    )
    op.create_index("ix_certificates_draw", "certificates", ["draw"], unique=False)
    op.create_index("ix_certificates_run", "certificates", ["run"], unique=False)


def downgrade() -> None:
    op.drop_table("certificates")
