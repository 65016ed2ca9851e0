"""What has to be there while the application serves: a database, and its tables."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

import structlog
from fastapi import FastAPI
from starlette.types import Message, Send

from todo_backend import startup
from todo_backend.database.database import Database
from todo_backend.database.embedded import EmbeddedError, EmbeddedPostgres
from todo_backend.database.functions import FunctionSet
from todo_backend.database.reach import DatabaseUnfit
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.model.stack import stack_of
from todo_backend.settings import Settings

_log: Final = structlog.get_logger("todo_backend.lifespan")


def lifespan_of(
    settings: Settings,
    database: Database,
    function_sets: Collection[FunctionSet],
    *,
    is_checked: bool,
    beside: Callable[[], AbstractAsyncContextManager[None]],
) -> Callable[[FastAPI], Any]:
    """Make what surrounds the serving: the database is there before it and gone after it.

    `is_checked` as in `create_app`; `beside` opens and closes what else there is.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            address = settings.connect_args() or await _start_embedded(settings, stack)
            database.open(address)
            stack.push_async_callback(database.close)
            await stack.enter_async_context(beside())
            attempt = partial(
                startup.prepare,
                address,
                function_sets,
                migrates=settings.migrate_on_start,
                timeout_seconds=settings.database_timeout_seconds,
            )
            first = asyncio.create_task(attempt())
            if not is_checked:
                await _first_attempt(first, timeout_seconds=settings.database_timeout_seconds)
            preparing = asyncio.create_task(startup.keep_trying(attempt, first))
            preparing.add_done_callback(_report_failure)
            stack.push_async_callback(_cancel, preparing)
            yield

    return lifespan


async def _first_attempt(attempt: asyncio.Task[None], *, timeout_seconds: float) -> None:
    """Wait so that a database which is there is ready before the first request.

    A long migration goes on while requests are answered 503. Raises: DatabaseUnfit.
    """
    done, _ = await asyncio.wait([attempt], timeout=timeout_seconds)
    error = attempt.exception() if done else None
    if isinstance(error, DatabaseUnfit):
        raise error


async def _start_embedded(settings: Settings, stack: AsyncExitStack) -> ConnectArgs:
    server = await asyncio.to_thread(EmbeddedPostgres.start, settings.data_dir)
    # A second Ctrl-C makes uvicorn skip the end of the lifespan. The end of the event loop then
    # cancels the lifespan, which comes to this as well.
    stack.push_async_callback(asyncio.to_thread, server.stop)
    server.look_after()
    return parse(server.url)


def told_in_a_line(send: Send) -> Send:
    """Say why a start fails, to whoever runs the application: Starlette says it by a traceback."""

    async def send_line(message: Message) -> None:
        if message["type"].endswith(".failed"):
            error = sys.exception()
            message = {**message, "message": _line(error) if error else ""}
        await send(message)

    return send_line


def _line(error: BaseException) -> str:
    if isinstance(error, (EmbeddedError, DatabaseUnfit)):
        return str(error)
    if isinstance(error, asyncio.CancelledError):
        return ""  # a second Ctrl-C, which needs no comment
    _log.error("start or stop failed", **stack_of(error))
    return f"the start or the stop failed: {type(error).__name__}"


def _report_failure(preparing: asyncio.Task[None]) -> None:
    """Say why the process goes on without its tables: it answers 503 until they are there."""
    error = None if preparing.cancelled() else preparing.exception()
    if error is not None:
        _log.error("migration failed, run: todo-backend doctor", **stack_of(error))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
