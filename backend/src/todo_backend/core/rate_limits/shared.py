"""Counters in Redis or Valkey, which processes and machines share."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b
from importlib import resources
from typing import Final
from urllib.parse import urlsplit

from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge

from todo_backend.core.rate_limits.haste import Haste, has_ended
from todo_backend.core.rate_limits.limits import AMOUNT_MAX, Level, Limit

OPENING_SECONDS: Final = 2.0
"""A new connection may take longer than any answer, with TLS and a name to look up."""
CONNECTIONS: Final = 4
"""So many for the hurried, who must not wait behind the patient, and so many for these."""
# What is late keeps its connection until its answer comes; more than this are not opened for that.
_CONNECTIONS_MAX: Final = 24
PREFIX: Final = "todo-backend"
_PORT: Final = 6379
_DIGEST_BYTES: Final = 16
_PROBE: Final = Limit(AMOUNT_MAX, 1)


class StoreAway(Exception):
    """The store can't be reached, or refuses to count; its text is for the log."""


class StoreLate(StoreAway):
    """It has not answered so far. `asked` goes on: it may still count."""

    def __init__(self, asked: "asyncio.Task[Counted]") -> None:
        super().__init__("TimeoutError")
        self.asked = asked


class Pace(Enum):
    """Whom the store answers in time."""

    QUICK = auto()
    SLOW = auto()
    """Nobody but the patient."""
    SILENT = auto()


@dataclass(frozen=True, slots=True)
class Counted:
    """What the store says. `is_full`: there was no room, so nothing has been counted."""

    is_full: bool
    levels: list[Level]


class SharedCounters:
    """The store at `url`; nothing is opened before `measure`.

    What is counted goes up in one step of the store, in all its windows or in none, so no two who
    count at the same time get the same. Who is counted stands there as a hash. `url` is as
    setting_types.py lets it through. `pace` and `is_in_doubt` are what its watch knows of it.
    """

    def __init__(self, url: str) -> None:
        # One client speaks with both, since they speak the same.
        plain = url.replace("valkey", "redis", 1)
        parts = urlsplit(plain)
        if parts.port is None:  # which the library wants to be told
            plain = parts._replace(netloc=f"{parts.netloc}:{_PORT}").geturl()
        storage = RedisStorage(
            f"async+{plain}",
            implementation="redispy",
            socket_connect_timeout=OPENING_SECONDS,
            socket_timeout=OPENING_SECONDS,
            max_connections=_CONNECTIONS_MAX,
        )
        bridge = storage.bridge
        assert isinstance(bridge, RedispyBridge)  # noqa: S101 - narrows the type for mypy
        self._client = bridge.storage
        self._errors: tuple[type[Exception], ...] = (bridge.dependency.RedisError, OSError)
        # The library's own counts in one window, and asks for its end in a second command.
        script = resources.files(__package__).joinpath("count.lua").read_text(encoding="utf-8")
        self._script = self._client.register_script(script)
        self._connections = {haste: asyncio.Semaphore(CONNECTIONS) for haste in Haste}
        self._asked: set[asyncio.Task[Counted]] = set()
        self.pace = Pace.SILENT
        self.is_in_doubt = False

    def answers(self, haste: Haste) -> bool:
        """Whether it is worth asking: the hurried don't wait while somebody finds out."""
        if haste is Haste.PATIENT:
            return self.pace is not Pace.SILENT
        return self.pace is Pace.QUICK and not self.is_in_doubt

    async def take(
        self, name: str, limits: Sequence[Limit], identity: str, haste: Haste
    ) -> Counted | None:
        """Count one; None if it is not worth asking any more. Raises: StoreAway."""
        return await self._in_turn(_keys(name, limits, identity), limits, 1, haste)

    async def give_back(
        self, name: str, limits: Sequence[Limit], identity: str, haste: Haste
    ) -> Counted | None:
        """Count one less, where there is one; None as above. Raises: StoreAway."""
        return await self._in_turn(_keys(name, limits, identity), limits, -1, haste)

    async def measure(self) -> Pace:
        """Find out its pace by counting something. Raises: StoreAway if it is silent.

        A store that was silent gets all its connections first, so no request has to open one.
        """
        if self.pace is Pace.SILENT:
            opening = [self._probe() for _ in range(CONNECTIONS * len(Haste))]
            for each in opening:
                await self._answer(each, OPENING_SECONDS)
        await self._answer(self._probe(), Haste.PATIENT.value)
        asked = self._probe()
        if await has_ended(asked, Haste.HURRIED.value):
            self._outcome(asked)
            return Pace.QUICK
        await self._answer(asked, Haste.PATIENT.value)
        return Pace.SLOW

    def give_up(self) -> None:
        """Let nobody wait any longer."""
        for each in self._asked:
            each.cancel()

    async def close(self) -> None:
        self.give_up()
        if self._asked:
            await asyncio.wait(self._asked)
        await self._client.aclose()

    async def _in_turn(
        self, keys: Sequence[str], limits: Sequence[Limit], step: int, haste: Haste
    ) -> Counted | None:
        """Wait for a connection as long as it takes, while it answers, and then for the answer."""
        async with self._connections[haste]:
            if not self.answers(haste):
                return None
            return await self._answer(self._ask(keys, limits, step), haste.value)

    async def _answer(self, asked: "asyncio.Task[Counted]", seconds: float) -> Counted:
        if not await has_ended(asked, seconds):
            raise StoreLate(asked)
        return self._outcome(asked)

    def _outcome(self, asked: "asyncio.Task[Counted]") -> Counted:
        if asked.cancelled():
            raise StoreAway("given up")
        try:
            return asked.result()
        except self._errors as error:
            raise StoreAway(type(error).__name__) from None

    def _probe(self) -> "asyncio.Task[Counted]":
        return self._ask((f"{PREFIX}:probe",), (_PROBE,), 1)

    def _ask(
        self, keys: Sequence[str], limits: Sequence[Limit], step: int
    ) -> "asyncio.Task[Counted]":
        # It outlives who asks: a connection that is left in mid answer would have to be closed.
        asked = asyncio.create_task(self._count(keys, limits, step))
        self._asked.add(asked)
        asked.add_done_callback(self._ended)
        return asked

    def _ended(self, asked: "asyncio.Task[Counted]") -> None:
        self._asked.discard(asked)
        # Whoever has not waited for it doesn't want to hear how it ended; asyncio would tell.
        if not asked.cancelled():
            asked.exception()

    async def _count(self, keys: Sequence[str], limits: Sequence[Limit], step: int) -> Counted:
        numbers = [number for limit in limits for number in (limit.amount, limit.seconds)]
        is_full, *found = await self._script(keys, (step, *numbers))
        levels = [
            (limit, count, left / 1000 if left > 0 else limit.seconds)
            for limit, count, left in zip(limits, found[::2], found[1::2], strict=True)
        ]
        return Counted(bool(is_full), levels)


def _keys(name: str, limits: Sequence[Limit], identity: str) -> list[str]:
    octets = identity.encode("utf-8", "surrogatepass")
    digest = blake2b(octets, digest_size=_DIGEST_BYTES).hexdigest()
    return [f"{PREFIX}:{name}/{limit.seconds}/{digest}" for limit in limits]
