"""Idempotency keys in the database of call records: all processes and machines know all of them.

Owns the SQL of this table. Must not know requests.
"""

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, delete, select, update

from bridge.outbound.keys import KEEP_S, Kept, KeyedRequest, KeysUnavailable
from bridge.records.errands import Errands, insert_once
from bridge.records.schema import outbound_keys
from bridge.records.store import StoreUnavailable

T = TypeVar("T")


class SqlKeys:
    """Keys in one database. The table's primary key decides who was first.

    Args:
        errands: goes to the database.
        wall_clock: seconds since the epoch; all processes must roughly agree.
    """

    def __init__(self, errands: Errands, wall_clock: Callable[[], float]) -> None:
        self._errands = errands
        self._wall_clock = wall_clock

    async def claim(self, request: KeyedRequest) -> Kept | None:
        """Claim the key. When that takes too long, nobody knows whether it is ours."""
        now = dt.datetime.fromtimestamp(self._wall_clock(), dt.UTC)
        return await self._do(partial(_claim, request=request, now=now))

    async def settle(self, key: str, kept: Kept) -> None:
        """Keep the outcome."""
        await self._do(partial(_settle, key=key, kept=kept))

    async def release(self, key: str) -> None:
        """Forget the key."""
        await self._do(partial(_release, key=key))

    async def _do(self, errand: Callable[[Connection], T]) -> T:
        try:
            return await self._errands.run(errand)
        except StoreUnavailable as why:
            raise KeysUnavailable(str(why)) from None


def _claim(connection: Connection, request: KeyedRequest, now: dt.datetime) -> Kept | None:
    table = outbound_keys
    old = now - dt.timedelta(seconds=KEEP_S)
    connection.execute(delete(table).where(table.c.claimed_at < old))
    row = {
        "key": request.key,
        "digest": request.digest,
        "state": "asked",
        "call_sid": "",
        "call_status": "",
        "claimed_at": now,
    }
    if insert_once(connection, table, row):
        return None
    columns = table.c.digest, table.c.state, table.c.call_sid, table.c.call_status
    found = connection.execute(select(*columns).where(table.c.key == request.key)).one()
    return Kept(*found)


def _settle(connection: Connection, key: str, kept: Kept) -> None:
    values = {"state": kept.state, "call_sid": kept.call_sid, "call_status": kept.status}
    connection.execute(update(outbound_keys).where(outbound_keys.c.key == key).values(values))


def _release(connection: Connection, key: str) -> None:
    connection.execute(delete(outbound_keys).where(outbound_keys.c.key == key))
