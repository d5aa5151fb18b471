"""Call tokens that were used: one must not open a second stream, at whichever process."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "used_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("used_tokens_by_time", "used_tokens", ["used_at"])


def downgrade() -> None:
    """Drop it: a token of the last minutes could be used at another process."""
    op.drop_table("used_tokens")
