"""The database of call records: SQLite or Postgres.

Owns connections, transactions and the SQL. Everything here blocks. Must not know the spool, nor who
asks. Messages say what is wrong without a password, a statement or a number in them.
"""

import datetime as dt
import operator
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Insert,
    Select,
    create_engine,
    delete,
    event,
    exc,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from bridge.errors import BridgeError
from bridge.records.entry import CallEntry
from bridge.records.migration import SchemaState, migrate, schema_state
from bridge.records.schema import call_records

POSTGRES: Final = "postgresql+psycopg"
CONNECT_S_MAX: Final = 10
SQLITE_RETRY_S: Final = 0.01
STATEMENT_S_MAX: Final = 30
FETCH_ROWS: Final = 500
FORGET_ROWS: Final = 1000
CHECKPOINT_S_MAX: Final = 10.0
CHECKPOINT_RETRY_S: Final = 0.1
_COLUMNS: Final = [call_records.c[name] for name in CallEntry.__struct_fields__]
# Another row may still do when the database refuses one for these.
_ROW_REFUSED: Final = (exc.DataError, exc.IntegrityError)


class StoreUnavailable(BridgeError):  # noqa: N818 - the base is the error
    """The database cannot be used now. Later it may, and nothing was written half."""


@dataclass(frozen=True)
class CallFilter:
    """Which calls; None = any. Times are those of the start: `since` is in, `until` is out."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    reason: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    limit: int | None = None


class SqlStore:
    """One database.

    Args:
        url: sqlite:///FILE or postgresql+psycopg://…
        migrates: whether `add` may bring an older schema up to date.

    Raises:
        StoreUnavailable: the URL cannot be used, or its driver is not installed.
    """

    def __init__(self, url: str, *, migrates: bool = True) -> None:
        self._migrates = migrates
        self._ready = False
        self._url = _parsed(url)
        self._engine = _engine(self._url)
        dialect = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        self._insert: Insert = dialect.insert(call_records).on_conflict_do_nothing(
            index_elements=["call_sid", "session_id"]
        )

    # ------------------------------------------------------------------ writing
    def migrate(self) -> SchemaState:
        """Bring the schema up to date; return what it was.

        Raises:
            StoreUnavailable: no connection, or the schema is newer than this program.
        """
        try:
            with self._engine.begin() as connection:
                found = migrate(connection)
        except exc.SQLAlchemyError as why:
            raise _unavailable(why) from None
        if found is SchemaState.NEWER:
            raise StoreUnavailable(_MISFIT[found])
        return found

    def add(self, entries: Sequence[CallEntry]) -> list[int]:
        """Write entries, or nothing where one is already there.

        Returns:
            The indexes of those that the database will never take.

        Raises:
            StoreUnavailable: try again; what was written already does no harm.
        """
        rows = [msgspec.structs.asdict(entry) for entry in entries]
        try:
            self._prepare()
            if not rows:
                return []
            with self._engine.begin() as connection:
                connection.execute(self._insert, rows)
        except (exc.SQLAlchemyError, OverflowError) as why:
            _raise_unless_refused(why)
            return [index for index, row in enumerate(rows) if self._refuses(row)]
        return []

    def forget(self, call_sid: str) -> int:
        """Delete the records of one call; return how many there were (one for each stream).

        Raises:
            StoreUnavailable: try again, also where they are deleted and still in SQLite's log.
        """
        table = call_records
        with self.transaction() as connection:
            gone = connection.execute(delete(table).where(table.c.call_sid == call_sid)).rowcount
        if not self._empty_log(CHECKPOINT_S_MAX):
            raise StoreUnavailable(
                f"{gone} deleted, but still in the file {self._url.database}-wal, because somebody "
                "reads the database: forget it once more when that is over"
            )
        return gone

    def forget_before(self, when: dt.datetime) -> int:
        """Delete calls that ended before `when`, in small transactions; return how many.

        Raises:
            StoreUnavailable: try again.
        """
        table = call_records
        old = select(table.c.id).where(table.c.ended_at < when).limit(FORGET_ROWS)
        gone, more = 0, True
        try:
            self._prepare()
            while more:
                with self._engine.begin() as connection:
                    deleted = connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
                gone += deleted
                more = deleted == FORGET_ROWS
        except exc.SQLAlchemyError as why:
            raise _unavailable(why) from None
        # Where somebody reads just now, the next time will do.
        self._empty_log(0)
        return gone

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that writes, for the tables of others; the schema is seen to.

        Raises:
            StoreUnavailable: also at the end of the `with`; nothing was written then, or nobody
                knows.
        """
        try:
            self._prepare()
            with self._engine.begin() as connection:
                yield connection
        except exc.SQLAlchemyError as why:
            raise _unavailable(why) from None

    def close(self) -> None:
        """Close the connections nobody is using."""
        self._engine.dispose()

    def _prepare(self) -> None:
        """See to the schema, until that has gone well once."""
        if self._ready:
            return
        if self._migrates:
            self.migrate()
        else:
            self._check()
        self._ready = True

    def _refuses(self, row: dict[str, Any]) -> bool:
        try:
            with self._engine.begin() as connection:
                connection.execute(self._insert, [row])
        except (exc.SQLAlchemyError, OverflowError) as why:
            _raise_unless_refused(why)
            return True
        return False

    def _empty_log(self, wait_s: float) -> bool:
        """SQLite: bring all into the database's file and cut off its log, where deleted rows are.

        Waits so long for readers, but not as SQLite would: that keeps all writers waiting, too.

        Returns:
            Whether there is nothing in the log now.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        until = time.monotonic() + wait_s
        try:
            with self._engine.connect() as opened:
                connection = opened.execution_options(autocommits=True)
                connection.exec_driver_sql("PRAGMA busy_timeout=0")
                try:
                    while not (done := _checkpoint(connection)) and time.monotonic() < until:
                        time.sleep(CHECKPOINT_RETRY_S)
                finally:
                    connection.exec_driver_sql(f"PRAGMA busy_timeout={CONNECT_S_MAX * 1000}")
        except exc.SQLAlchemyError as why:
            raise _unavailable(why) from None
        return done

    # ------------------------------------------------------------------ reading
    def calls(self, wanted: CallFilter) -> Iterator[CallEntry]:
        """The calls wanted, latest start first, a few hundred in memory at a time.

        Raises:
            StoreUnavailable: nothing recorded yet, no connection, or not this program's schema.
        """
        file = self._url.database if self._engine.dialect.name == "sqlite" else None
        if file is not None and not Path(file).exists():
            # To connect would make an empty one.
            raise StoreUnavailable(f"there is no database {file}: no call was recorded yet")
        try:
            self._check()
            with self._engine.connect() as connection:
                reading = connection.execution_options(yield_per=FETCH_ROWS, reads=True)
                with reading.execute(_query(wanted)) as rows:
                    for row in rows:
                        yield CallEntry(**row._mapping)  # noqa: SLF001 - documented, only so named
        except exc.SQLAlchemyError as why:
            raise _unavailable(why) from None

    def _check(self) -> None:
        with self._engine.connect() as connection:
            state = schema_state(connection.execution_options(reads=True))
        if state is not SchemaState.CURRENT:
            raise StoreUnavailable(_MISFIT[state])


_MISFIT: Final = {
    SchemaState.OLDER: "the database's tables are missing or older than this program: "
    "run `callbridge migrate`",
    SchemaState.NEWER: "the database's tables are newer than this program: "
    "run the version of callbridge that made them, or a later one",
}


def _query(wanted: CallFilter) -> Select[Any]:
    table = call_records.c
    asked = (
        (wanted.since, operator.ge, table.started_at),
        (wanted.until, operator.lt, table.started_at),
        (wanted.reason, operator.eq, table.end_reason),
        (wanted.from_number, operator.eq, table.from_number),
        (wanted.to_number, operator.eq, table.to_number),
    )
    conditions = [fits(column, value) for value, fits, column in asked if value is not None]
    ordered = (
        select(*_COLUMNS).where(*conditions).order_by(table.started_at.desc(), table.id.desc())
    )
    return ordered.limit(wanted.limit)


def _parsed(url: str) -> URL:
    """The URL; what other programs write for Postgres means our driver, too."""
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise StoreUnavailable("DATABASE_URL is not a database URL") from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername=POSTGRES)
    return parsed


def _engine(url: URL) -> Engine:
    if url.drivername == "sqlite":
        engine = create_engine(url, connect_args={"timeout": CONNECT_S_MAX}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if url.drivername != POSTGRES:
        raise StoreUnavailable(f"DATABASE_URL: {url.drivername} is none of sqlite, {POSTGRES}")
    try:
        return create_engine(
            url,
            connect_args={
                "connect_timeout": CONNECT_S_MAX,
                "application_name": "callbridge",
                "options": f"-c statement_timeout={STATEMENT_S_MAX * 1000}",
            },
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=1,
        )
    except ImportError:
        raise StoreUnavailable(
            "Postgres needs a driver that is not installed: pip install 'callbridge[postgres]'"
        ) from None


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Transactions as we say, tables included; readers and a writer at the same time.

    The change to WAL does not wait for a lock as other statements do (https://sqlite.org/wal.html),
    and of several processes that open a new file at once, all but one find it locked.
    """
    connection.isolation_level = None
    # What is deleted is overwritten: a forgotten number must not stay in a free page.
    connection.execute("PRAGMA secure_delete=ON")
    until = time.monotonic() + CONNECT_S_MAX
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as why:
            if why.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(SQLITE_RETRY_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """A writer gets its lock at once, and waits for it; taking it later can only fail."""
    options = connection.get_execution_options()
    if not options.get("autocommits", False):
        reads = options.get("reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _checkpoint(connection: Connection) -> bool:
    """Whether nobody was in the way of it: https://sqlite.org/pragma.html#pragma_wal_checkpoint."""
    (blocked, _, _) = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not blocked


def _raise_unless_refused(why: exc.SQLAlchemyError | OverflowError) -> None:
    """Return where it is about a row and not about the database.

    What is no error of the database's was raised on the way there: a number too large for SQLite's
    driver, or a statement whose parameters cannot be made of the row.
    """
    before = not isinstance(why, exc.DBAPIError) and isinstance(why, exc.StatementError)
    if not (before or isinstance(why, (OverflowError, *_ROW_REFUSED))):
        raise _unavailable(why) from None


def _unavailable(why: exc.SQLAlchemyError) -> StoreUnavailable:
    """What the driver says, its first line: no statement, no parameters."""
    said = why.orig if isinstance(why, exc.DBAPIError) else None
    words = str(said or type(why).__name__).strip() or type(said).__name__
    return StoreUnavailable(words.splitlines()[0])
