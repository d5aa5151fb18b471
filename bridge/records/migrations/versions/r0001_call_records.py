"""The first table: one row per call and stream."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    whole = sa.BigInteger
    op.create_table(
        "call_records",
        sa.Column("id", whole().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("call_sid", sa.String(200), nullable=False),
        sa.Column("session_id", sa.String(200), nullable=False),
        sa.Column("direction", sa.String(16), nullable=False),
        sa.Column("from_number", sa.String(200), nullable=False),
        sa.Column("to_number", sa.String(200), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("parameter_names", sa.JSON, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_reason", sa.String(200), nullable=False),
        sa.Column("duration_ms", whole, nullable=False),
        sa.Column("caller_audio_ms", whole, nullable=False),
        sa.Column("agent_audio_ms", whole, nullable=False),
        sa.Column("responses", whole, nullable=False),
        sa.Column("response_latencies_ms", sa.JSON, nullable=False),
        sa.Column("barge_ins", whole, nullable=False),
        sa.Column("truncations", whole, nullable=False),
        sa.Column("tool_calls", whole, nullable=False),
        sa.Column("input_tokens", whole, nullable=False),
        sa.Column("output_tokens", whole, nullable=False),
        sa.Column("cost_usd", sa.Float),
        sa.Column("details", sa.JSON, nullable=False),
        sa.UniqueConstraint("call_sid", "session_id", name="call_records_once"),
    )
    op.create_index("call_records_by_start", "call_records", ["started_at"])
    op.create_index("call_records_by_end", "call_records", ["ended_at"])


def downgrade() -> None:
    """Drop it, and all records with it."""
    op.drop_table("call_records")
