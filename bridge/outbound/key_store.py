"""Idempotency keys in the database of call records: all processes and machines know all of them.

Owns the SQL of this table, and how long it may take. Must not know requests.
"""

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import trio
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bridge.outbound.keys import KEEP_S, Kept, KeyedRequest, KeysUnavailable
from bridge.records.keeping import in_thread
from bridge.records.schema import outbound_keys
from bridge.records.store import SqlStore, StoreUnavailable

T = TypeVar("T")
ANSWER_S_MAX: Final = 5.0
CLOSE_S_MAX: Final = 1.0


class SqlKeys:
    """Keys in one database. The table's primary key decides who was first.

    Args:
        store: the database; used by one thread at a time.
        wall_clock: seconds since the epoch; all processes must roughly agree.
    """

    def __init__(self, store: SqlStore, wall_clock: Callable[[], float]) -> None:
        self._store = store
        self._wall_clock = wall_clock
        self._blocking = in_thread(trio.CapacityLimiter(1))

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

    async def close(self) -> None:
        """Close the connections."""
        with trio.move_on_after(CLOSE_S_MAX, shield=True):
            await self._blocking(self._store.close)

    async def _do(self, errand: Callable[[Connection], T]) -> T:
        def work() -> T:
            with self._store.transaction() as connection:
                return errand(connection)

        try:
            with trio.fail_after(ANSWER_S_MAX):
                return await self._blocking(work)
        except StoreUnavailable as why:
            raise KeysUnavailable(str(why)) from None
        except trio.TooSlowError:
            raise KeysUnavailable(f"no answer in {ANSWER_S_MAX:g} s") from None


@asynccontextmanager
async def kept_keys(store: SqlStore, wall_clock: Callable[[], float]) -> AsyncIterator[SqlKeys]:
    """Keys for as long as the server runs."""
    keys = SqlKeys(store, wall_clock)
    try:
        yield keys
    finally:
        await keys.close()


def _claim(connection: Connection, request: KeyedRequest, now: dt.datetime) -> Kept | None:
    table = outbound_keys
    old = now - dt.timedelta(seconds=KEEP_S)
    connection.execute(delete(table).where(table.c.claimed_at < old))
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {
        "key": request.key,
        "digest": request.digest,
        "state": "asked",
        "call_sid": "",
        "call_status": "",
        "claimed_at": now,
    }
    insert = dialect.insert(table).values(row).on_conflict_do_nothing(index_elements=["key"])
    # Without being told to, SQLAlchemy does not count the rows of an INSERT.
    made = connection.execute(insert, execution_options={"preserve_rowcount": True})
    if made.rowcount == 1:
        return None
    columns = table.c.digest, table.c.state, table.c.call_sid, table.c.call_status
    found = connection.execute(select(*columns).where(table.c.key == request.key)).one()
    return Kept(*found)


def _settle(connection: Connection, key: str, kept: Kept) -> None:
    values = {"state": kept.state, "call_sid": kept.call_sid, "call_status": kept.status}
    connection.execute(update(outbound_keys).where(outbound_keys.c.key == key).values(values))


def _release(connection: Connection, key: str) -> None:
    connection.execute(delete(outbound_keys).where(outbound_keys.c.key == key))
