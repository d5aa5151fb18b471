"""SQLite as the database of call records, and the words for a database that cannot be used."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.records import store as store_module
from bridge.records.store import CallFilter, SqlStore, StoreUnavailable
from tests.record_parts import entry
from tests.record_store_laws import StoreLaws


class TestSqlite(StoreLaws):
    """A file."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """A file that is not there yet."""
        return f"sqlite:///{tmp_path}/calls.db"


def test_reading_makes_no_database(tmp_path: Path) -> None:
    """There is none until a call was recorded, and a list does not change that."""
    store = SqlStore(f"sqlite:///{tmp_path}/calls.db")
    with pytest.raises(StoreUnavailable, match=r"there is no database .*calls\.db"):
        list(store.calls(CallFilter()))

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is said, and the file is left as it is."""
    file = tmp_path / "calls.db"
    file.write_text("no database at all " * 100)
    store = SqlStore(f"sqlite:///{file}")
    with pytest.raises(StoreUnavailable, match="not a database"):
        store.add([entry()])
    with pytest.raises(StoreUnavailable, match="not a database"):
        list(store.calls(CallFilter()))
    store.close()

    assert file.read_text().startswith("no database")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is a sentence."""
    store = SqlStore(f"sqlite:///{tmp_path}/nowhere/calls.db")
    with pytest.raises(StoreUnavailable, match="unable to open"):
        store.add([entry()])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("calls.db", "not a database URL"),
        ("mysql://localhost/calls", "mysql is none of sqlite, postgresql"),
        ("postgresql://u:p@h:port/d", "not a database URL"),
    ],
)
def test_urls_that_cannot_be_used(url: str, says: str) -> None:
    """Said at once, without a password."""
    with pytest.raises(StoreUnavailable, match=says):
        SqlStore(url)


def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreUnavailable, match=r"callbridge\[postgres\]"):
        SqlStore("postgresql://localhost/calls")


def test_messages_hold_no_statement_and_no_number(tmp_path: Path) -> None:
    """They go into the log."""
    store = SqlStore(f"sqlite:///{tmp_path}/calls.db")
    store.add([])
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE call_records")
    with pytest.raises(StoreUnavailable) as told:
        store.add([entry()])
    store.close()

    assert str(told.value) == "no such table: call_records"
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


def files_with(folder: Path, text: str) -> list[str]:
    """The names of the files that hold a text somewhere."""
    found = (path for path in folder.iterdir() if text.encode() in path.read_bytes())
    return sorted(path.name for path in found)


@pytest.fixture
def kept_open(tmp_path: Path) -> Iterator[SqlStore]:
    """A running service's store: as long as it is open, SQLite leaves its files as they are."""
    store = SqlStore(f"sqlite:///{tmp_path}/calls.db")
    others = [entry(number, details={"x": "y" * 3000}) for number in range(100, 120)]
    store.add([*others, entry(1, from_number="+15550009999", details={"z": "+15550009999" * 900})])
    assert files_with(tmp_path, "+15550009999")
    yield store
    store.close()


def test_a_forgotten_number_is_in_no_file(tmp_path: Path, kept_open: SqlStore) -> None:
    """Not in the database's free pages, and not in its write-ahead log."""
    forgetful = SqlStore(f"sqlite:///{tmp_path}/calls.db")

    assert forgetful.forget(entry(1).call_sid) == 1
    assert files_with(tmp_path, "+15550009999") == []
    assert len(list(kept_open.calls(CallFilter()))) == 20
    forgetful.close()


def test_what_is_too_old_is_in_no_file(tmp_path: Path, kept_open: SqlStore) -> None:
    """Retention deletes as thoroughly."""
    assert kept_open.forget_before(entry(50).started_at) == 1
    assert files_with(tmp_path, "+15550009999") == []


def test_somebody_reads_what_is_to_be_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_open: SqlStore
) -> None:
    """It is gone for everybody else, it is said that it is not gone from the disk; later it is."""
    monkeypatch.setattr(store_module, "CHECKPOINT_S_MAX", 0.2)
    monkeypatch.setattr(store_module, "FETCH_ROWS", 2)
    forgetful = SqlStore(f"sqlite:///{tmp_path}/calls.db")
    reading = kept_open.calls(CallFilter())
    next(reading)
    with pytest.raises(StoreUnavailable, match="forget it once more"):
        forgetful.forget(entry(1).call_sid)
    assert forgetful.add([entry(2)]) == []
    assert len(list(reading)) == 20

    assert forgetful.forget(entry(1).call_sid) == 0
    assert files_with(tmp_path, "+15550009999") == []
    forgetful.close()


def test_retention_does_not_wait_for_readers(
    monkeypatch: pytest.MonkeyPatch, kept_open: SqlStore
) -> None:
    """It comes again in an hour; what it deleted is told."""
    monkeypatch.setattr(store_module, "FETCH_ROWS", 2)
    reading = kept_open.calls(CallFilter())
    next(reading)
    began = time.monotonic()

    assert kept_open.forget_before(entry(50).started_at) == 1
    assert time.monotonic() - began < 2
    assert len(list(reading)) == 20
