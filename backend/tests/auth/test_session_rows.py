"""What is remembered of Better Auth's sessions, and who may have somebody else's answer."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from tests.auth.inquiring import JUST_UNDER, Register, settled
from tests.support.clock import Clock
from todo_backend.auth.session_rows import SessionRows
from todo_backend.database.better_auth import StoredSession

ANN = StoredSession("ann", None, "Ann", is_live=True)
BOB = StoredSession("bob", None, "Bob", is_live=True)


class Stored(Register[str, StoredSession]):
    """The rows."""

    async def find_sessions(self, tokens: Collection[str]) -> Mapping[str, StoredSession]:
        return await self.find(tokens)


@pytest.fixture
def stored() -> Stored:
    return Stored({"a": ANN, "b": BOB})


@pytest.fixture
def rows(stored: Stored, clock: Clock) -> SessionRows:
    return SessionRows(stored, clock=clock)


async def test_a_live_session_is_remembered(
    rows: SessionRows, stored: Stored, clock: Clock
) -> None:
    """With whose it is and how they are called."""
    assert await rows.find("a") == ANN
    clock.advance(JUST_UNDER)
    assert await rows.find("a") == ANN

    assert stored.asked == [{"a"}]


async def test_what_is_no_live_session_is_not_remembered(rows: SessionRows, stored: Stored) -> None:
    """Whoever signs in with a token that was unknown before is let in at once."""
    assert await rows.find("c") is None
    stored.rows["c"] = replace(ANN, is_live=False)
    assert await rows.find("c") == replace(ANN, is_live=False)

    stored.rows["c"] = ANN
    assert await rows.find("c") == ANN


async def test_nobody_is_given_an_answer_from_before_they_asked(
    rows: SessionRows, stored: Stored
) -> None:
    """At most one statement is under way; who comes meanwhile waits for the next, together."""
    stored.gate.clear()
    first = asyncio.create_task(rows.find("a"))
    await settled()
    del stored.rows["a"]
    later = [asyncio.create_task(rows.find(token)) for token in "aba"]
    await settled()
    assert stored.asked == [{"a"}]

    stored.gate.set()
    assert await first == ANN
    assert await asyncio.gather(*later) == [None, BOB, None]
    assert stored.asked == [{"a"}, {"a", "b"}]
