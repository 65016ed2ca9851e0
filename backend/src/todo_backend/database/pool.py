"""A small pool of connections with a fair queue in front of it.

A request that finds no idle connection waits in line, and a connection that comes free goes to the
head of the line: at 1,000 clients the slowest answers stay near the median (docs/adr/0004).
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import asyncpg

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


@dataclass(frozen=True, slots=True)
class Usage:
    """How the pool stands at this moment."""

    open: int
    idle: int
    waiting: int


class Pool:
    """At most `size` connections, opened when they are needed.

    One statement is one transaction. Every call ends within `timeout_seconds`, waiting included.
    """

    def __init__(self, connect: Connect, *, size: int, timeout_seconds: float) -> None:
        self._connect = connect
        self._size = size
        self._timeout_seconds = timeout_seconds
        self._open = 0
        self._idle: deque[asyncpg.Connection] = deque()
        self._waiting: deque[asyncio.Future[asyncpg.Connection | None]] = deque()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def usage(self) -> Usage:
        waiting = sum(not turn.done() for turn in self._waiting)
        return Usage(open=self._open, idle=len(self._idle), waiting=waiting)

    async def read(self, statement: str, *arguments: object) -> asyncpg.Record:
        """Run a statement that changes nothing; again if its connection turns out dead.

        Raises: DatabaseUnavailable.
        """
        return await self._run(statement, arguments, repeatable=True)

    async def write(self, statement: str, *arguments: object) -> asyncpg.Record:
        """Run a statement that may change rows: again only where the server has undone it all.

        Raises: DatabaseUnavailable, also when nobody can tell whether the change was kept.
        """
        return await self._run(statement, arguments, repeatable=False)

    async def _run(
        self, statement: str, arguments: tuple[object, ...], *, repeatable: bool
    ) -> asyncpg.Record:
        deadline = time.monotonic() + self._timeout_seconds
        attempts = _ATTEMPTS
        while True:
            attempts -= 1
            try:
                return await self._attempt(statement, arguments, deadline)
            except _ROLLED_BACK as error:
                if not attempts:
                    raise DatabaseUnavailable(type(error).__name__) from error
                # Two that collided would collide again if they came back together.
                await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - no secret
            except _CONNECTION_LOST as error:
                if not (attempts and repeatable):
                    raise DatabaseUnavailable(type(error).__name__) from error
            except asyncpg.PostgresError as error:
                if is_passing(error) or error.sqlstate in _MENDABLE:
                    raise DatabaseUnavailable(type(error).__name__) from error
                raise

    async def _attempt(
        self, statement: str, arguments: tuple[object, ...], deadline: float
    ) -> asyncpg.Record:
        connection = await self._acquire(deadline)
        try:
            row = await connection.fetchrow(
                statement, *arguments, timeout=deadline - time.monotonic()
            )
        except TimeoutError as error:
            self._discard(connection)
            raise DatabaseUnavailable("statement timed out") from error
        except _CONNECTION_LOST:
            # What ended this one has most likely ended the idle ones too.
            self._discard(connection)
            self._discard_idle()
            raise
        except asyncpg.PostgresError:
            self._release(connection)  # the server has answered: the protocol is in step
            raise
        except BaseException:
            # Cut off between two messages: the next user must not read this one's answer.
            self._discard(connection)
            raise
        self._release(connection)
        assert row is not None  # noqa: S101 - a function call has exactly one row
        return row

    async def close(self) -> None:
        """Close what is idle, and wait for what is being closed."""
        self._discard_idle()
        await asyncio.gather(*self._closing)

    async def _acquire(self, deadline: float) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open -= 1
        if self._open >= self._size:
            handed = await self._wait_in_line(deadline)
            if handed is not None:
                return handed
        else:
            self._open += 1
        return await self._open_connection(deadline)

    async def _wait_in_line(self, deadline: float) -> asyncpg.Connection | None:
        """Wait for a connection, or for None: the right to open one."""
        turn: asyncio.Future[asyncpg.Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # What was handed over in the moment of giving up goes to the next in line.
                self._hand_over(turn.result())
            else:
                turn.cancel()
            if isinstance(error, TimeoutError):
                raise DatabaseUnavailable("no connection came free") from error
            raise

    async def _open_connection(self, deadline: float) -> asyncpg.Connection:
        try:
            return await self._connect(max(deadline - time.monotonic(), 0.001))
        except UNREACHABLE as error:
            self._hand_over(None)
            raise DatabaseUnavailable(type(error).__name__) from error
        except BaseException:
            self._hand_over(None)
            raise

    def _release(self, connection: asyncpg.Connection) -> None:
        if connection.is_closed():
            self._hand_over(None)
        else:
            self._hand_over(connection)

    def _discard(self, connection: asyncpg.Connection) -> None:
        task = asyncio.get_running_loop().create_task(self._close(connection))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _discard_idle(self) -> None:
        while self._idle:
            self._discard(self._idle.popleft())

    async def _close(self, connection: asyncpg.Connection) -> None:
        """Close a connection; until it is gone, the server counts it and so does its place."""
        try:
            await connection.close(timeout=_CLOSE_SECONDS)
        except (*_CONNECTION_LOST, TimeoutError, asyncpg.PostgresError):
            connection.terminate()
        finally:
            self._hand_over(None)

    def _hand_over(self, connection: asyncpg.Connection | None) -> None:
        """Give the head of the line a connection, or (None) the place of one that is gone."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._open -= 1
        else:
            self._idle.append(connection)


def is_passing(error: asyncpg.PostgresError) -> bool:
    """Whether the same statement may succeed a little later, without anybody's help."""
    state = error.sqlstate or ""
    return state.startswith(_PASSING_CLASSES) or state in _PASSING
