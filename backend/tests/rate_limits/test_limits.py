"""The notation of limits, and counting in one process on a clock of the test's own."""

import time

import pytest

from tests.support.clock import Clock
from todo_backend.core.rate_limits import Limit, Meter, Quota, RateLimiter, parse
from todo_backend.core.rate_limits.local import LocalCounters
from todo_backend.model.errors import RateLimited


def meter(clock: Clock, text: str) -> Meter:
    return RateLimiter(clock=clock).meter("things", parse(text))


async def retry_after(meter: Meter, identity: str = "alice") -> int:
    with pytest.raises(RateLimited) as caught:
        await meter.take(identity)
    return caught.value.retry_after_seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10/minute", [(10, 60)]),
        ("10 per minute", [(10, 60)]),
        ("5/15 minutes", [(5, 900)]),
        ("1/second; 20/Hour,300/day", [(1, 1), (20, 3600), (300, 86400)]),
    ],
)
def test_limits_are_read(text: str, expected: list[tuple[int, int]]) -> None:
    """One limit, or several that all hold."""
    assert parse(text) == tuple(Limit(*each) for each in expected)


@pytest.mark.parametrize(
    "text",
    [
        *("", "10", "10/", "ten/minute", "10/fortnight", "0/minute", "-1/minute", "10/minute;"),
        *("10/minute;0/hour", "10/999999999 years", "9" * 50 + "/minute", "9" * 5000 + "/minute"),
    ],
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    """A limit that nobody can reach, or that lets nobody in, is a mistake."""
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


async def test_turns_are_counted_until_there_are_none(clock: Clock) -> None:
    """Each one says how many are left, and the one too many when to come back."""
    counted = meter(clock, "2/minute")

    first = await counted.take("alice")
    clock.now += 10
    second = await counted.take("alice")

    assert (first.quota, second.quota) == (Quota(2, 1, 60), Quota(2, 0, 50))
    assert await retry_after(counted) == 50


async def test_window_ends_by_itself_whatever_is_tried_meanwhile(clock: Clock) -> None:
    """Who is refused isn't kept out longer by asking again."""
    counted = meter(clock, "1/minute")
    await counted.take("alice")

    for _ in range(5):
        clock.now += 10
        await retry_after(counted)
    clock.now += 10

    assert (await counted.take("alice")).quota == Quota(1, 0, 60)


async def test_is_25_nobody_uses_up_what_is_anothers(clock: Clock) -> None:
    """A count is of one identity."""
    counted = meter(clock, "1/minute")
    await counted.take("alice")

    await retry_after(counted, "alice")

    assert (await counted.take("bob")).quota.remaining == 0


async def test_all_of_several_limits_hold(clock: Clock) -> None:
    """The one that is nearest is told; the last one to end says when to come back."""
    counted = meter(clock, "2/minute;3/hour")
    await counted.take("alice")
    assert (await counted.take("alice")).quota == Quota(2, 0, 60)

    clock.now += 60
    third = await counted.take("alice")

    assert third.quota == Quota(3, 0, 3540)
    assert await retry_after(counted) == 3540


async def test_refused_by_one_limit_costs_nothing_of_the_other(clock: Clock) -> None:
    """Nothing has been done, so nothing is counted."""
    counted = meter(clock, "1/minute;2/hour")
    await counted.take("alice")
    await retry_after(counted)

    clock.now += 60

    assert (await counted.take("alice")).quota.remaining == 0


async def test_turn_given_back_can_be_taken_again(clock: Clock) -> None:
    """It is as if it had not been taken."""
    counted = meter(clock, "1/minute")
    turn = await counted.take("alice")

    await turn.give_back()

    assert turn.quota == Quota(1, 1, 60)
    assert (await counted.take("alice")).quota.remaining == 0


async def test_turn_of_a_window_that_has_ended_adds_nothing_to_the_next(clock: Clock) -> None:
    """A late return opens no room that the limit doesn't have."""
    counted = meter(clock, "1/minute")
    late = await counted.take("alice")
    clock.now += 60
    await counted.take("alice")

    await late.give_back()

    assert await retry_after(counted) == 60


async def test_fa_29_time_of_day_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets the clock by an hour locks nobody out and lets nobody in."""
    counted = RateLimiter().meter("things", parse("1/minute"))
    await counted.take("alice")

    now = time.time()
    waits = []
    for jump in (-3600, 3600):
        monkeypatch.setattr(time, "time", lambda jump=jump: now + jump)
        waits.append(await retry_after(counted))

    assert all(1 <= wait <= 60 for wait in waits)


def test_windows_that_have_ended_are_forgotten() -> None:
    """Memory is for those who come, not for all who ever came."""
    counters = LocalCounters(parse("1/minute"))
    for number in range(1000):
        counters.take(f"visitor {number}", 0)

    for number in range(1000):
        counters.take(f"later visitor {number}", 61)

    assert kept(counters) == 1000


def test_no_more_windows_are_kept_than_there_is_room_for() -> None:
    """Those that began first go first."""
    counters = LocalCounters(parse("1/minute"), entries=10)

    for number in range(1000):
        counters.take(f"visitor {number}", 0)

    assert kept(counters) == 10
    with pytest.raises(RateLimited):
        counters.take("visitor 999", 0)


def kept(counters: LocalCounters) -> int:
    return sum(map(len, counters._open))  # noqa: SLF001 - what is forgotten can't be seen elsewhere
