"""A key service, whoever keeps its keys, and the clock between them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from structlog.testing import capture_logs

from tests.support.clock import Clock
from tests.support.jwks_server import KeyService, key_service
from todo_backend.auth.jwks import PublishedKeys, Timing
from todo_backend.auth.jwks_endpoint import JwksEndpoint
from todo_backend.model.errors import KeysUnavailable, TokenInvalid

PATIENT: Final = Timing(wait=10)
"""Nobody gives up because the machine is busy."""
HASTY: Final = Timing(wait=0.05)
"""For tests in which a service lets one wait."""


@dataclass
class Stage:
    """A key service, the keys that are had from it, and the clock of whoever keeps them."""

    service: KeyService
    keys: PublishedKeys
    clock: Clock

    @property
    def fetches(self) -> int:
        return len(self.service.requests)

    async def outcome(self, kid: str | None) -> Any:
        """Say what became of the search for a key."""
        try:
            return (await self.keys.find(kid)).kid
        except (TokenInvalid, KeysUnavailable) as error:
            return type(error)

    async def settled(self) -> None:
        """Wait for the fetch in the background."""
        while self.under_way():
            await asyncio.wait(self.under_way())

    def under_way(self) -> list[asyncio.Task[Any]]:
        return [task for task in asyncio.all_tasks() if "PublishedKeys" in repr(task.get_coro())]


@asynccontextmanager
async def stage(
    *published: Any, timing: Timing = PATIENT, fetch_seconds: float = 5.0
) -> AsyncIterator[Stage]:
    async with key_service(*(each.published for each in published)) as service:
        clock = Clock()
        endpoint = JwksEndpoint(service.url, fetch_seconds=fetch_seconds)
        keys = PublishedKeys(endpoint, timing=timing, clock=clock)
        try:
            yield Stage(service, keys, clock)
        finally:
            await keys.close()


@contextmanager
def errors_logged() -> Iterator[list[str]]:
    events: list[str] = []
    with capture_logs() as lines:
        yield events
    events += [line["event"] for line in lines if line["log_level"] == "error"]
