"""Counting in a real Redis, for several processes at once."""

import asyncio
import time
from itertools import cycle

import pytest

from tests.rate_limits.limiting import is_let_in, limiting
from tests.support.redis_server import RedisServer
from todo_backend.core.rate_limits import Quota, parse


@pytest.fixture(params=["redis", "valkey"])
def url(request: pytest.FixtureRequest, redis: RedisServer) -> str:
    """The address, as either of them calls it: they speak the same."""
    return redis.url.replace("redis", request.param, 1)


async def test_processes_count_together(url: str) -> None:
    """What one of them has counted, the other one knows."""
    async with limiting(url) as one, limiting(url) as other:
        meters = [each.meter("things", parse("3/minute")) for each in (one, other)]

        quotas = [(await meters[at].take("alice")).quota for at in (0, 1, 0)]

        assert [each.remaining for each in quotas] == [2, 1, 0]
        assert all(each.limit == 3 and 50 < each.reset_seconds <= 60 for each in quotas)
        assert not await is_let_in(meters[1])
        assert await is_let_in(meters[1], "bob")


async def test_no_more_get_in_at_once_than_one_by_one(url: str) -> None:
    """A count and the look at it are one step of the store."""
    async with limiting(url) as one, limiting(url) as other:
        meters = [each.meter("things", parse("7/minute;1000/hour")) for each in (one, other)]

        let_in = await asyncio.gather(*(is_let_in(meters[at % 2]) for at in range(100)))

        assert sum(let_in) == 7
        assert one.is_well()
        assert other.is_well()


async def test_turn_given_back_can_be_taken_by_another_process(redis: RedisServer) -> None:
    """And the refused ones in between have left nothing behind."""
    async with limiting(redis.url) as one, limiting(redis.url) as other:
        meters = [each.meter("things", parse("1/minute")) for each in (one, other)]
        turn = await meters[0].take("alice")
        refused = [await is_let_in(meters[1]) for _ in range(5)]

        await turn.give_back()

        assert refused == [False] * 5
        assert turn.quota == Quota(1, 1, 60)
        assert [await is_let_in(meters[1]) for _ in range(2)] == [True, False]


async def test_window_ends_by_itself(redis: RedisServer) -> None:
    """Whoever is refused meanwhile isn't kept out longer."""
    async with limiting(redis.url) as limiter:
        meter = limiter.meter("things", parse("1/second"))

        assert [await is_let_in(meter) for _ in range(3)] == [True, False, False]
        await asyncio.sleep(1.1)

        assert await is_let_in(meter)


async def test_turn_of_a_window_that_has_ended_adds_nothing_to_the_next(redis: RedisServer) -> None:
    """A late return opens no room that the limit doesn't have, whether one has begun or not."""
    async with limiting(redis.url) as limiter:
        meter = limiter.meter("things", parse("1/2 seconds"))
        late, later = await meter.take("alice"), await meter.take("bob")
        await asyncio.sleep(2.1)

        await late.give_back()
        bobs = await is_let_in(meter, "bob")
        await later.give_back()

        assert bobs
        assert [await is_let_in(meter) for _ in range(2)] == [True, False]
        assert not await is_let_in(meter, "bob")


async def test_refused_by_one_limit_costs_nothing_of_the_other(redis: RedisServer) -> None:
    """Nothing has been done, so nothing is counted."""
    async with limiting(redis.url) as limiter:
        meter = limiter.meter("things", parse("1/second;2/minute"))
        before = [await is_let_in(meter) for _ in range(3)]
        await asyncio.sleep(1.1)

        assert before == [True, False, False]
        assert await is_let_in(meter)


async def test_fa_29_clock_that_jumps_makes_nobody_wait_longer(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even between the library's look at it and ours."""
    async with limiting(redis.url) as one, limiting(redis.url) as other:
        await one.meter("things", parse("9/minute")).take("alice")
        real, jumps = time.time, cycle([3600, -3600])
        monkeypatch.setattr(time, "time", lambda: real() + next(jumps))

        quotas = [(await other.meter("things", parse("9/minute")).take("alice")).quota]
        quotas.append((await other.meter("things", parse("9/minute")).take("alice")).quota)

        assert [each.remaining for each in quotas] == [7, 6]
        assert all(1 <= each.reset_seconds <= 60 for each in quotas)


async def test_nobody_can_be_read_from_the_store(redis: RedisServer) -> None:
    """Its keys hold hashes: no address, and nothing of anybody's name."""
    async with limiting(redis.url) as limiter:
        await limiter.meter("things", parse("9/minute")).take("alice@example.com")

        keys = redis.keys()

        assert "todo-backend:things/60/" in keys
        assert "alice" not in keys


async def test_burst_is_not_taken_for_an_absence(redis: RedisServer) -> None:
    """Many wait for a few connections, and that is nobody's fault."""
    async with limiting(redis.url) as limiter:
        meter = limiter.meter("things", parse("9999/minute"))

        turns = await asyncio.gather(*(meter.take("alice") for _ in range(500)))

        assert sorted(turn.quota.remaining for turn in turns) == list(range(9499, 9999))
        assert limiter.is_well()
