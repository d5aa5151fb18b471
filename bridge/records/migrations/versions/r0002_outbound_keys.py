"""Idempotency keys of outbound calls: what was asked for once must not ring twice."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "outbound_keys",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("call_sid", sa.String(64), nullable=False),
        sa.Column("call_status", sa.String(32), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("outbound_keys_by_time", "outbound_keys", ["claimed_at"])


def downgrade() -> None:
    """Drop it: requests of the last day could ring twice."""
    op.drop_table("outbound_keys")
