"""Which sessions are over, as every process has to know within a second.

A process asks the database, and remembers a session that it found alive for half a second. Nothing
is told from one process to another, so there is nothing that can fail to arrive: not behind a
transaction pooler, and not after a restart.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from contextvars import Context
from typing import Final, Protocol

from todo_backend.database import allowance
from todo_backend.database.accounts import SessionKey
from todo_backend.model.errors import TokenInvalid

CONFIRMED_SECONDS: Final = 0.5
ENTRIES: Final = 10_000


class Register(Protocol):
    """Where the sessions are kept."""

    async def live_sessions(self, keys: Collection[SessionKey]) -> set[SessionKey]:
        """Say which of them are alive. Raises: DatabaseUnavailable."""
        ...


_Answer = asyncio.Task[set[SessionKey]]


class _Question:
    """One statement, about every session that somebody waits to know about when it is sent."""

    __slots__ = ("answer", "keys", "sent_at")

    def __init__(self) -> None:
        self.keys: set[SessionKey] = set()
        self.sent_at: float | None = None
        self.answer: _Answer | None = None


class Sessions:
    """What this process knows of the sessions in `register`; it belongs to one event loop.

    At most one statement is under way, whatever the load, and it is about no more sessions than
    there are requests. `clock` counts seconds and is never set back.
    """

    __slots__ = ("_clock", "_confirmed", "_ended", "_entries", "_next", "_register", "_under_way")

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
        self._confirmed: OrderedDict[SessionKey, float] = OrderedDict()
        self._ended: OrderedDict[SessionKey, None] = OrderedDict()
        self._under_way: _Question | None = None
        self._next: _Question | None = None

    async def require_alive(self, key: SessionKey) -> None:
        """Let a session pass that was alive at most CONFIRMED_SECONDS before this call.

        Raises: TokenInvalid for one that was revoked, has expired or never was;
        DatabaseUnavailable.
        """
        if key not in self._ended:
            confirmed_at = self._confirmed.get(key)
            if confirmed_at is not None and self._is_recent(confirmed_at):
                return
            if key in await self._answer_about(key) and key not in self._ended:
                return
        raise TokenInvalid("session ended")

    def end(self, keys: Iterable[SessionKey]) -> None:
        """Know at once that these are over, whatever an answer under way still says."""
        for key in keys:
            self._confirmed.pop(key, None)
            self._ended[key] = None
            self._ended.move_to_end(key)
            if len(self._ended) > self._entries:
                self._ended.popitem(last=False)

    async def _answer_about(self, key: SessionKey) -> set[SessionKey]:
        question = self._under_way
        if question is None or not self._answers(question, key):
            question = self._next = self._next or _Question()
            question.keys.add(key)
        if question.answer is None:
            before = self._under_way.answer if self._under_way else None
            # Others wait for it too, so it is not on the allowance of the first.
            question.answer = asyncio.create_task(self._ask(question, before), context=Context())
        # One who goes away takes nobody's answer along.
        return await allowance.within(asyncio.shield(question.answer))

    def _answers(self, question: _Question, key: SessionKey) -> bool:
        sent_at = question.sent_at
        return key in question.keys and sent_at is not None and self._is_recent(sent_at)

    async def _ask(self, question: _Question, before: _Answer | None) -> set[SessionKey]:
        """Ask once the question before has its answer; if it got none, this one gets none either.

        Those who wait here have waited for the same database, and their time is limited too.
        """
        if before is not None:
            await asyncio.wait([before])
        self._next, self._under_way = None, question
        try:
            if before is not None:
                before.result()
            question.sent_at = self._clock()
            alive = await self._register.live_sessions(question.keys)
        finally:
            self._under_way = None
        for key in alive:
            self._confirm(key, question.sent_at)
        return alive

    def _confirm(self, key: SessionKey, moment: float) -> None:
        self._confirmed[key] = moment
        self._confirmed.move_to_end(key)
        if len(self._confirmed) > self._entries:
            self._confirmed.popitem(last=False)

    def _is_recent(self, moment: float) -> bool:
        return self._clock() - moment < CONFIRMED_SECONDS
