"""Errands at the database, for whoever waits for the answer: one transaction each, in a thread.

Owns how long an answer may take. What belongs to a call's record goes another way (`writer`), on
which nothing is lost; an errand is done now, or it is said that it was not. Must not know tables.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import trio
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from bridge.records.store import SqlStore, StoreUnavailable
from bridge.thread_door import in_thread

T = TypeVar("T")
ANSWER_S_MAX: Final = 5.0
CLOSE_S_MAX: Final = 1.0


class Errands:
    """Errands at one database. `store` is used by one thread at a time."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._blocking = in_thread(trio.CapacityLimiter(1))

    async def run(self, errand: Callable[[Connection], T]) -> T:
        """What the errand returns, in ANSWER_S_MAX at most.

        Raises:
            StoreUnavailable: nothing was done, or nobody knows.
        """

        def work() -> T:
            with self._store.transaction() as connection:
                return errand(connection)

        with trio.move_on_after(ANSWER_S_MAX):
            return await self._blocking(work)
        raise StoreUnavailable(f"no answer in {ANSWER_S_MAX:g} s")

    async def close(self) -> None:
        """Close the connections."""
        with trio.move_on_after(CLOSE_S_MAX, shield=True):
            await self._blocking(self._store.close)


@asynccontextmanager
async def errands_at(store: SqlStore) -> AsyncIterator[Errands]:
    """Errands for as long as the server runs."""
    errands = Errands(store)
    try:
        yield errands
    finally:
        await errands.close()


def insert_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row; False = its primary key is there already, and decides who was first."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table).values(row).on_conflict_do_nothing()
    # Without being told to, SQLAlchemy does not count the rows of an INSERT.
    made = connection.execute(insert, execution_options={"preserve_rowcount": True})
    return bool(made.rowcount == 1)
