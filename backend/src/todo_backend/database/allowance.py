"""How long one request may wait for the database: all of its waits together.

A request may ask more than once, whether its session is alive and then for its tasks, and has to be
answered in time whatever it asked. What it waits for elsewhere, such as its client's body, is not
counted.
"""

import asyncio
import time
from collections.abc import Awaitable
from contextvars import ContextVar, Token
from typing import Final, TypeVar

from todo_backend.model.errors import DatabaseUnavailable

_Answer = TypeVar("_Answer")


class Allowance:
    """What is left of it, in seconds."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


_CURRENT: Final[ContextVar[Allowance | None]] = ContextVar("allowance", default=None)
Before = Token[Allowance | None]

current: Final = _CURRENT.get
"""The allowance of the request that is under way here; None where a call stands for itself."""


def begin(seconds: float) -> Before:
    """Allow what follows so much, until `end` of what this returns."""
    return _CURRENT.set(Allowance(seconds))


def end(before: Before) -> None:
    _CURRENT.reset(before)


def lift() -> None:
    """Let each call stand for itself from here on: the answer is on its way already."""
    _CURRENT.set(None)


async def within(answer: Awaitable[_Answer]) -> _Answer:
    """Wait for an answer that the database owes to several requests, as long as this one may.

    Raises: DatabaseUnavailable.
    """
    allowance = current()
    if allowance is None:
        return await answer
    started = time.monotonic()
    try:
        async with asyncio.timeout(allowance.seconds):
            return await answer
    except TimeoutError as error:
        raise DatabaseUnavailable("no answer in time") from error
    finally:
        allowance.seconds -= time.monotonic() - started
