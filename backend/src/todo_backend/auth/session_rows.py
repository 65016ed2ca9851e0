"""The rows behind Better Auth's session tokens: how often the database is asked about them."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextvars import Context
from typing import Final, Protocol

from todo_backend.database import allowance
from todo_backend.database.better_auth import StoredSession

CONFIRMED_SECONDS: Final = 0.5
ENTRIES: Final = 10_000


class Register(Protocol):
    """Where the sessions are kept."""

    async def find_sessions(self, tokens: Collection[str]) -> Mapping[str, StoredSession]:
        """Find those that there are. Raises: TablesNotFound, DatabaseUnavailable."""
        ...


_Answer = asyncio.Task[Mapping[str, StoredSession]]


class SessionRows:
    """What this process knows of the rows in `register`; it belongs to one event loop.

    A row that was found alive is remembered for CONFIRMED_SECONDS, from when it was asked about. At
    most one statement is under way, whatever the load, and it is about no more sessions than there
    are requests. `clock` counts seconds and is never set back.
    """

    __slots__ = ("_clock", "_confirmed", "_entries", "_gathering", "_last", "_register")

    def __init__(
        self,
        register: Register,
        *,
        clock: Callable[[], float] = time.monotonic,
        entries: int = ENTRIES,
    ) -> None:
        self._register = register
        self._clock = clock
        self._entries = entries
        self._confirmed: OrderedDict[str, tuple[float, StoredSession]] = OrderedDict()
        self._gathering: set[str] | None = None  # what the next statement will be about
        self._last: _Answer | None = None

    async def find(self, token: str) -> StoredSession | None:
        """Return the session of a token, which may have expired; None where there is none.

        Raises: TablesNotFound, DatabaseUnavailable.
        """
        known = self._confirmed.get(token)
        if known is not None and self._clock() - known[0] < CONFIRMED_SECONDS:
            return known[1]
        # One who goes away takes nobody's answer along.
        answer = await allowance.within(asyncio.shield(self._answer_about(token)))
        return answer.get(token)

    def _answer_about(self, token: str) -> _Answer:
        """Join those whose question has not been sent yet, so that no answer is an old one."""
        if self._gathering is None or self._last is None:
            self._gathering = set()
            before = self._last if self._last is not None and not self._last.done() else None
            # Others wait for it too, so it is not on the allowance of the first.
            self._last = asyncio.create_task(self._ask(self._gathering, before), context=Context())
            self._last.add_done_callback(_look_at)
        self._gathering.add(token)
        return self._last

    async def _ask(self, tokens: set[str], before: _Answer | None) -> Mapping[str, StoredSession]:
        """Ask once the question before has its answer; if it got none, this one gets none either.

        Those who wait here have waited for the same database, and their time is limited too.
        """
        if before is not None:
            await asyncio.wait([before])
        self._gathering = None
        if before is not None:
            before.result()
        sent_at = self._clock()
        found = await self._register.find_sessions(tokens)
        for token in tokens:
            self._remember(token, found.get(token), sent_at)
        return found

    def _remember(self, token: str, session: StoredSession | None, moment: float) -> None:
        self._confirmed.pop(token, None)
        if session is not None and session.is_live:
            self._confirmed[token] = (moment, session)
            if len(self._confirmed) > self._entries:
                self._confirmed.popitem(last=False)


def _look_at(answer: _Answer) -> None:
    # An error that nobody waits for any more is no news for asyncio's log.
    if not answer.cancelled():
        answer.exception()
