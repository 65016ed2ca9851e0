"""A PostgreSQL that a test may kill, freeze, fill and lock, and what it looks like from inside."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Final

import asyncpg

from tests.database.databases import SHAPES, until
from tests.database.embedded.given import kill, processes_in
from todo_backend import migrating
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse

MAX_CONNECTIONS: Final = 80
SERVING: Final = "serving"
"""The role that the application has here: it owns nothing, and may only call the functions."""
# Crash and restart are what is tried here, and not the disk of the machine.
_OPTIONS: Final = {"fsync": "off", "max_connections": str(MAX_CONNECTIONS)}
NAME: Final = "todo-backend"
"""What the application's sessions are called."""


class Stage:
    """The server in a folder. Its addresses are the same whenever it runs."""

    def __init__(self, folder: Path, *, options: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._options = {**_OPTIONS, **(options or {})}
        self._server = self._started()
        self.password: Final = token_hex(16)

    async def prepare(self) -> None:
        """Migrate, and make the role that the application serves with."""
        await migrating.up(self.address, SHAPES)
        await self.execute(
            f"CREATE ROLE {SERVING} LOGIN PASSWORD '{self.password}' IN ROLE todo_app, todo_auth"
        )

    @property
    def address(self) -> ConnectArgs:
        """Where the tests themselves go, who may do anything."""
        return parse(self._server.url)

    @property
    def serving(self) -> ConnectArgs:
        """Where the application goes."""
        return replace(self.address, user=SERVING, password=self.password)

    @property
    def socket(self) -> str:
        return str(self._folder / "socket" / ".s.PGSQL.5432")

    def crash(self) -> None:
        """End it as `pg_ctl stop -m immediate` does: it has to recover when it starts."""
        os.kill(self._server.pid, signal.SIGQUIT)
        self._server.stop()

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server = self._started()

    def freeze(self) -> None:
        """Let it answer nothing, and refuse nothing either, until `thaw`."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """End every process of it without a word."""
        kill(processes_in(self._folder))
        self._server.stop()

    def kill_session(self, pid: int) -> None:
        """Kill one of its processes: it ends the others and recovers."""
        kill({pid} & processes_in(self._folder))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a session of the test's own, which sees everything."""
        connection = await asyncpg.connect(**self.address.kwargs())
        try:
            yield connection
        finally:
            # The server may have gone meanwhile.
            connection.terminate()

    async def execute(self, *statements: str) -> None:
        async with self.session() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def rests(self, *, most: int, name: str = NAME) -> None:
        """Wait until the sessions of this name do nothing, and are no more than they may be.

        Raises: TimeoutError where a transaction is left open, or connections are.
        """
        async with self.session() as connection:

            async def does() -> bool:
                row = await connection.fetchrow(
                    "SELECT count(*), count(*) FILTER (WHERE state <> 'idle')"
                    " FROM pg_stat_activity WHERE application_name = $1",
                    name,
                )
                assert row is not None
                sessions, busy = row
                return bool(sessions <= most and not busy)

            await until(does)

    @asynccontextmanager
    async def holding_creations(self, *, name: str, sessions: int) -> AsyncIterator[None]:
        """Keep so many creations of these sessions before their end while the block runs.

        After it they are committed, and have been answered as far as that is the server's part.
        """
        waiting = "SELECT pid, query_start FROM pg_stat_activity WHERE application_name = $1"
        async with self.session() as holder, self.session() as watcher:

            async def are_held() -> bool:
                held[:] = await watcher.fetch(f"{waiting} AND wait_event_type = 'Lock'", name)
                return len(held) >= sessions

            async def are_done() -> bool:
                busy = await watcher.fetch(f"{waiting} AND state = 'active'", name)
                return not set(held) & set(busy)

            held: list[asyncpg.Record] = []
            async with holder.transaction():
                await holder.execute("LOCK TABLE tasks IN SHARE MODE")
                await until(are_held)
                yield
            await until(are_done)

    async def has_room(self, session: asyncpg.Connection) -> None:
        """Wait until the sessions of others have ended."""
        count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"

        async def has() -> bool:
            return bool(await session.fetchval(count) < MAX_CONNECTIONS / 2)

        await until(has)

    async def is_back(self) -> None:
        """Wait until it has recovered and takes connections."""

        async def answers() -> bool:
            try:
                await self.execute("SELECT 1")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return False
            return True

        await until(answers)

    async def terminate(self, *, name: str = NAME) -> None:
        """End the sessions of this name, as an administrator does."""
        await self._signal("pg_terminate_backend", name)

    async def cancel(self) -> None:
        """Cancel what the application's sessions do at this moment."""
        await self._signal("pg_cancel_backend", NAME)

    async def setting(self, name: str, value: str | None) -> None:
        """Change a setting of the whole server, which every session learns of; None undoes it."""
        change = f"SET {name} = {value}" if value is not None else f"RESET {name}"
        await self.execute(f"ALTER SYSTEM {change}", "SELECT pg_reload_conf()")
        await asyncio.sleep(0.1)  # until each session has noticed; nothing depends on it

    async def _signal(self, function: str, name: str) -> None:
        async with self.session() as connection:
            await connection.execute(
                f"SELECT {function}(pid) FROM pg_stat_activity WHERE application_name = '{name}'"  # noqa: S608 - the test's own words
            )

    def _started(self) -> EmbeddedPostgres:
        return EmbeddedPostgres.start(self._folder, options=self._options)

    def _send(self, number: signal.Signals) -> None:
        for pid in sorted(processes_in(self._folder)):
            os.kill(pid, number)
