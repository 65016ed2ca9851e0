"""How often the database is asked about what many requests want to know of, and how old it may be.

A process asks, and remembers what it found to be good for half a second. Nothing is told from one
process to another, so there is nothing that can fail to arrive: not behind a transaction pooler,
and not after a restart.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextvars import Context
from typing import Final, Generic, TypeVar

from todo_backend.database import allowance

CONFIRMED_SECONDS: Final = 0.5
ENTRIES: Final = 10_000

_Key = TypeVar("_Key", bound=Hashable)
_Found = TypeVar("_Found")


class _Question(Generic[_Key, _Found]):
    """One statement, about everything that somebody waits to know about when it is sent."""

    __slots__ = ("answer", "keys", "sent_at")

    def __init__(self) -> None:
        self.keys: set[_Key] = set()
        self.sent_at: float | None = None
        self.answer: asyncio.Task[Mapping[_Key, _Found]] | None = None


class Inquiries(Generic[_Key, _Found]):
    """What this process knows of what `ask` finds; it belongs to one event loop.

    What was found and `is_good` is remembered for CONFIRMED_SECONDS, from when it was asked about.
    At most one statement is under way, whatever the load, and it is about no more than there are
    requests. Who wants to know what it is about waits for its answer only if it was sent less than
    `joined_seconds` before. `clock` counts seconds and is never set back.
    """

    __slots__ = (
        "_ask",
        "_clock",
        "_confirmed",
        "_entries",
        "_is_good",
        "_joined_seconds",
        "_next",
        "_under_way",
    )

    def __init__(
        self,
        ask: Callable[[set[_Key]], Awaitable[Mapping[_Key, _Found]]],
        *,
        is_good: Callable[[_Found], bool],
        joined_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        entries: int = ENTRIES,
    ) -> None:
        self._ask = ask
        self._is_good = is_good
        self._joined_seconds = joined_seconds
        self._clock = clock
        self._entries = entries
        self._confirmed: OrderedDict[_Key, tuple[float, _Found]] = OrderedDict()
        self._under_way: _Question[_Key, _Found] | None = None
        self._next: _Question[_Key, _Found] | None = None

    async def find(self, key: _Key) -> _Found | None:
        """Return what there is, good or not; None where there is nothing.

        Raises: DatabaseUnavailable, and what `ask` raises.
        """
        known = self._confirmed.get(key)
        if known is not None and self._clock() - known[0] < CONFIRMED_SECONDS:
            return known[1]
        # One who goes away takes nobody's answer along.
        answer = await allowance.within(asyncio.shield(self._answer_about(key)))
        return answer.get(key)

    def forget(self, key: _Key) -> None:
        self._confirmed.pop(key, None)

    def _answer_about(self, key: _Key) -> asyncio.Task[Mapping[_Key, _Found]]:
        question = self._under_way
        if question is None or not self._is_joined(question, key):
            question = self._next = self._next or _Question()
            question.keys.add(key)
        if question.answer is None:
            before = self._under_way.answer if self._under_way else None
            # Others wait for it too, so it is not on the allowance of the first.
            question.answer = asyncio.create_task(self._send(question, before), context=Context())
            question.answer.add_done_callback(_look_at)
        return question.answer

    def _is_joined(self, question: _Question[_Key, _Found], key: _Key) -> bool:
        sent_at = question.sent_at
        return (
            key in question.keys
            and sent_at is not None
            and self._clock() - sent_at < self._joined_seconds
        )

    async def _send(
        self,
        question: _Question[_Key, _Found],
        before: asyncio.Task[Mapping[_Key, _Found]] | None,
    ) -> Mapping[_Key, _Found]:
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
            found = await self._ask(question.keys)
        finally:
            self._under_way = None
        for key in question.keys:
            self._remember(key, found.get(key), question.sent_at)
        return found

    def _remember(self, key: _Key, found: _Found | None, moment: float) -> None:
        self._confirmed.pop(key, None)
        if found is not None and self._is_good(found):
            self._confirmed[key] = (moment, found)
            if len(self._confirmed) > self._entries:
                self._confirmed.popitem(last=False)


def _look_at(answer: asyncio.Task[Mapping[_Key, _Found]]) -> None:
    # An error that nobody waits for any more is no news for asyncio's log.
    if not answer.cancelled():
        answer.exception()
