"""The tables of the database, and the name under which their version is kept.

Owns names and types of columns as today's program knows them; how they came to be is told by
`migrations`. A column of `call_records` is a field of `CallEntry`, or the key; `outbound_keys` is
read and written by `bridge.outbound.key_store`, `used_tokens` by `bridge.operations.used_tokens`.
"""

import datetime as dt
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

VERSION_TABLE: Final = "call_records_version"


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A time with its zone, UTC. SQLite keeps no zone, so it is left out there and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """To the database."""
        if value is None:
            return None
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        """From the database."""
        if value is None:
            return None
        assert isinstance(value, dt.datetime)
        return (
            value.replace(tzinfo=dt.UTC) if dialect.name == "sqlite" else value.astimezone(dt.UTC)
        )


metadata = MetaData()

call_records = Table(
    "call_records",
    metadata,
    # SQLite counts by itself only in a column of this very type.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("call_sid", String(200), nullable=False),
    Column("session_id", String(200), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("from_number", String(200), nullable=False),
    Column("to_number", String(200), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("model", String(200), nullable=False),
    Column("parameter_names", JSON, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("end_reason", String(200), nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("caller_audio_ms", BigInteger, nullable=False),
    Column("agent_audio_ms", BigInteger, nullable=False),
    Column("responses", BigInteger, nullable=False),
    Column("response_latencies_ms", JSON, nullable=False),
    Column("barge_ins", BigInteger, nullable=False),
    Column("truncations", BigInteger, nullable=False),
    Column("tool_calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_usd", Float),
    Column("details", JSON, nullable=False),
    UniqueConstraint("call_sid", "session_id", name="call_records_once"),
    Index("call_records_by_start", "started_at"),
    Index("call_records_by_end", "ended_at"),
)

outbound_keys = Table(
    "outbound_keys",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("call_sid", String(64), nullable=False),
    Column("call_status", String(32), nullable=False),
    Column("claimed_at", UtcDateTime, nullable=False),
    Index("outbound_keys_by_time", "claimed_at"),
)

used_tokens = Table(
    "used_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("used_at", UtcDateTime, nullable=False),
    Index("used_tokens_by_time", "used_at"),
)
