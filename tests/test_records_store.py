"""SQLite as the database of call records, and the words for a database that cannot be used."""

import sys
from pathlib import Path

import pytest

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
