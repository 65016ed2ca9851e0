"""The database of one process."""

from typing import Final

import asyncpg

from todo_backend.database import upkeep
from todo_backend.database.accounts import AccountFunctions
from todo_backend.database.better_auth import BetterAuthTables
from todo_backend.database.functions import Shape
from todo_backend.database.pool import Pool, Usage
from todo_backend.database.search import SearchFunctions
from todo_backend.database.tasks import TaskFunctions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

# An answer has to leave within the timeout, so the last wait ends a little before it.
_ANSWER_MARGIN: Final = 0.9


class Database:
    """Gives out the functions over one pool. Until `open` has its address, it is away."""

    def __init__(
        self, *, pool_size: int, timeout_seconds: float, prepared_statements: bool
    ) -> None:
        self._address: ConnectArgs | None = None
        self._prepared_statements = prepared_statements
        self.timeout_seconds: Final = timeout_seconds * _ANSWER_MARGIN
        self._pool = Pool(self._connect, size=pool_size, timeout_seconds=self.timeout_seconds)

    @property
    def usage(self) -> Usage:
        return self._pool.usage

    def open(self, address: ConnectArgs) -> None:
        """Take the address; connections are opened when they are needed."""
        self._address = address

    async def close(self) -> None:
        await self._pool.close()

    async def is_connected(self) -> bool:
        """Whether a statement can be run at this moment, within the timeout."""
        try:
            await self._pool.read("SELECT 1")
        except DatabaseUnavailable:
            return False
        return True

    def tasks(self, shape: Shape) -> TaskFunctions:
        return TaskFunctions(self._pool, shape)

    def search(self, shape: Shape) -> SearchFunctions:
        return SearchFunctions(self._pool, shape)

    def better_auth(self) -> BetterAuthTables:
        return BetterAuthTables(self._pool)

    def accounts(self) -> AccountFunctions:
        return AccountFunctions(self._pool)

    async def prune_keys(self) -> int:
        """Drop the idempotency keys that have expired (see `upkeep.prune_keys`)."""
        return await upkeep.prune_keys(self._pool)

    async def _connect(self, timeout_seconds: float) -> asyncpg.Connection:
        keywords = self._known_address().kwargs()
        keywords["timeout"] = min(timeout_seconds, keywords.get("timeout", timeout_seconds))
        keywords["server_settings"].setdefault("application_name", "todo-backend")
        if not self._prepared_statements:
            keywords["statement_cache_size"] = 0
        connection: asyncpg.Connection = await asyncpg.connect(**keywords)
        return connection

    def _known_address(self) -> ConnectArgs:
        if self._address is None:
            raise DatabaseUnavailable("not started yet")
        return self._address
