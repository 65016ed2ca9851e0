"""Bugs planted where several requests meet: on a connection, or in one question to the database."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tests.isolation.planting import RICH, Bug, patched
from todo_backend.database.better_auth import BetterAuthTables, StoredSession
from todo_backend.web.transport import HttpProtocol

Fields = list[tuple[bytes, bytes]]
_PROOFS: Final = (b"authorization", b"cookie")


def _proofs_of(cycle: RequestResponseCycle) -> Fields:
    return [field for field in cycle.scope["headers"] if field[0] in _PROOFS]


def _proven_by(cycle: RequestResponseCycle, proofs: Fields) -> None:
    others = [field for field in cycle.scope["headers"] if field[0] not in _PROOFS]
    cycle.scope["headers"] = others + proofs


def _first_of_the_connection(patch: pytest.MonkeyPatch) -> None:
    start = HttpProtocol._start_asgi_task  # noqa: SLF001 - where a bug would be
    first = dict[HttpProtocol, Fields]()

    def started(self: HttpProtocol, cycle: RequestResponseCycle, app: Any) -> None:
        _proven_by(cycle, first.setdefault(self, _proofs_of(cycle)))
        start(self, cycle, app)

    patch.setattr(HttpProtocol, "_start_asgi_task", started)


def _one_before(patch: pytest.MonkeyPatch) -> None:
    """Only what has come before its turn is taken for its neighbour's."""
    complete = HttpProtocol.on_response_complete
    start = HttpProtocol._start_asgi_task  # noqa: SLF001 - where a bug would be
    before = dict[HttpProtocol, Fields]()

    def completed(self: HttpProtocol) -> None:
        if self._held:
            before[self] = _proofs_of(self.cycle)
        complete(self)
        before.pop(self, None)

    def started(self: HttpProtocol, cycle: RequestResponseCycle, app: Any) -> None:
        if self in before:
            _proven_by(cycle, before[self])
        start(self, cycle, app)

    patch.setattr(HttpProtocol, "on_response_complete", completed)
    patch.setattr(HttpProtocol, "_start_asgi_task", started)


def _sessions_mixed_up(patch: pytest.MonkeyPatch) -> None:
    ask = BetterAuthTables.find_sessions

    async def mistaken(
        self: BetterAuthTables, tokens: Collection[str]
    ) -> Mapping[str, StoredSession]:
        found = await ask(self, tokens)
        return dict(zip(found, reversed(list(found.values())), strict=True))

    patch.setattr(BetterAuthTables, "find_sessions", mistaken)


BUGS: Final = (
    Bug(
        "connection-owner",
        "whoever sent the first request of a connection sends them all",
        patched(_first_of_the_connection),
    ),
    Bug(
        "pipelined-owner",
        "a request that comes before the answer to another is of the same user",
        patched(_one_before),
        RICH,
    ),
    Bug(
        "sessions-mixed",
        "sessions that are looked up together are taken for each other",
        patched(_sessions_mixed_up),
    ),
)
