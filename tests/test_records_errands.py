"""Errands at a database: an answer in time, or a word that there is none."""

from pathlib import Path

import pytest
import trio
from sqlalchemy import Connection, text
from trio.testing import MockClock

from bridge.records import errands as module
from bridge.records.errands import CLOSE_S_MAX, Errands, errands_at
from bridge.records.store import SqlStore, StoreUnavailable


def ask(connection: Connection) -> int:
    """An errand."""
    return int(connection.execute(text("SELECT 7")).scalar_one())


async def test_an_errand_brings_an_answer(tmp_path: Path) -> None:
    """In a transaction, on tables that are up to date."""
    async with errands_at(SqlStore(f"sqlite:///{tmp_path}/calls.db")) as errands:
        assert await errands.run(ask) == 7


async def test_a_database_that_cannot_be_used(tmp_path: Path) -> None:
    """It is said as such."""
    async with errands_at(SqlStore(f"sqlite:///{tmp_path}/nowhere/calls.db")) as errands:
        with pytest.raises(StoreUnavailable, match="unable to open"):
            await errands.run(ask)


async def test_a_database_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever waits for an answer gets one in time."""
    monkeypatch.setattr(module, "ANSWER_S_MAX", 0.0)
    async with errands_at(SqlStore(f"sqlite:///{tmp_path}/calls.db")) as errands:
        with pytest.raises(StoreUnavailable, match="no answer in 0 s"):
            await errands.run(ask)


async def test_closing_does_not_wait_for_a_hanging_database(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The process stops all the same."""

    class Hangs:
        """A door nobody comes back through."""

        async def __call__(self, *_given: object) -> None:
            await trio.sleep_forever()

    made = Errands(SqlStore(f"sqlite:///{tmp_path}/calls.db"))
    made._blocking = Hangs()  # type: ignore[assignment]
    await made.close()

    assert trio.current_time() == CLOSE_S_MAX
