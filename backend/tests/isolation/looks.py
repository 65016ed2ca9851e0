"""Tests of the suite, as planted bugs are shown to them."""

from collections.abc import Awaitable, Callable

import asyncpg

from tests.database.walls import CONTRACTS_SHAPES
from tests.isolation.planting import Look
from todo_backend.database.functions import Shape
from todo_backend.database.url import ConnectArgs


def on_table(test: Callable[[asyncpg.Connection, str], Awaitable[None]], table: str) -> Look:
    async def look(args: ConnectArgs, truth: asyncpg.Connection) -> None:
        del args
        await test(truth, table)

    return look


def on_functions(test: Callable[[asyncpg.Connection, Shape], Awaitable[None]]) -> Look:
    async def look(args: ConnectArgs, truth: asyncpg.Connection) -> None:
        del args
        for shape in CONTRACTS_SHAPES:
            await test(truth, shape)

    return look


def anywhere(test: Callable[[asyncpg.Connection], Awaitable[None]]) -> Look:
    async def look(args: ConnectArgs, truth: asyncpg.Connection) -> None:
        del args
        await test(truth)

    return look
