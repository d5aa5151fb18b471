"""The schema's version: what the database has, what this program knows, and the way there.

Owns running alembic from inside the program; there is no alembic.ini. Must not know what the
tables hold.
"""

from enum import Enum
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bridge.records.schema import VERSION_TABLE

FOLDER: Final = Path(__file__).parent / "migrations"
# Any number, the same in every program that migrates these tables: others wait their turn.
MIGRATION_LOCK: Final = 0x63616C6C62726467


class SchemaState(Enum):
    """The database's schema, seen from this program."""

    CURRENT = "current"
    OLDER = "older"
    """Or there is none yet."""
    NEWER = "newer"


def schema_state(connection: Connection) -> SchemaState:
    """Compare the database with this program."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    found = context.get_current_revision()
    scripts = ScriptDirectory(str(FOLDER))
    if found == scripts.get_current_head():
        return SchemaState.CURRENT
    known = {script.revision for script in scripts.walk_revisions()}
    return SchemaState.OLDER if found is None or found in known else SchemaState.NEWER


def migrate(connection: Connection) -> SchemaState:
    """Bring an older schema up to date; return what was found before.

    To be called inside a transaction, which is all or nothing also for tables. Several processes
    may do so at once: SQLite's write lock, or one of ours in Postgres, lets one after the other in.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    found = schema_state(connection)
    if found is SchemaState.OLDER:
        config = Config()
        config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return found
