"""How often the database is asked about what many want to know, and how old its answers may be."""

import asyncio
from typing import TypeAlias

import pytest

from tests.auth.inquiring import JUST_UNDER, Register, settled
from tests.support.clock import Clock
from todo_backend.auth.inquiries import CONFIRMED_SECONDS, Inquiries
from todo_backend.model.errors import DatabaseUnavailable

GOOD, BAD = "good", "bad"
Rows: TypeAlias = Register[str, str]
Asking: TypeAlias = Inquiries[str, str]


def is_good(found: str) -> bool:
    return found == GOOD


@pytest.fixture
def register() -> Rows:
    return Register({"a": GOOD, "b": GOOD, "x": BAD})


@pytest.fixture(params=[0, CONFIRMED_SECONDS], ids=["alone", "joined"])
def inquiries(register: Rows, clock: Clock, request: pytest.FixtureRequest) -> Asking:
    return Inquiries(register.find, is_good=is_good, joined_seconds=request.param, clock=clock)


async def test_what_is_good_is_asked_about_once_in_half_a_second(
    inquiries: Asking, register: Rows, clock: Clock
) -> None:
    """Between two questions a request costs nothing; then an end is found out."""
    assert await inquiries.find("a") == GOOD
    del register.rows["a"]
    clock.advance(JUST_UNDER)
    assert await inquiries.find("a") == GOOD
    assert register.asked == [{"a"}]

    clock.advance(0.001)
    assert await inquiries.find("a") is None
    assert register.asked == [{"a"}, {"a"}]


async def test_what_is_not_good_is_not_remembered(inquiries: Asking, register: Rows) -> None:
    """What was not there, or was there and no good, may be good the next moment."""
    assert await inquiries.find("c") is None
    assert await inquiries.find("x") == BAD

    register.rows.update(c=GOOD, x=GOOD)
    assert await inquiries.find("c") == GOOD
    assert await inquiries.find("x") == GOOD


async def test_what_is_forgotten_is_asked_about(inquiries: Asking, register: Rows) -> None:
    """Nothing else is."""
    for key in "ab":
        await inquiries.find(key)

    inquiries.forget("a")
    inquiries.forget("unknown")

    for key in "ab":
        await inquiries.find(key)
    assert register.asked == [{"a"}, {"b"}, {"a"}]


async def test_an_answer_is_as_old_as_its_question(
    inquiries: Asking, register: Rows, clock: Clock
) -> None:
    """What took long to arrive counts from when it was asked."""
    register.gate.clear()
    waiting = asyncio.create_task(inquiries.find("a"))
    await settled()
    clock.advance(JUST_UNDER)
    register.gate.set()
    await waiting

    clock.advance(0.001)
    await inquiries.find("a")
    assert len(register.asked) == 2


async def test_those_who_come_at_once_share_a_question(inquiries: Asking, register: Rows) -> None:
    """One statement for all that somebody waits for, and to each their own answer."""
    found = await asyncio.gather(*(inquiries.find(key) for key in "abc" * 50))

    assert found == [GOOD, GOOD, None] * 50
    assert register.asked == [{"a", "b", "c"}]


@pytest.mark.parametrize(
    ("inquiries", "then"),
    [(0, {"a", "b"}), (CONFIRMED_SECONDS, {"b"})],
    ids=["alone", "joined"],
    indirect=["inquiries"],
)
async def test_those_who_come_meanwhile_share_the_next(
    inquiries: Asking, register: Rows, then: set[str]
) -> None:
    """At most one statement is under way; only who may join it isn't asked about again."""
    register.gate.clear()
    first = asyncio.create_task(inquiries.find("a"))
    await settled()
    others = [asyncio.create_task(inquiries.find(key)) for key in "bab"]
    await settled()
    assert register.asked == [{"a"}]

    register.gate.set()
    await asyncio.gather(first, *others)
    assert register.asked == [{"a"}, then]


async def test_a_question_too_old_is_asked_anew(
    inquiries: Asking, register: Rows, clock: Clock
) -> None:
    """An answer that took too long is good for those alone who waited from its start."""
    register.gate.clear()
    first = asyncio.create_task(inquiries.find("a"))
    await settled()
    del register.rows["a"]
    clock.advance(CONFIRMED_SECONDS)
    late = asyncio.create_task(inquiries.find("a"))
    await settled()
    register.gate.set()

    assert await first == GOOD
    assert await late is None


async def test_nobody_is_answered_while_the_database_is_away(
    inquiries: Asking, register: Rows, clock: Clock
) -> None:
    """Those who wait behind a question without an answer have waited long enough, too."""
    await inquiries.find("a")
    clock.advance(CONFIRMED_SECONDS)
    register.is_away = True
    register.gate.clear()
    first = asyncio.create_task(inquiries.find("a"))
    await settled()
    behind = asyncio.create_task(inquiries.find("b"))
    await settled()
    register.gate.set()

    found = await asyncio.gather(first, behind, return_exceptions=True)
    assert [type(each) for each in found] == [DatabaseUnavailable] * 2
    assert register.asked == [{"a"}, {"a"}]


async def test_it_recovers_by_itself(inquiries: Asking, register: Rows) -> None:
    """The next request asks again, whatever became of the questions before."""
    register.is_away = True
    for _ in range(2):
        failed = await asyncio.gather(*map(inquiries.find, "aaa"), return_exceptions=True)
        assert {type(each) for each in failed} == {DatabaseUnavailable}

    register.is_away = False
    assert await inquiries.find("a") == GOOD
    assert await inquiries.find("b") == GOOD


async def test_who_goes_away_takes_nobodys_answer_along(inquiries: Asking, register: Rows) -> None:
    """A request that is cancelled leaves the question to those who share it."""
    register.gate.clear()
    gone, stays = (asyncio.create_task(inquiries.find("a")) for _ in range(2))
    await settled()

    gone.cancel()
    await settled()
    register.gate.set()

    assert await stays == GOOD
    assert gone.cancelled()
    assert register.asked == [{"a"}]


async def test_the_memory_is_bounded(register: Rows, clock: Clock) -> None:
    """What was confirmed longest ago makes room, and is asked about again."""
    inquiries = Inquiries(register.find, is_good=is_good, joined_seconds=0, clock=clock, entries=2)
    register.rows["c"] = GOOD
    for key in "abcca":
        await inquiries.find(key)

    assert register.asked == [{"a"}, {"b"}, {"c"}, {"a"}]
