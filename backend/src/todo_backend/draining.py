"""The time between the signal and the end, in which whoever sends requests learns to go elsewhere.

Until a load balancer has noticed, it sends what it likes: to a listener that has closed, or over a
connection that is about to be. So everything is served for a while, each answer is the last one of
its connection, and `/health` says that this server is about to go.
"""

import asyncio
import socket
from contextlib import suppress
from ctypes import c_bool
from functools import partial
from multiprocessing.sharedctypes import RawValue
from typing import Final

import uvicorn

from todo_backend.web.transport import HttpProtocol

# For the first request of who has connected in the last moment, and for those on their way.
LINGER_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.02


class Draining:
    """Whether this server is about to go, as all of its `processes` see it."""

    def __init__(self, seconds: float, *, processes: int) -> None:
        self.seconds = seconds
        # Without a lock, which a worker that is killed could take with it.
        self._flag = c_bool(False) if processes == 1 else RawValue(c_bool, False)  # noqa: FBT003 - ctypes' signature

    def begin(self) -> None:
        self._flag.value = True

    def is_on(self) -> bool:
        return self._flag.value


class DrainedServer(uvicorn.Server):
    """Loses nobody at its end: neither who has just connected, nor who is about to ask again."""

    def __init__(self, config: uvicorn.Config, draining: Draining) -> None:
        super().__init__(config)
        self.draining = draining

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.draining.is_on():
            await self._close_the_door(sockets or [])
        await super().shutdown(sockets)

    async def _close_the_door(self, listeners: list[socket.socket]) -> None:
        """Stop listening, and see to those who are in."""
        # The kernel resets who is still in a listener's queue when it closes.
        waiting = [each for listener in listeners for each in _waiting(listener)]
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        loop = asyncio.get_running_loop()
        protocol = partial(
            HttpProtocol,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        for each in waiting:
            with suppress(OSError):  # who has gone again
                await loop.connect_accepted_socket(protocol, each)
        deadline = loop.time() + LINGER_SECONDS
        while not self.force_exit and loop.time() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            if not self.server_state.connections:
                break

    async def _wait_tasks_to_complete(self) -> None:
        try:
            await super()._wait_tasks_to_complete()
        finally:
            # Whoever is left is cut short. uvicorn would answer 500, as if that were a mistake.
            for each in list(self.server_state.connections):
                if isinstance(each, HttpProtocol):
                    each.drop()


def _waiting(listener: socket.socket) -> list[socket.socket]:
    """Take whoever is in the queue of a listener."""
    listener.setblocking(False)  # noqa: FBT003 - the socket's signature
    found = []
    with suppress(OSError):
        while True:
            accepted, _ = listener.accept()
            accepted.setblocking(False)  # noqa: FBT003 - as above
            found.append(accepted)
    return found
