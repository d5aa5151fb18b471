"""Postgres as the database of call records: a real server, started here and thrown away.

It needs the server's programs (Debian: `apt-get install postgresql`) and, for a root user, an
account to run them as. Where they are missing these tests fail and say so; `--ignore` this file to
do without.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trio

from bridge.log import make_log
from bridge.outbound.key_store import SqlKeys
from bridge.records.errands import errands_at
from bridge.records.keeping import kept_records
from bridge.records.store import CallFilter, SqlStore, StoreUnavailable
from bridge.settings.records import RecordSettings
from tests.far_ends import NOW, Lines
from tests.outbound_key_laws import Clock, KeyLaws
from tests.record_parts import entry
from tests.record_store_laws import StoreLaws
from tests.used_token_laws import UsedTokenLaws

DATABASES = count(1)
START_S_MAX = 30


def programs() -> Path:
    """The folder with initdb and postgres, of the newest version installed."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    complete = [path for path in found if (path / "initdb").exists()]
    if complete:
        return max(complete, key=lambda path: float(path.parent.name.rpartition("-")[2]))
    on_path = shutil.which("initdb")
    assert on_path, "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
    return Path(on_path).resolve().parent


class Server:
    """A Postgres of our own, on a port of the loopback address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bin = programs()
        # Postgres refuses to run as root.
        self._user = "nobody" if os.getuid() == 0 else None
        if self._user is not None:
            nobody = pwd.getpwnam(self._user)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        initdb = [str(self._bin / "initdb"), "-D", str(folder / "data"), "-U", "calls"]
        self._run([*initdb, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command,
            **self._as_user(),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, done.stdout.decode()

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {"cwd": self._folder}
        group = pwd.getpwnam(self._user).pw_gid
        return {"user": self._user, "group": group, "extra_groups": [], "cwd": self._folder}

    def start(self) -> None:
        """Start, and return when it answers."""
        options = ["-D", str(self._folder / "data"), "-h", "127.0.0.1", "-p", str(self.port)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), *options, "-k", str(self._folder), "-c", "fsync=off"],
                **self._as_user(),
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_S_MAX
        while True:
            try:
                psycopg.connect(self.conninfo()).close()
            except psycopg.OperationalError:
                log_text = (self._folder / "log").read_text()
                assert self._process.poll() is None, log_text
                assert time.monotonic() < until, log_text
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop at once, as a crash would; connections break."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: immediate shutdown
            self._process.wait()
            self._process = None

    def conninfo(self) -> str:
        """For psycopg: the database every server has."""
        return f"host=127.0.0.1 port={self.port} user=calls dbname=postgres"

    def make_database(self) -> str:
        """An empty database; its URL."""
        name = f"calls_{next(DATABASES)}"
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://calls:secret-word@127.0.0.1:{self.port}/{name}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for all of these tests."""
    folder = Path(tempfile.mkdtemp(prefix="callbridge-postgres-"))
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


class TestPostgres(StoreLaws):
    """A server."""

    @pytest.fixture
    def url(self, server: Server) -> str:
        """An empty database."""
        return server.make_database()


class TestKeys(KeyLaws):
    """Idempotency keys of calls out: all machines share them."""

    @pytest.fixture(name="keys")
    async def sql_keys(self, server: Server, clock: Clock) -> AsyncIterator[SqlKeys]:
        """An empty database."""
        async with errands_at(SqlStore(server.make_database())) as errands:
            yield SqlKeys(errands, clock)


class TestUsedTokens(UsedTokenLaws):
    """Call tokens: what one machine has seen, no other takes."""

    @pytest.fixture
    def url(self, server: Server) -> str:
        """An empty database."""
        return server.make_database()


def test_times_have_a_zone(server: Server) -> None:
    """Whoever asks the database from another zone gets the same moment."""
    url = server.make_database()
    store = SqlStore(url)
    store.add([entry(1)])
    with store._engine.connect() as connection:
        connection.exec_driver_sql("SET TIME ZONE 'Asia/Tokyo'")
        (started,) = connection.exec_driver_sql("SELECT started_at FROM call_records").one()
    store.close()

    assert started == entry(1).started_at
    assert started.utcoffset().total_seconds() == 9 * 3600


def test_a_server_that_is_not_there(server: Server) -> None:
    """A sentence, without the password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        store = SqlStore(f"postgresql://calls:secret-word@127.0.0.1:{free.getsockname()[1]}/calls")
        with pytest.raises(StoreUnavailable) as told:
            list(store.calls(CallFilter()))

    assert "refused" in str(told.value)
    assert "secret-word" not in str(told.value)


async def test_the_server_dies_and_comes_back(server: Server, tmp_path: Path) -> None:
    """Records wait on the disk meanwhile; then each is in the database once."""
    url = server.make_database()
    lines = Lines()
    settings = RecordSettings(records_spool=tmp_path / "spool")
    store = SqlStore(url)
    log = make_log(lines.keep, lambda: NOW)
    async with kept_records(settings, store, lambda: NOW, log) as records:
        records.keep(entry(1))
        await until(lambda: stored(url) != [])
        await trio.to_thread.run_sync(server.stop)
        records.keep(entry(2))
        await until(lambda: lines.all("records_waiting") != [])
        await trio.to_thread.run_sync(server.start)
        records.keep(entry(3))

    assert stored(url) == [3, 2, 1]
    assert list((tmp_path / "spool").iterdir()) == []
    assert not lines.all("record_lost")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something in the real world, which tells nobody."""
    while not await trio.to_thread.run_sync(holds):  # noqa: ASYNC110
        await trio.sleep(0.05)


def stored(url: str) -> list[int]:
    """The numbers of the calls in a database; none if it has no tables yet."""
    store = SqlStore(url)
    try:
        return [int(one.call_sid[-1]) for one in store.calls(CallFilter())]
    except StoreUnavailable:
        return []
    finally:
        store.close()
