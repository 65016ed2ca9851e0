"""A small pool of connections with a fair queue in front of it.

A request that finds no idle connection waits in line (database/places.py): at 1,000 clients the
slowest answers stay near the median (docs/adr/0004).
"""

import asyncio
import random
import select
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import asyncpg

from todo_backend.database import allowance
from todo_backend.database.places import Places
from todo_backend.model.errors import DatabaseUnavailable

Connect = Callable[[float], Awaitable[asyncpg.Connection]]
"""Opens a connection within that many seconds."""

UNREACHABLE: Final = (
    OSError,  # time-outs and TLS included
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # no PostgreSQL, or none that `target_session_attrs` allows
    asyncpg.PostgresError,
)
"""What keeps a connection from opening. A wrong password can be mended while this process runs."""

_CONNECTION_LOST: Final = (
    OSError,
    asyncpg.InterfaceError,
    # The server's farewell has arrived, and the loop has not told the connection of its end yet.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
# All that such a statement did is undone. A key is missing when its user was deleted meanwhile.
_ROLLED_BACK: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ForeignKeyViolationError,
)
# The classes of SQLSTATE that pass by themselves: connection, rollback, resources, the operator's
# intervention, system error; then a lock not granted, and read-only.
_PASSING_CLASSES: Final = ("08", "40", "53", "57", "58")
_PASSING: Final = frozenset({"55P03", "25006"})
# What somebody has to mend, without a restart here: functions not there yet, and a pooler that
# loses prepared statements (DB_PREPARED_STATEMENTS).
_MENDABLE: Final = frozenset({"3F000", "42883", "42P01", "42501", "26000", "42P05"})
_ATTEMPTS: Final = 3
_LONGEST_PAUSE_SECONDS: Final = 0.05
_CLOSE_SECONDS: Final = 2.0


class _NothingSentError(Exception):
    """A connection was dead before the statement left this process: nobody has run it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How the pool stands at this moment."""

    open: int
    idle: int
    waiting: int


class Pool:
    """At most `size` connections, opened when they are needed; writes leave one to the reads.

    One statement is one transaction. Every call ends within `timeout_seconds`, waiting included,
    and all calls of one request within its allowance.
    """

    def __init__(self, connect: Connect, *, size: int, timeout_seconds: float) -> None:
        self._connect = connect
        self._timeout_seconds = timeout_seconds
        self._places = Places(size)
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def usage(self) -> Usage:
        places = self._places
        return Usage(open=places.taken, idle=len(places.idle), waiting=places.waiting)

    async def read(self, statement: str, *arguments: object) -> asyncpg.Record:
        """Run a statement that changes nothing; again if its connection turns out dead.

        Raises: DatabaseUnavailable.
        """
        return await self._run(statement, arguments, is_write=False, repeatable=True)

    async def write(self, statement: str, *arguments: object) -> asyncpg.Record:
        """Run a statement that may change rows: again only where it is certain that none changed.

        The server has undone it all, or the connection was dead before the statement was sent.

        Raises: DatabaseUnavailable, also when nobody can tell whether the change was kept.
        """
        return await self._run(statement, arguments, is_write=True, repeatable=False)

    async def write_once(self, statement: str, *arguments: object) -> asyncpg.Record:
        """Run a statement that does nothing where it has been done; again as `read` does.

        Raises: DatabaseUnavailable.
        """
        return await self._run(statement, arguments, is_write=True, repeatable=True)

    async def _run(
        self, statement: str, arguments: tuple[object, ...], *, is_write: bool, repeatable: bool
    ) -> asyncpg.Record:
        allowed = allowance.current()
        seconds = self._timeout_seconds if allowed is None else allowed.seconds
        if seconds <= 0:
            raise DatabaseUnavailable("the request's time is over")
        started = time.monotonic()
        try:
            return await self._attempts(
                statement, arguments, started + seconds, is_write=is_write, repeatable=repeatable
            )
        finally:
            if allowed is not None:
                allowed.seconds -= time.monotonic() - started

    async def _attempts(
        self,
        statement: str,
        arguments: tuple[object, ...],
        deadline: float,
        *,
        is_write: bool,
        repeatable: bool,
    ) -> asyncpg.Record:
        attempts = _ATTEMPTS
        while True:
            attempts -= 1
            try:
                return await self._attempt(statement, arguments, deadline, is_write=is_write)
            except _ROLLED_BACK as error:
                if not attempts:
                    raise DatabaseUnavailable(type(error).__name__) from error
                # Two that collided would collide again if they came back together.
                await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - no secret
            except _NothingSentError as error:
                if not attempts:
                    raise DatabaseUnavailable(type(error.__cause__).__name__) from error
            except _CONNECTION_LOST as error:
                if not (attempts and repeatable):
                    raise DatabaseUnavailable(type(error).__name__) from error
            except asyncpg.PostgresError as error:
                if is_passing(error) or error.sqlstate in _MENDABLE:
                    raise DatabaseUnavailable(type(error).__name__) from error
                raise

    async def _attempt(
        self, statement: str, arguments: tuple[object, ...], deadline: float, *, is_write: bool
    ) -> asyncpg.Record:
        connection = await self._acquire(deadline, is_write=is_write)
        protocol = connection._protocol  # type: ignore[attr-defined]  # noqa: SLF001 - no other way to know what was sent
        sent_before = protocol.queries_count
        try:
            row = await connection.fetchrow(
                statement, *arguments, timeout=deadline - time.monotonic()
            )
        except TimeoutError as error:
            self._discard(connection, of_write=is_write)
            raise DatabaseUnavailable("statement timed out") from error
        except _CONNECTION_LOST as error:
            # What ended this one has most likely ended the idle ones too.
            self._discard(connection, of_write=is_write)
            self._discard_idle()
            if protocol.queries_count == sent_before:
                raise _NothingSentError from error
            raise
        except asyncpg.PostgresError:
            # The server has answered: the protocol is in step.
            self._release(connection, of_write=is_write)
            raise
        except BaseException:
            # Cut off between two messages: the next user must not read this one's answer.
            self._discard(connection, of_write=is_write)
            raise
        self._release(connection, of_write=is_write)
        assert row is not None  # noqa: S101 - a function call has exactly one row
        return row

    async def close(self) -> None:
        """Close what is idle, and wait for what is being closed."""
        self._discard_idle()
        await asyncio.gather(*self._closing)

    async def _acquire(self, deadline: float, *, is_write: bool) -> asyncpg.Connection:
        places = self._places
        while places.idle and (not is_write or places.admits_a_write()):
            connection = places.idle.pop()
            if connection.is_closed():
                places.give_back(None)
            elif _has_news(connection):
                self._discard(connection)
            else:
                if is_write:
                    places.occupy_by_write()
                return connection
        handed = await places.take(deadline, is_write=is_write)
        if handed is not None:
            return handed
        return await self._open_connection(deadline, is_write=is_write)

    async def _open_connection(self, deadline: float, *, is_write: bool) -> asyncpg.Connection:
        try:
            return await self._connect(max(deadline - time.monotonic(), 0.001))
        except UNREACHABLE as error:
            self._places.give_back(None, of_write=is_write)
            raise DatabaseUnavailable(type(error).__name__) from error
        except BaseException:
            self._places.give_back(None, of_write=is_write)
            raise

    def _release(self, connection: asyncpg.Connection, *, of_write: bool) -> None:
        self._places.give_back(None if connection.is_closed() else connection, of_write=of_write)

    def _discard(self, connection: asyncpg.Connection, *, of_write: bool = False) -> None:
        task = asyncio.get_running_loop().create_task(self._close(connection, of_write=of_write))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _discard_idle(self) -> None:
        while self._places.idle:
            self._discard(self._places.idle.popleft())

    async def _close(self, connection: asyncpg.Connection, *, of_write: bool) -> None:
        """Close a connection; until it is gone, the server counts it and so does its place."""
        try:
            await connection.close(timeout=_CLOSE_SECONDS)
        except (*_CONNECTION_LOST, TimeoutError, asyncpg.PostgresError):
            connection.terminate()
        finally:
            self._places.give_back(None, of_write=of_write)


def _has_news(connection: asyncpg.Connection) -> bool:
    """Whether an idle server has said something that this process's loop has not read yet.

    That is its farewell, as a rule: a database that went to sleep, or was restarted. What is sent
    after it is lost, and then nobody could tell whether a write has happened.
    """
    if sys.platform == "win32":
        return False  # nothing there asks a socket as cheaply: less than a microsecond
    transport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001 - no other way to the socket
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))


def is_passing(error: asyncpg.PostgresError) -> bool:
    """Whether the same statement may succeed a little later, without anybody's help."""
    state = error.sqlstate or ""
    return state.startswith(_PASSING_CLASSES) or state in _PASSING
