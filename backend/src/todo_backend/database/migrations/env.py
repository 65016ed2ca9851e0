"""Alembic's entry: runs on the connection, and inside the transaction, that `migrate` opened."""

from alembic import context

from todo_backend.database.functions import VERSION_TABLE
from todo_backend.model.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSION_TABLE,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
