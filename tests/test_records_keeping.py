"""The writer with real threads, a real folder and a real database file."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from bridge import cli, serving
from bridge.log import make_log
from bridge.records.keeping import SpoolUnusable, kept_records
from bridge.records.store import CallFilter, SqlStore
from bridge.settings.records import RecordSettings
from tests.far_ends import KEY, NOW, Lines, settings
from tests.record_parts import entry


class Place:
    """A folder with a spool and a database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = Lines()
        self.settings = RecordSettings(records_spool=folder / "spool")

    def records(self, folder: str = ".") -> Any:
        """A process's records; `folder` is where its database is."""
        store = SqlStore(f"sqlite:///{self.folder}/{folder}/calls.db")
        log = make_log(self.lines.keep, lambda: NOW)
        return kept_records(self.settings, store, lambda: NOW, log)

    def stored(self) -> list[str]:
        """The last digits of the calls in the database, oldest first."""
        store = SqlStore(f"sqlite:///{self.folder}/calls.db")
        calls = [one.call_sid[-1] for one in store.calls(CallFilter())]
        store.close()
        return calls[::-1]

    def spooled(self) -> list[str]:
        """The files in the spool, without the workers' names."""
        return sorted(path.name.partition(".")[2] for path in (self.folder / "spool").iterdir())


async def test_records_are_in_the_database_when_the_server_has_stopped(tmp_path: Path) -> None:
    """Leaving waits for them; nothing is left on the disk."""
    place = Place(tmp_path)
    async with place.records() as records:
        for number in range(5):
            records.keep(entry(number))

    assert place.stored() == ["0", "1", "2", "3", "4"]
    assert place.spooled() == []
    assert place.lines == []


async def test_also_when_the_server_has_crashed(tmp_path: Path) -> None:
    """An exception takes nothing with it."""
    place = Place(tmp_path)
    with pytest.RaisesGroup(ValueError):
        async with place.records() as records:
            records.keep(entry(1))
            raise ValueError

    assert place.stored() == ["1"]


async def test_what_a_process_could_not_bring_in_the_next_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was dead to the end of the first; its record waits on the disk."""
    monkeypatch.setattr("bridge.records.writer.FINISH_S_MAX", 0.2)
    place = Place(tmp_path)
    async with place.records("nowhere") as records:
        records.keep(entry(1))
    assert place.spooled() != []
    async with place.records() as records:
        records.keep(entry(2))

    assert place.stored() == ["1", "2"]
    assert place.spooled() == []


async def test_processes_share_a_folder(tmp_path: Path) -> None:
    """Several at once, one database, one spool: each record is there once."""
    place = Place(tmp_path)
    async with place.records() as one, place.records() as other:
        for number in range(8):
            (one, other)[number % 2].keep(entry(number))
            await trio.lowlevel.checkpoint()

    assert place.stored() == ["0", "1", "2", "3", "4", "5", "6", "7"]
    assert place.spooled() == []


async def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """It is said before anything is started."""
    (tmp_path / "spool").write_text("in the way")
    with pytest.raises(SpoolUnusable, match=r"RECORDS_SPOOL: cannot keep call records: .*spool"):
        async with Place(tmp_path).records():
            raise AssertionError


async def test_the_service_and_its_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`callbridge serve` makes the tables, has a lock meanwhile, and leaves nothing behind."""
    place = Place(tmp_path)
    monkeypatch.setattr(serving, "standard_output", lambda _given: place.lines.keep)
    given = settings(
        host="127.0.0.1",
        port=0,
        database_url=f"sqlite:///{tmp_path}/calls.db",
        records_spool=tmp_path / "spool",
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serving.run_service, given, serving.ALONE)
        while not place.lines.all("listening"):
            await trio.lowlevel.checkpoint()
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"{place.lines.all('listening')[0]['on'][0]}/health")
        during = place.spooled()
        os.kill(os.getpid(), signal.SIGTERM)

    assert during == ["lock"]
    assert place.stored() == []
    assert place.spooled() == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("RECORDS_SPOOL=file/spool", "RECORDS_SPOOL: cannot keep call records: "),
        ("DATABASE_URL=postgresql://h/d", "pip install 'callbridge[postgres]'"),
    ],
)
def test_a_service_that_cannot_keep_records(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    says: str,
) -> None:
    """It does not start, says why, and how to do without."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    Path("file").write_text("in the way")
    Path(".env").write_text(f"OPENAI_API_KEY={KEY}\n{line}\n")
    code = cli.main(["serve"])
    last = capsys.readouterr().err.splitlines()[-1]

    assert code == 1
    assert says in last
    assert "DATABASE_URL=off" in last
