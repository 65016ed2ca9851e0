"""What a process knows of sessions: how old its knowledge may be, and what it costs to get."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

import pytest

from todo_backend.auth.sessions import CONFIRMED_SECONDS, Sessions
from todo_backend.database.accounts import SessionKey
from todo_backend.model.errors import DatabaseUnavailable, TokenInvalid

ANN = ("ann", "tbs_1")
BOB = ("bob", "tbs_2")
JUST_UNDER = CONFIRMED_SECONDS - 0.001


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Register:
    """The sessions that are alive, and every question about them; `gate` holds answers back.

    As with a statement, what is answered is what was true when it was asked.
    """

    alive: set[SessionKey] = field(default_factory=lambda: {ANN, BOB})
    asked: list[set[SessionKey]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    is_away: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    async def live_sessions(self, keys: Collection[SessionKey]) -> set[SessionKey]:
        self.asked.append(set(keys))
        found = self.alive & set(keys)
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
def sessions(register: Register, clock: Clock) -> Sessions:
    return Sessions(register, clock=clock)


async def settled() -> None:
    """Let every task come to where it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_live_session_is_asked_about_once_in_half_a_second(
    sessions: Sessions, register: Register, clock: Clock
) -> None:
    """Between two questions a request costs nothing."""
    await sessions.require_alive(ANN)
    clock.now += JUST_UNDER
    await sessions.require_alive(ANN)
    assert register.asked == [{ANN}]

    clock.now += 0.001
    await sessions.require_alive(ANN)
    assert register.asked == [{ANN}, {ANN}]


async def test_a_session_that_is_over_is_found_out(
    sessions: Sessions, register: Register, clock: Clock
) -> None:
    """Half a second after it was revoked somewhere else, at the latest."""
    await sessions.require_alive(ANN)
    register.alive.remove(ANN)

    clock.now += CONFIRMED_SECONDS
    with pytest.raises(TokenInvalid, match="session ended"):
        await sessions.require_alive(ANN)


@pytest.mark.parametrize("key", [("ann", "tbs_unknown"), ("bob", "tbs_1")])
async def test_only_what_is_known_to_live_passes(sessions: Sessions, key: SessionKey) -> None:
    """An unknown session is refused, and so is a session under another user's name."""
    with pytest.raises(TokenInvalid):
        await sessions.require_alive(key)


async def test_an_answer_is_as_old_as_its_question(
    sessions: Sessions, register: Register, clock: Clock
) -> None:
    """What took long to arrive counts from when it was asked."""
    register.gate.clear()
    waiting = asyncio.create_task(sessions.require_alive(ANN))
    await settled()
    clock.now += JUST_UNDER
    register.gate.set()
    await waiting

    clock.now += 0.001
    await sessions.require_alive(ANN)
    assert len(register.asked) == 2


async def test_those_who_come_at_once_share_a_question(
    sessions: Sessions, register: Register
) -> None:
    """One statement for all sessions that somebody waits for, whatever the load."""
    await asyncio.gather(*(sessions.require_alive(key) for key in (ANN, BOB) * 50))

    assert register.asked == [{ANN, BOB}]


async def test_those_who_come_meanwhile_share_the_next(
    sessions: Sessions, register: Register
) -> None:
    """At most one statement is under way, and a session that is in it isn't asked about again."""
    register.gate.clear()
    first = asyncio.create_task(sessions.require_alive(ANN))
    await settled()
    others = [asyncio.create_task(sessions.require_alive(key)) for key in (BOB, ANN, BOB)]
    await settled()
    assert register.asked == [{ANN}]

    register.gate.set()
    await asyncio.gather(first, *others)
    assert register.asked == [{ANN}, {BOB}]


async def test_a_question_too_old_is_asked_anew(
    sessions: Sessions, register: Register, clock: Clock
) -> None:
    """An answer that took too long is good for those alone who waited from its start."""
    register.gate.clear()
    first = asyncio.create_task(sessions.require_alive(ANN))
    await settled()
    register.alive.remove(ANN)
    clock.now += CONFIRMED_SECONDS
    late = asyncio.create_task(sessions.require_alive(ANN))
    await settled()
    register.gate.set()

    await first
    with pytest.raises(TokenInvalid):
        await late


async def test_ended_here_is_over_at_once(sessions: Sessions, register: Register) -> None:
    """Sign-out needs no question, and no answer that was under way brings the session back."""
    await sessions.require_alive(BOB)
    register.gate.clear()
    waiting = asyncio.create_task(sessions.require_alive(ANN))
    await settled()

    sessions.end([ANN, BOB])

    register.gate.set()
    with pytest.raises(TokenInvalid):
        await waiting
    for key in (ANN, BOB):
        with pytest.raises(TokenInvalid):
            await sessions.require_alive(key)
    assert register.asked == [{BOB}, {ANN}]


async def test_nobody_passes_while_the_database_is_away(
    sessions: Sessions, register: Register, clock: Clock
) -> None:
    """Those who wait behind a question without an answer have waited long enough, too."""
    await sessions.require_alive(ANN)
    clock.now += CONFIRMED_SECONDS
    register.is_away = True
    register.gate.clear()
    first = asyncio.create_task(sessions.require_alive(ANN))
    await settled()
    behind = asyncio.create_task(sessions.require_alive(BOB))
    await settled()
    register.gate.set()

    found = await asyncio.gather(first, behind, return_exceptions=True)
    assert [type(each) for each in found] == [DatabaseUnavailable] * 2
    assert register.asked == [{ANN}, {ANN}]


async def test_it_recovers_by_itself(sessions: Sessions, register: Register) -> None:
    """The next request asks again, whatever became of the questions before."""
    register.is_away = True
    found = await asyncio.gather(
        *(sessions.require_alive(ANN) for _ in range(3)), return_exceptions=True
    )
    assert {type(each) for each in found} == {DatabaseUnavailable}

    register.is_away = False
    await sessions.require_alive(ANN)
    await sessions.require_alive(BOB)


async def test_who_goes_away_takes_nobodys_answer_along(
    sessions: Sessions, register: Register
) -> None:
    """A request that is cancelled leaves the question to those who share it."""
    register.gate.clear()
    gone, stays = (asyncio.create_task(sessions.require_alive(ANN)) for _ in range(2))
    await settled()

    gone.cancel()
    await settled()
    register.gate.set()
    await stays

    assert register.asked == [{ANN}]


async def test_the_memory_is_bounded(register: Register, clock: Clock) -> None:
    """The session that was confirmed longest ago makes room, and is asked about again."""
    sessions = Sessions(register, clock=clock, entries=2)
    keys = [("ann", f"tbs_{number}") for number in range(3)]
    register.alive.update(keys)
    for key in keys:
        await sessions.require_alive(key)

    await sessions.require_alive(keys[2])
    await sessions.require_alive(keys[0])
    assert register.asked == [{keys[0]}, {keys[1]}, {keys[2]}, {keys[0]}]


async def test_the_memory_of_what_ended_is_bounded(register: Register) -> None:
    """What is forgotten is asked about."""
    sessions = Sessions(register, entries=2)
    keys = [("ann", f"tbs_{number}") for number in range(3)]

    sessions.end(keys)

    for key in keys:
        with pytest.raises(TokenInvalid):
            await sessions.require_alive(key)
    assert register.asked == [{keys[0]}]
