"""The rows behind Better Auth's session tokens."""

import time
from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from typing import Protocol

from todo_backend.auth.inquiries import ENTRIES, Inquiries
from todo_backend.database.better_auth import StoredSession


class Register(Protocol):
    """Where the sessions are kept."""

    async def find_sessions(self, tokens: Collection[str]) -> Mapping[str, StoredSession]:
        """Find those that there are. Raises: TablesNotFound, DatabaseUnavailable."""
        ...


class SessionRows(Inquiries[str, StoredSession]):
    """What this process knows of the rows in `register`, by their tokens.

    A row that is found may have expired; one that was alive is remembered. No answer is older than
    its question, so that whoever has just signed in is let in.
    """

    __slots__ = ()

    def __init__(
        self,
        register: Register,
        *,
        clock: Callable[[], float] = time.monotonic,
        entries: int = ENTRIES,
    ) -> None:
        super().__init__(
            register.find_sessions,
            is_good=attrgetter("is_live"),
            joined_seconds=0,
            clock=clock,
            entries=entries,
        )
