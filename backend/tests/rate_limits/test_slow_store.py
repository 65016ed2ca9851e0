"""A store that is late, for once or all the time, and what a process knows without it."""

import asyncio
import time
from collections.abc import Awaitable

import pytest

from tests.rate_limits.limiting import is_let_in, limiting, until, way_to
from tests.support.redis_server import RedisServer
from todo_backend.core.rate_limits import Haste, parse

SLOW_SECONDS = 0.1
FREEZES = 5
BOUND_SECONDS = 0.05
PATIENT_BOUND_SECONDS = 0.6


async def test_au_38_process_that_loses_the_store_goes_on_from_what_it_has_heard(
    redis: RedisServer,
) -> None:
    """What all together have used is used, as far as a process was told."""
    async with limiting(redis.url) as one, limiting(redis.url) as other:
        meters = [each.meter("things", parse("3/minute")) for each in (one, other)]
        before = [await is_let_in(meters[at]) for at in (0, 1, 0)]

        redis.kill()

        assert before == [True] * 3
        assert not await is_let_in(meters[0])
        assert [await is_let_in(meters[1]) for _ in range(2)] == [True, False]


async def test_au_38_store_that_has_forgotten_all_is_no_reason_to_forget(
    redis: RedisServer,
) -> None:
    """Restarted and killed again: there is no more room than there was before."""
    async with limiting(redis.url) as limiter:
        meter = limiter.meter("things", parse("3/minute"))
        before = [await is_let_in(meter) for _ in range(2)]
        redis.command("flushall")
        after = await is_let_in(meter)

        redis.kill()

        assert [*before, after] == [True] * 3
        assert not await is_let_in(meter)


async def test_fa_48_one_late_answer_is_one_requests_matter(redis: RedisServer) -> None:
    """It counts here and, when it has come, there; the store is no less trusted for that."""
    async with limiting(redis.url) as limiter:
        meter = limiter.meter("things", parse("9/minute"), haste=Haste.HURRIED)
        await meter.take("alice")
        redis.freeze()
        late = await meter.take("alice")
        redis.thaw()
        await until(lambda: late.is_shared)
        await until(lambda: limiter.shared and not limiter.shared.is_in_doubt)

        third = await meter.take("alice")
        await late.give_back()

        assert limiter.is_well()
        assert (late.is_shared, third.is_shared) == (True, True)
        assert (third.quota.remaining, late.quota.remaining) == (6, 7)


async def test_au_29_slow_store_counts_what_matters_for_all(redis: RedisServer) -> None:
    """Whoever has time for its answer waits for it, even when nobody else asks any more."""
    async with way_to(redis) as way, limiting(way.url) as one, limiting(way.url) as other:
        way.delay_seconds = SLOW_SECONDS / 2
        hurried = [
            each.meter("many", parse("9/minute"), haste=Haste.HURRIED) for each in (one, other)
        ]
        patient = [each.meter("few", parse("5/minute")) for each in (one, other)]
        turns = [await each.take("alice") for each in hurried]
        await until(lambda: not one.is_well() and not other.is_well())

        let_in = await asyncio.gather(*(is_let_in(patient[at % 2]) for at in range(20)))

        assert [turn.quota.remaining for turn in turns] == [8, 8]
        assert sum(let_in) == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("haste", "bound"),
    [(Haste.HURRIED, BOUND_SECONDS), (Haste.PATIENT, PATIENT_BOUND_SECONDS)],
    ids=["50 ms for tasks", "600 ms for accounts"],
)
async def test_fa_48_the_one_that_notices_waits_no_longer_than_promised(
    redis: RedisServer, haste: Haste, bound: float
) -> None:
    """Nor does anybody after it. The quickest of several counts: the machine has its own delays."""
    noticing, following = [], []
    for _ in range(FREEZES):
        async with limiting(redis.url) as limiter:
            meter = limiter.meter("things", parse("999/minute"), haste=haste)
            redis.freeze()
            noticing.append(await seconds_of(meter.take("alice")))
            await until(lambda: haste is Haste.HURRIED or not limiter.is_well())
            following.append(await seconds_of(*(meter.take("alice") for _ in range(100))))
            redis.thaw()

    assert min(noticing) <= bound, noticing
    assert min(following) <= BOUND_SECONDS, following


@pytest.mark.slow
async def test_fa_48_tasks_dont_wait_behind_those_who_have_time(redis: RedisServer) -> None:
    """A few who sign in while the store is frozen keep no connection from anybody else."""
    noticing = []
    for _ in range(FREEZES):
        async with limiting(redis.url) as limiter:
            hurried = limiter.meter("many", parse("9/minute"), haste=Haste.HURRIED)
            patient = limiter.meter("few", parse("99/minute"))
            redis.freeze()
            waiting = [asyncio.create_task(patient.take("alice")) for _ in range(20)]
            await asyncio.sleep(0)
            noticing.append(await seconds_of(hurried.take("alice")))
            turns = await asyncio.gather(*waiting)
            redis.thaw()

            assert sorted(turn.quota.remaining for turn in turns) == list(range(79, 99))

    assert min(noticing) <= BOUND_SECONDS, noticing


async def seconds_of(*takes: Awaitable[object]) -> float:
    started = time.monotonic()
    for each in takes:
        await each
    return time.monotonic() - started
