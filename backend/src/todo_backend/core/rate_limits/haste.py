"""How long an answer of the store is waited for, in time that this process has had."""

import asyncio
from enum import Enum
from typing import Final

_GRACE_TURNS: Final = 10
_SLICES: Final = 5


class Haste(Enum):
    """How many seconds whoever counts has for an answer of the store."""

    HURRIED = 0.035
    """Many requests, each of them cheap: counting must not be what takes their time."""
    PATIENT = 0.5
    """Few, each of them worth as much: a password must not be guessed because Redis is slow."""


async def has_ended(asked: "asyncio.Task[object]", seconds: float) -> bool:
    """Wait for it so long, not counting the time in which the event loop got no turn.

    A process that is late itself, because the machine is busy, knows nothing of who it waits for.
    So the time passes in slices, and one that lasted longer was no more than one. What arrived
    with the last one takes a few more turns until it is read.
    """
    for _ in range(_SLICES):
        done, _ = await asyncio.wait((asked,), timeout=seconds / _SLICES)
        if done:
            return True
    for _ in range(_GRACE_TURNS):
        await asyncio.sleep(0)
        if asked.done():
            return True
    return False
