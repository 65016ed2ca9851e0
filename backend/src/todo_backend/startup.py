"""What has to hold of the database before requests make sense: reached, and at this release."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Final

import asyncpg
import structlog

from todo_backend.database import inspection, reach
from todo_backend.database.functions import FunctionSet
from todo_backend.database.inspection import Standing
from todo_backend.database.reach import DatabaseUnfit, Unreachable
from todo_backend.database.url import ConnectArgs
from todo_backend.model.errors import DatabaseUnavailable

Attempt = Callable[[], Coroutine[Any, Any, None]]
"""A call of `prepare`, with everything it needs."""

_AWAY_SECONDS: Final = 1.0
# Somebody has to mend it first, and each attempt may be a whole migration that is rolled back.
_UNFIT_SECONDS: Final = 10.0
_log: Final = structlog.get_logger("todo_backend.startup")


async def prepare(
    address: ConnectArgs,
    function_sets: Collection[FunctionSet],
    *,
    migrates: bool,
    timeout_seconds: float,
) -> None:
    """Reach the database and, where `migrates`, bring it to this release; once.

    Raises: DatabaseUnavailable when it may come by itself, DatabaseUnfit when it will not.
    """
    try:
        standing = await _standing(address, function_sets, timeout_seconds=timeout_seconds)
    except Unreachable as error:
        if error.obstacle.is_lasting:
            raise DatabaseUnfit(f"{error.obstacle.sentence}: {error.obstacle.remedy}") from error
        raise
    if standing.is_current:
        return
    if standing.is_ahead and not standing.missing:
        _log.warning("a newer release has migrated the database; this one serves beside it")
    elif not migrates:
        _log.warning("the database is not at this release, run: todo-backend migrate up")
    else:
        # A third of the start's time is Alembic, and a database that is current does without.
        from todo_backend import migrating  # noqa: PLC0415 - as above

        await migrating.up(address, function_sets)


async def keep_trying(attempt: Attempt, first: asyncio.Task[None] | None = None) -> None:
    """Attempt until it succeeds; the database may start, and be mended, after this process.

    `first` is an attempt that is under way, or has failed already.
    """
    said = None
    pending: Awaitable[None] = first or attempt()
    while True:
        try:
            await pending
        except (DatabaseUnavailable, DatabaseUnfit) as error:
            if str(error) != said:
                said = str(error)
                _log.warning("serving 503 and trying again", reason=said)
            is_away = isinstance(error, DatabaseUnavailable)
        else:
            if said:
                _log.info("the database is there")
            return
        await asyncio.sleep(_AWAY_SECONDS if is_away else _UNFIT_SECONDS)
        pending = attempt()


async def _standing(
    address: ConnectArgs, function_sets: Collection[FunctionSet], *, timeout_seconds: float
) -> Standing:
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            reach.connected(address, timeout_seconds=timeout_seconds) as connection,
            connection.transaction(),
        ):
            return await inspection.standing(connection, function_sets)
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable("the database does not answer") from error
