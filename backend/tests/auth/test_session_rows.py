"""How often the database is asked about session tokens, and how old its answers may be."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import pytest

from todo_backend.auth.session_rows import CONFIRMED_SECONDS, SessionRows
from todo_backend.database.better_auth import StoredSession
from todo_backend.model.errors import DatabaseUnavailable

ANN = StoredSession("ann", None, "Ann", is_live=True)
BOB = StoredSession("bob", None, "Bob", is_live=True)
JUST_UNDER = CONFIRMED_SECONDS - 0.001


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Register:
    """The rows, and every question about them; `gate` holds answers back.

    As with a statement, what is answered is what was true when it was asked.
    """

    rows: dict[str, StoredSession] = field(default_factory=lambda: {"a": ANN, "b": BOB})
    asked: list[set[str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    is_away: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    async def find_sessions(self, tokens: Collection[str]) -> Mapping[str, StoredSession]:
        self.asked.append(set(tokens))
        found = {token: self.rows[token] for token in tokens if token in self.rows}
        await self.gate.wait()
        if self.is_away:
            raise DatabaseUnavailable("away")
        return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def rows(register: Register, clock: Clock) -> SessionRows:
    return SessionRows(register, clock=clock)


async def settled() -> None:
    """Let every task come to where it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_live_session_is_asked_about_once_in_half_a_second(
    rows: SessionRows, register: Register, clock: Clock
) -> None:
    """Between two questions a request costs nothing; then a sign-out is found out."""
    assert await rows.find("a") == ANN
    del register.rows["a"]
    clock.now += JUST_UNDER
    assert await rows.find("a") == ANN
    assert register.asked == [{"a"}]

    clock.now += 0.001
    assert await rows.find("a") is None
    assert register.asked == [{"a"}, {"a"}]


async def test_what_is_no_live_session_is_not_remembered(
    rows: SessionRows, register: Register
) -> None:
    """Whoever signs in with a token that was unknown before is let in at once."""
    assert await rows.find("c") is None
    register.rows["c"] = replace(ANN, is_live=False)
    assert await rows.find("c") == replace(ANN, is_live=False)

    register.rows["c"] = ANN
    assert await rows.find("c") == ANN


async def test_an_answer_is_as_old_as_its_question(
    rows: SessionRows, register: Register, clock: Clock
) -> None:
    """What took long to arrive counts from when it was asked."""
    register.gate.clear()
    waiting = asyncio.create_task(rows.find("a"))
    await settled()
    clock.now += CONFIRMED_SECONDS
    register.gate.set()
    await waiting

    await rows.find("a")
    assert len(register.asked) == 2


async def test_those_who_come_at_once_share_a_question(
    rows: SessionRows, register: Register
) -> None:
    """One statement for all tokens that somebody waits for, and to each their own answer."""
    found = await asyncio.gather(*(rows.find(token) for token in "abc" * 50))

    assert found == [ANN, BOB, None] * 50
    assert register.asked == [{"a", "b", "c"}]


async def test_nobody_is_given_an_answer_from_before_they_asked(
    rows: SessionRows, register: Register
) -> None:
    """At most one statement is under way; who comes meanwhile waits for the next, together."""
    register.gate.clear()
    first = asyncio.create_task(rows.find("a"))
    await settled()
    del register.rows["a"]
    later = [asyncio.create_task(rows.find(token)) for token in "aba"]
    await settled()
    assert register.asked == [{"a"}]

    register.gate.set()
    assert await first == ANN
    assert await asyncio.gather(*later) == [None, BOB, None]
    assert register.asked == [{"a"}, {"a", "b"}]


async def test_nobody_passes_while_the_database_is_away(
    rows: SessionRows, register: Register, clock: Clock
) -> None:
    """Those who wait behind a question without an answer have waited long enough, too."""
    await rows.find("a")
    clock.now += CONFIRMED_SECONDS
    register.is_away = True
    register.gate.clear()
    first = asyncio.create_task(rows.find("a"))
    await settled()
    behind = asyncio.create_task(rows.find("b"))
    await settled()
    register.gate.set()

    found = await asyncio.gather(first, behind, return_exceptions=True)
    assert [type(each) for each in found] == [DatabaseUnavailable] * 2
    assert register.asked == [{"a"}, {"a"}]


async def test_it_recovers_by_itself(rows: SessionRows, register: Register) -> None:
    """The next request asks again, whatever became of the questions before."""
    register.is_away = True
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await rows.find("a")

    register.is_away = False
    assert await rows.find("a") == ANN


async def test_who_goes_away_takes_nobodys_answer_along(
    rows: SessionRows, register: Register
) -> None:
    """A request that is cancelled leaves the question to those who share it."""
    register.gate.clear()
    gone, stays = (asyncio.create_task(rows.find("a")) for _ in range(2))
    await settled()

    gone.cancel()
    await settled()
    register.gate.set()

    assert await stays == ANN
    assert gone.cancelled()
    assert register.asked == [{"a"}]


async def test_the_memory_is_bounded(register: Register, clock: Clock) -> None:
    """The session that was confirmed longest ago makes room, and is asked about again."""
    rows = SessionRows(register, clock=clock, entries=2)
    register.rows["c"] = ANN
    for token in "abc":
        await rows.find(token)

    await rows.find("c")
    await rows.find("a")
    assert register.asked == [{"a"}, {"b"}, {"c"}, {"a"}]
