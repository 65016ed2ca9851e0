"""A database of this process, as the settings say how it is asked."""

from todo_backend.database.database import Database
from todo_backend.database.url import ConnectArgs
from todo_backend.settings import Settings


def database_with(
    settings: Settings, *, pool_size: int, address: ConnectArgs | None = None
) -> Database:
    """Make a database with at most `pool_size` connections; without an address it is away."""
    database = Database(
        pool_size=pool_size,
        timeout_seconds=settings.database_timeout_seconds,
        prepared_statements=settings.db_prepared_statements,
    )
    if address is not None:
        database.open(address)
    return database
