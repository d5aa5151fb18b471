"""Used call tokens: a token opens one stream, at whichever process, and a database may be dead."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from bridge.operations.used_tokens import UsedTokens
from bridge.records.errands import errands_at
from bridge.records.store import SqlStore
from tests.far_ends import FarRest, Lines
from tests.session_world import world
from tests.used_token_laws import UsedTokenLaws, known_to


class TestSqlite(UsedTokenLaws):
    """A file, which several processes may share."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """An empty one."""
        return f"sqlite:///{tmp_path}/calls.db"


async def test_no_token_is_in_the_database(tmp_path: Path) -> None:
    """A hash of it is: whoever reads the table can use none."""
    async with errands_at(SqlStore(f"sqlite:///{tmp_path}/calls.db")) as errands:
        await known_to(errands).is_first_use("the token")
    with sqlite3.connect(tmp_path / "calls.db") as connection:
        ((digest, _),) = connection.execute("SELECT * FROM used_tokens").fetchall()
    connection.close()

    assert len(digest) == 64
    assert "token" not in digest


async def test_a_dead_database_lets_calls_in(tmp_path: Path) -> None:
    """With a line in the log."""
    lines = Lines()
    async with errands_at(SqlStore(f"sqlite:///{tmp_path}/nowhere/calls.db")) as errands:
        assert await known_to(errands, lines=lines).is_first_use("a")

    assert [line["event"] for line in lines] == ["used_tokens_unknown"]


class Others(UsedTokens):
    """Another process: it has used the token, and its answer comes late."""

    async def is_first_use(self, token: str) -> bool:
        """As said."""
        await trio.sleep(0.5)
        return False


async def test_a_token_that_was_used_elsewhere_ends_the_stream(
    autojump_clock: MockClock,
) -> None:
    """Not on the call's path, so a moment later; the line itself, another's, is not released."""
    rest = FarRest()
    async with world(rest) as w:
        w.app.services = replace(w.app.services, used_tokens=Others())
        async with w.call() as twilio:
            await twilio.begin(w.token)
            ended = await w.over()

    assert ended["reason"] == "stream_refused"
    assert w.lines.all("start_refused")[0]["why"] == "token"
    assert rest.asked == []
