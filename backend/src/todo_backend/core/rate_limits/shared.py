"""Counters in Redis or Valkey, which processes and machines share."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.errors import StorageError

from todo_backend.core.rate_limits.limits import Level, Limit, Quota, require_room, tightest

ANSWER_SECONDS: Final = 0.035
"""So long may the store take for all that a request asks it: what is slower is away."""
COMMAND_SECONDS: Final = 0.005
"""So long it may take for each command, if others before have taken all of that."""
GRACE_TURNS: Final = 10
"""So often the event loop goes round after that: it may be this process that had no time."""
PROBE_SECONDS: Final = 2.0
"""A new connection may take longer than that, with TLS and a name to look up."""
CONNECTIONS: Final = 4
WINDOWS: Final = 10_000
"""Of so many it is remembered when they end."""
PREFIX: Final = "todo-backend"
_PORT: Final = 6379
_DIGEST_BYTES: Final = 16
_Answer = TypeVar("_Answer")


class StoreAway(Exception):
    """The store can't be reached, is too slow, or refuses to count; its text is for the log."""


class SharedCounters:
    """The library's store at `url`; nothing is opened before the first use of it.

    A count goes up in one step of the store, so no two who count at the same time get the same.
    Who is counted stands there as a hash. `url` is as setting_types.py lets it through.
    """

    def __init__(self, url: str) -> None:
        # One client speaks with both, since they speak the same.
        plain = url.replace("valkey", "redis", 1)
        parts = urlsplit(plain)
        if parts.port is None:  # which the library wants to be told
            plain = parts._replace(netloc=f"{parts.netloc}:{_PORT}").geturl()
        self._storage = RedisStorage(
            f"async+{plain}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=PREFIX,
            socket_connect_timeout=PROBE_SECONDS,
            socket_timeout=PROBE_SECONDS,
        )
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self._is_away = False
        self._ends_at: OrderedDict[str, float] = OrderedDict()

    async def take(self, name: str, limits: Sequence[Limit], identity: str) -> Quota:
        """Count one; return what is left. Raises: RateLimited, StoreAway."""
        levels = await self._in_turn(partial(self._take, name, limits, identity))
        require_room([(limit, count - 1, seconds) for limit, count, seconds in levels])
        return tightest(levels)

    async def give_back(self, name: str, limits: Sequence[Limit], identity: str) -> Quota:
        """Count one less; return what is left. Raises: StoreAway."""
        return tightest(await self._in_turn(partial(self._give_back, name, limits, identity)))

    async def probe(self) -> None:
        """Open every connection and write on each. Raises: StoreAway."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._write()) for _ in range(CONNECTIONS)]
        for task in tasks:
            if (away := task.result()) is not None:
                raise away
        self._is_away = False

    async def close(self) -> None:
        bridge = self._storage.bridge
        assert isinstance(bridge, RedispyBridge)  # noqa: S101 - narrows the type for mypy
        await bridge.storage.aclose()

    async def _write(self) -> StoreAway | None:
        try:
            async with self._connections:
                await _answer(self._storage.incr("probe", 1), time.monotonic() + PROBE_SECONDS)
        except StoreAway as away:
            return away
        return None

    async def _in_turn(self, operation: Callable[[float], Awaitable[_Answer]]) -> _Answer:
        """Wait for a connection as long as it takes, unless the store turns out to be away."""
        async with self._connections:
            if self._is_away:
                raise StoreAway("no answer to those before")
            try:
                return await operation(time.monotonic() + ANSWER_SECONDS)
            except StoreAway:
                self._is_away = True
                raise

    async def _take(
        self, name: str, limits: Sequence[Limit], identity: str, deadline: float
    ) -> list[Level]:
        levels = [
            await self._count(_key(name, each, identity), each, 1, deadline) for each in limits
        ]
        if any(count > limit.amount for limit, count, _ in levels):
            # One that is refused is not counted, or a turn given back would be none.
            await self._give_back(name, limits, identity, deadline)
        return levels

    async def _give_back(
        self, name: str, limits: Sequence[Limit], identity: str, deadline: float
    ) -> list[Level]:
        return [
            await self._count(_key(name, each, identity), each, -1, deadline) for each in limits
        ]

    async def _count(self, key: str, limit: Limit, amount: int, deadline: float) -> Level:
        count = await _answer(self._storage.incr(key, limit.seconds, amount), deadline)
        now = time.monotonic()
        if count == amount == 1:
            self._remember(key, now + limit.seconds)
        elif self._ends_at.get(key, now) <= now:
            # The library adds the time of day to the seconds that the store says.
            seconds = await _answer(self._storage.get_expiry(key), deadline) - time.time()
            self._remember(key, now + seconds)
        return limit, count, self._ends_at[key] - now

    def _remember(self, key: str, ends_at: float) -> None:
        """Know when the window of `key` ends, which it costs as much to ask as to count."""
        self._ends_at[key] = ends_at
        if len(self._ends_at) > WINDOWS:
            self._ends_at.popitem(last=False)


def _key(name: str, limit: Limit, identity: str) -> str:
    octets = identity.encode("utf-8", "surrogatepass")
    digest = blake2b(octets, digest_size=_DIGEST_BYTES).hexdigest()
    return f"{name}/{limit.seconds}/{digest}"


async def _answer(command: Coroutine[Any, Any, _Answer], deadline: float) -> _Answer:
    """Return what the store answers. Raises: StoreAway."""
    asking = asyncio.create_task(command)
    try:
        seconds = max(deadline - time.monotonic(), COMMAND_SECONDS)
        for patience in (seconds, *[0] * GRACE_TURNS):
            done, _ = await asyncio.wait((asking,), timeout=patience)
            if done:
                return asking.result()
    except StorageError as error:
        raise StoreAway(type(error.storage_error).__name__) from None
    except OSError as error:
        raise StoreAway(type(error).__name__) from None
    finally:
        asking.cancel()
    raise StoreAway("TimeoutError")
