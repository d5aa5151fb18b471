"""What alembic runs to migrate: on the connection it was given, in the caller's transaction."""

from alembic import context

from bridge.records.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
