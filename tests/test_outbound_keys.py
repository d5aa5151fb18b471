"""Idempotency keys, in a process and in SQLite; what a repeated request is told."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.outbound import keys
from bridge.outbound.key_store import SqlKeys
from bridge.outbound.keys import Kept, KeyedRequest, KeysUnavailable, ProcessKeys, repeated
from bridge.outbound.problems import Refusal
from bridge.records.errands import errands_at
from bridge.records.store import SqlStore
from tests.outbound_key_laws import KEY, PLACED, Clock, KeyLaws


class TestProcess(KeyLaws):
    """The memory of one process."""

    @pytest.fixture(name="keys")
    def process_keys(self, clock: Clock) -> ProcessKeys:
        """Empty."""
        return ProcessKeys(clock)


class TestSqlite(KeyLaws):
    """A file, which several processes may share."""

    @pytest.fixture(name="keys")
    async def sql_keys(self, tmp_path: Path, clock: Clock) -> AsyncIterator[SqlKeys]:
        """An empty database."""
        async with errands_at(SqlStore(f"sqlite:///{tmp_path}/calls.db")) as errands:
            yield SqlKeys(errands, clock)


async def test_two_processes_share_a_database(tmp_path: Path) -> None:
    """What one has placed, the other does not place again; nothing readable is in the file."""
    url = f"sqlite:///{tmp_path}/calls.db"
    async with errands_at(SqlStore(url)) as here, errands_at(SqlStore(url)) as there:
        one, two = SqlKeys(here, Clock()), SqlKeys(there, Clock())
        assert await one.claim(KEY) is None
        await one.settle(KEY.key, PLACED)

        assert await two.claim(KEY) == PLACED
    with sqlite3.connect(tmp_path / "calls.db") as connection:
        (row,) = connection.execute("SELECT * FROM outbound_keys").fetchall()
    connection.close()

    assert not {"order-17", "owner", "a call"} & set(row)


async def test_a_database_that_cannot_be_used(tmp_path: Path) -> None:
    """It is said as such, and nobody gets the key."""
    async with errands_at(SqlStore(f"sqlite:///{tmp_path}/nowhere/calls.db")) as broken:
        with pytest.raises(KeysUnavailable, match="unable to open"):
            await SqlKeys(broken, Clock()).claim(KEY)


async def test_a_full_process_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """To forget a key that is not old could ring twice."""
    monkeypatch.setattr(keys, "KEYS_MAX", 1)
    full = ProcessKeys(Clock())
    await full.claim(KEY)
    with pytest.raises(KeysUnavailable, match="kept already"):
        await full.claim(KeyedRequest.of("order-18", "owner", "a call"))

    assert await full.claim(KEY) == Kept(KEY.digest)


@pytest.mark.parametrize(
    ("kept", "status", "says"),
    [
        (Kept("another"), 422, "another request"),
        (Kept(KEY.digest), 409, "under way, or was cut short"),
        (Kept(KEY.digest, "unsure"), 502, "may have rung"),
    ],
)
def test_what_a_repeated_request_is_refused_for(kept: Kept, status: int, says: str) -> None:
    """None of these rings again."""
    with pytest.raises(Refusal, match=says) as refused:
        repeated(KEY, kept)

    assert refused.value.status == status


def test_a_placed_call_is_told_once_more() -> None:
    """The same sid."""
    assert repeated(KEY, PLACED) is PLACED


def test_keys_belong_to_their_owner() -> None:
    """Two clients may use the same word."""
    assert KeyedRequest.of("1", "one", "x").key != KeyedRequest.of("1", "two", "x").key


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ä"])
def test_what_can_be_no_key(key: str) -> None:
    """A 422 that names the header."""
    with pytest.raises(Refusal) as refused:
        keys.checked_key(key)

    assert (refused.value.status, refused.value.field) == (422, "Idempotency-Key")
