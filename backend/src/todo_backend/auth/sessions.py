"""Which sessions are over, as every process has to know within a second."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from todo_backend.auth.inquiries import CONFIRMED_SECONDS, ENTRIES, Inquiries
from todo_backend.database.accounts import SessionKey
from todo_backend.model.errors import TokenInvalid


class Register(Protocol):
    """Where the sessions are kept."""

    async def live_sessions(self, keys: Collection[SessionKey]) -> set[SessionKey]:
        """Say which of them are alive. Raises: DatabaseUnavailable."""
        ...


class Sessions:
    """What this process knows of the sessions in `register`; `clock` is as for Inquiries."""

    __slots__ = ("_alive", "_ended", "_entries", "_register")

    def __init__(
        self,
        register: Register,
        *,
        clock: Callable[[], float] = time.monotonic,
        entries: int = ENTRIES,
    ) -> None:
        self._register = register
        self._entries = entries
        self._alive = Inquiries(
            self._ask,
            is_good=bool,
            joined_seconds=CONFIRMED_SECONDS,
            clock=clock,
            entries=entries,
        )
        self._ended: OrderedDict[SessionKey, None] = OrderedDict()

    async def require_alive(self, key: SessionKey) -> None:
        """Let a session pass that was alive at most CONFIRMED_SECONDS before this call.

        Raises: TokenInvalid for one that was revoked, has expired or never was;
        DatabaseUnavailable.
        """
        if key not in self._ended and await self._alive.find(key) and key not in self._ended:
            return
        raise TokenInvalid("session ended")

    def end(self, keys: Iterable[SessionKey]) -> None:
        """Know at once that these are over, whatever an answer under way still says."""
        for key in keys:
            self._alive.forget(key)
            self._ended[key] = None
            self._ended.move_to_end(key)
            if len(self._ended) > self._entries:
                self._ended.popitem(last=False)

    async def _ask(self, keys: set[SessionKey]) -> Mapping[SessionKey, bool]:
        return dict.fromkeys(await self._register.live_sessions(keys), True)
