"""What is forgiven where times are measured here, and what is not."""

import asyncio
import time

from tests.support.pace import Pace

SECONDS = 1.2


async def test_time_that_nobody_had_is_no_excess() -> None:
    """Everything stands still, our loop with it: whoever is asked meanwhile is not late."""
    pace = Pace()
    async with pace.kept():
        await asyncio.sleep(0.1)
        began = time.monotonic()
        time.sleep(SECONDS)  # noqa: ASYNC251 - that is the point
        ended = time.monotonic()

        excess = pace.excess(began, ended, promised=SECONDS / 2)

    assert excess < SECONDS / 10


async def test_time_that_a_timer_took_is_excess() -> None:
    """It is so on a machine that is busy too, although it weighs less there."""
    pace = Pace()
    async with pace.kept():
        began = time.monotonic()
        await asyncio.sleep(SECONDS)
        ended = time.monotonic()

        excess = pace.excess(began, ended, promised=SECONDS / 2)

    assert 0 < excess < ended - began
