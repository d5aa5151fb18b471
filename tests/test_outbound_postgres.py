"""Idempotency keys in a real Postgres: all machines share it."""

from collections.abc import AsyncIterator

import pytest

from bridge.outbound.key_store import SqlKeys, kept_keys
from bridge.records.store import SqlStore
from tests.outbound_key_laws import Clock, KeyLaws
from tests.test_records_postgres import Server
from tests.test_records_postgres import server as server  # noqa: PLC0414 - the fixture


class TestPostgres(KeyLaws):
    """A server."""

    @pytest.fixture(name="keys")
    async def sql_keys(self, server: Server, clock: Clock) -> AsyncIterator[SqlKeys]:
        """An empty database."""
        async with kept_keys(SqlStore(server.make_database()), clock) as made:
            yield made
