"""Which sessions are let through, and which are over."""

import asyncio
from collections.abc import Collection

import pytest

from tests.auth.inquiring import Register, settled
from tests.support.clock import Clock
from todo_backend.auth.inquiries import CONFIRMED_SECONDS
from todo_backend.auth.sessions import Sessions
from todo_backend.database.accounts import SessionKey
from todo_backend.model.errors import TokenInvalid

ANN = ("ann", "tbs_1")
BOB = ("bob", "tbs_2")


class Living(Register[SessionKey, None]):
    """The sessions that are alive."""

    async def live_sessions(self, keys: Collection[SessionKey]) -> set[SessionKey]:
        return set(await self.find(keys))


@pytest.fixture
def living() -> Living:
    return Living({ANN: None, BOB: None})


@pytest.fixture
def sessions(living: Living, clock: Clock) -> Sessions:
    return Sessions(living, clock=clock)


async def test_a_session_that_is_over_is_found_out(
    sessions: Sessions, living: Living, clock: Clock
) -> None:
    """Half a second after it was revoked somewhere else, at the latest."""
    await sessions.require_alive(ANN)
    del living.rows[ANN]

    clock.advance(CONFIRMED_SECONDS)
    with pytest.raises(TokenInvalid, match="session ended"):
        await sessions.require_alive(ANN)


@pytest.mark.parametrize("key", [("ann", "tbs_unknown"), ("bob", "tbs_1")])
async def test_only_what_is_known_to_live_passes(sessions: Sessions, key: SessionKey) -> None:
    """An unknown session is refused, and so is a session under another user's name."""
    with pytest.raises(TokenInvalid):
        await sessions.require_alive(key)


async def test_who_comes_meanwhile_shares_the_answer(sessions: Sessions, living: Living) -> None:
    """It is no older than what is remembered would be."""
    living.gate.clear()
    both = []
    for _ in range(2):
        both.append(asyncio.create_task(sessions.require_alive(ANN)))
        await settled()
    living.gate.set()
    await asyncio.gather(*both)

    assert living.asked == [{ANN}]


async def test_ended_here_is_over_at_once(sessions: Sessions, living: Living) -> None:
    """Sign-out needs no question, and no answer that was under way brings the session back."""
    await sessions.require_alive(BOB)
    living.gate.clear()
    waiting = asyncio.create_task(sessions.require_alive(ANN))
    await settled()

    sessions.end([ANN, BOB])

    living.gate.set()
    with pytest.raises(TokenInvalid):
        await waiting
    for key in (ANN, BOB):
        with pytest.raises(TokenInvalid):
            await sessions.require_alive(key)
    assert living.asked == [{BOB}, {ANN}]


async def test_the_memory_of_what_ended_is_bounded(living: Living) -> None:
    """What is forgotten is asked about."""
    sessions = Sessions(living, entries=2)
    keys = [("ann", f"tbs_{number}") for number in range(3)]

    sessions.end(keys)

    for key in keys:
        with pytest.raises(TokenInvalid):
            await sessions.require_alive(key)
    assert living.asked == [{keys[0]}]
