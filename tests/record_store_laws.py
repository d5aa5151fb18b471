"""What every database of call records must do; SQLite and Postgres are held to it alike."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from bridge.records import store as store_module
from bridge.records.entry import CallEntry, cleaned
from bridge.records.migration import SchemaState
from bridge.records.schema import VERSION_TABLE, metadata
from bridge.records.store import CallFilter, SqlStore, StoreUnavailable
from tests.record_parts import START, entry

ALL = CallFilter()


def minutes(number: float) -> dt.datetime:
    """So long after the first entries began."""
    return START + dt.timedelta(minutes=number)


class StoreLaws:
    """Cases for a database; a subclass has a fixture `url`, an empty database each time."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[SqlStore]:
        """The database, not migrated yet."""
        store = SqlStore(url)
        yield store
        store.close()

    def test_what_is_written_is_read(self, store: SqlStore) -> None:
        """Every field comes back as it went in, times in UTC, the latest call first."""
        one = entry(1, answered_at=None, cost_usd=None)
        two = entry(2, details={"deep": [1, {"x": None}]}, parameter_names=["ä", "ß"])

        assert store.add([one, two]) == []
        read = list(store.calls(ALL))
        assert read == [two, one]
        assert read[0].started_at.tzinfo == dt.UTC

    def test_exactly_once(self, store: SqlStore) -> None:
        """What is there already is left as it is, within a batch and in a later one."""
        store.add([entry(1), entry(1), entry(2)])
        store.add([entry(1, end_reason="limit"), entry(3)])

        assert [one.call_sid[-1] for one in store.calls(ALL)] == ["3", "2", "1"]
        assert {one.end_reason for one in store.calls(ALL)} == {"caller_hung_up"}

    def test_one_call_may_have_several_streams(self, store: SqlStore) -> None:
        """Call sid and session id together are the key."""
        store.add([entry(1), entry(1, session_id=""), entry(1, session_id="MZ2")])

        assert len(list(store.calls(ALL))) == 3

    def test_the_hostile_entry(self, store: SqlStore) -> None:
        """A cleaned entry goes in, whatever a peer had put into it."""
        text = "'; DROP TABLE call_records; --\0\ud800" + "é" * 1000
        hostile = cleaned(
            entry(1, agent=text, details={text: text}, input_tokens=10**40, cost_usd=1e300)
        )

        assert store.add([hostile]) == []
        assert list(store.calls(ALL)) == [hostile]

    def test_a_row_that_never_fits_does_not_hold_up_others(self, store: SqlStore) -> None:
        """It is named, and the rest of its batch is written."""
        unfit = entry(2, end_reason=None)

        assert store.add([entry(1), unfit, entry(3)]) == [1]
        assert [one.call_sid[-1] for one in store.calls(ALL)] == ["3", "1"]

    @pytest.mark.parametrize(
        "given",
        [
            {"duration_ms": 2**63},
            {"started_at": dt.datetime.fromisoformat("0001-01-01T00:00:00+14:00")},
        ],
    )
    def test_a_value_that_never_reaches_the_database(
        self, store: SqlStore, given: dict[str, Any]
    ) -> None:
        """The driver or SQLAlchemy refuses it: that is about the row, too, and not the database."""
        assert store.add([entry(1), entry(2, **given), entry(3)]) == [1]
        assert [one.call_sid[-1] for one in store.calls(ALL)] == ["3", "1"]

    def test_an_empty_batch_prepares_the_tables(self, store: SqlStore) -> None:
        """So that a list of calls can be had before the first call."""
        assert store.add([]) == []
        assert list(store.calls(ALL)) == []

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (CallFilter(since=minutes(3)), "543"),
            (CallFilter(until=minutes(3)), "21"),
            (CallFilter(since=minutes(2), until=minutes(4)), "32"),
            (CallFilter(reason="limit"), "2"),
            (CallFilter(from_number="+15550009999"), "4"),
            (CallFilter(to_number="+15550009999"), "5"),
            (CallFilter(to_number="+1555000999"), ""),
            (CallFilter(limit=2), "54"),
            (CallFilter(reason="limit", since=minutes(3)), ""),
            (CallFilter(reason="' OR 1=1 --"), ""),
        ],
    )
    def test_filters(self, store: SqlStore, wanted: CallFilter, found: str) -> None:
        """Each asks for what it says; together they all must hold."""
        store.add(
            [
                entry(1),
                entry(2, end_reason="limit"),
                entry(3),
                entry(4, from_number="+15550009999"),
                entry(5, to_number="+15550009999"),
            ]
        )

        assert "".join(one.call_sid[-1] for one in store.calls(wanted)) == found

    def test_many_calls_are_not_held_in_memory(
        self, store: SqlStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They come in several fetches, all of them, and a reader may stop early."""
        monkeypatch.setattr(store_module, "FETCH_ROWS", 10)
        store.add([entry(number) for number in range(35)])
        calls = store.calls(ALL)
        first = next(calls)
        calls.close()  # type: ignore[attr-defined]

        assert first == entry(34)
        assert len(list(store.calls(ALL))) == 35

    def test_a_long_list_does_not_stop_the_writer(self, store: SqlStore) -> None:
        """Somebody exports all calls slowly; records are written meanwhile."""
        store.add([entry(number) for number in range(3)])
        calls = store.calls(ALL)
        next(calls)

        assert store.add([entry(9)]) == []
        assert len(list(calls)) == 2

    def test_retention(self, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """What ended before a time is deleted, in several transactions if it is much."""
        monkeypatch.setattr(store_module, "FORGET_ROWS", 2)
        store.add([entry(number) for number in range(7)])

        assert store.forget_before(minutes(5)) == 5
        assert store.forget_before(minutes(5)) == 0
        assert [one.call_sid[-1] for one in store.calls(ALL)] == ["6", "5"]

    # -------------------------------------------------------------------- the schema
    def test_migrations_lead_to_the_schema_of_the_program(self, store: SqlStore) -> None:
        """Step by step or all at once: alembic finds no difference."""
        store.migrate()
        with store._engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={"version_table": VERSION_TABLE, "compare_type": True},
            )

            assert compare_metadata(context, metadata) == []

    def test_migrating_twice(self, store: SqlStore) -> None:
        """The second time there is nothing to do."""
        assert [store.migrate(), store.migrate()] == [SchemaState.OLDER, SchemaState.CURRENT]

    def test_several_processes_migrate_at_once(self, url: str) -> None:
        """One does, the others wait and find it done."""
        stores = [SqlStore(url) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda store: store.migrate(), stores))
        for store in stores:
            store.close()

        assert sorted(state.value for state in found) == ["current"] * 3 + ["older"]

    def test_a_failed_migration_leaves_nothing(self, store: SqlStore) -> None:
        """Tables are made in a transaction: a crash in the middle can be repeated."""
        with store._engine.begin() as connection:
            connection.execute(text("CREATE TABLE call_records (id INTEGER)"))
        with pytest.raises(StoreUnavailable, match="already exists"):
            store.migrate()
        with store._engine.begin() as connection:
            connection.execute(text("DROP TABLE call_records"))

        assert store.migrate() is SchemaState.OLDER

    def test_a_newer_schema(self, store: SqlStore) -> None:
        """An older program neither writes nor reads, and says what to do."""
        store.migrate()
        with store._engine.begin() as connection:
            connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))

        for use in (store.migrate, lambda: store.add([entry()]), lambda: list(store.calls(ALL))):
            with pytest.raises(StoreUnavailable, match="newer than this program"):
                use()

    def test_no_schema(self, url: str) -> None:
        """A program that may not migrate says who does."""
        store = SqlStore(url, migrates=False)
        with store._engine.begin() as connection:
            connection.execute(text("CREATE TABLE other (id INTEGER)"))
        for use in (lambda: store.add([entry()]), lambda: list(store.calls(ALL))):
            with pytest.raises(StoreUnavailable, match="callbridge migrate"):
                use()
        store.migrate()

        assert store.add([entry()]) == []
        store.close()

    def test_two_writers(self, url: str) -> None:
        """Two processes bring the same and other calls: each is there once."""
        stores = [SqlStore(url), SqlStore(url)]

        def write(store: SqlStore) -> list[list[int]]:
            return [store.add([entry(number), entry(number + 1)]) for number in range(20)]

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(write, stores)) == [[[]] * 20] * 2
        calls: list[CallEntry] = list(stores[0].calls(ALL))
        for store in stores:
            store.close()

        assert [one.call_sid for one in calls] == [entry(n).call_sid for n in range(20, -1, -1)]
