"""The keys that an issuer publishes: fetched when they are needed, and kept through its outages."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from todo_backend.auth.jwks_endpoint import FetchFailed, JwksEndpoint
from todo_backend.auth.public_keys import KeySet, PublicKey
from todo_backend.model.errors import KeysUnavailable, TokenInvalid

_log: Final = structlog.get_logger("todo_backend.auth.jwks")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take and last, in seconds.

    `wait`: a request for a key it lacks. `fresh`: a set, before its use has it fetched again in the
    background. `overdue`: since the last fetch ended, well or not, before a request waits for the
    next one; more than `fresh`, so that only those wait who come after a pause. `kept`: a set while
    no newer one can be had. `unknown_kid`: between fetches that unknown keys cause in vain.
    `retry_longest`: between attempts during an outage; the first comes after one second.
    """

    wait: float = 1.5
    fresh: float = 5 * 60
    overdue: float = 10 * 60
    kept: float = 24 * 60 * 60
    unknown_kid: float = 30
    retry_longest: float = 30


class PublishedKeys:
    """The key set of one endpoint; it belongs to one event loop.

    At most one fetch is under way, whatever the load, and the first one waits for the first token.
    A key that has left the set is unknown from the next successful fetch on, and whoever comes late
    waits for that one, unless it is slow. `clock` counts seconds and is never set back.
    """

    def __init__(
        self,
        endpoint: JwksEndpoint,
        *,
        timing: Timing = Timing(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._timing = timing
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._heard_at = -math.inf  # when a fetch ended last, well or not
        self._generation = 0
        self._flight: asyncio.Task[None] | None = None
        self._asked_at = -math.inf  # when a fetch was last sent for a key that nobody knows
        self._failures = 0
        self._trouble: str | None = None
        self._retry_at = -math.inf

    @property
    def trouble(self) -> str | None:
        """Why the last fetch failed; None when it didn't, or there was none yet."""
        return self._trouble

    def generation(self) -> int:
        """Return a number that changes when a key is no longer good, or nobody can say if it is.

        Whoever remembers what a key has verified forgets it then. Asking counts as use: the set is
        fetched again in the background when it is time.
        """
        self._look_after()
        return self._generation

    def is_well(self) -> bool:
        """Say whether there is no trouble.

        Asking counts as use here too, and goes further: it sends for the first set, and during an
        outage for the next one when it is time, so that both its start and its end are noticed
        without a token.
        """
        has_set = self._keys is not None and not self._failures
        if has_set:
            self._look_after()
        elif self._flight is None and self._clock() >= self._retry_at:
            self._send()
        return self._trouble is None

    async def find(self, kid: str | None) -> PublicKey:
        """Return the key that a token names, or means by naming none.

        Raises: TokenInvalid where the issuer has no such key; KeysUnavailable after
        `timing.wait` at the latest, where nobody can tell.
        """
        deadline = asyncio.get_running_loop().time() + self._timing.wait
        has_sent = self._look_after()
        key = self._known(kid)
        was_known = key is not None
        is_current = was_known and not self._is_overdue()
        if has_sent and not is_current:
            self._asked_at = self._clock()  # that fetch is as good as one on account of this key
        while not is_current and await self._has_news(deadline):
            key = self._known(kid)
            is_current = key is not None
            if is_current and not was_known:
                self._asked_at = -math.inf  # so the key was new, and the next one may be too
        if key is None:
            raise self._refusal()
        return key

    async def close(self) -> None:
        """Give up what is under way, and fetch nothing any more."""
        self._failures, self._trouble, self._retry_at = 1, "the server stops", math.inf
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])
        await self._endpoint.close()

    def _known(self, kid: str | None) -> PublicKey | None:
        return self._keys.find(kid) if self._keys is not None else None

    def _is_overdue(self) -> bool:
        return self._clock() - self._heard_at >= self._timing.overdue

    def _look_after(self) -> bool:
        """Drop a set that is too old, and send for a newer one in time; say whether it did."""
        if self._keys is None:
            return False
        now = self._clock()
        age = now - self._fetched_at
        if age >= self._timing.kept:
            self._give_up()
            return False
        if age < self._timing.fresh or self._flight is not None or now < self._retry_at:
            return False
        if self._is_overdue():
            # What is remembered would be good without waiting for this fetch, which `find` does.
            self._generation += 1
        self._send()
        return True

    def _give_up(self) -> None:
        self._keys = None
        self._generation += 1
        if self._failures:
            _log.error("the keys are too old to be used", address=self._endpoint.address)

    async def _has_news(self, deadline: float) -> bool:
        """Wait for the fetch under way, else for one on account of an unknown key, if it may be."""
        flight = self._flight or self._sent_for_unknown()
        if flight is None:
            return False
        remaining = deadline - asyncio.get_running_loop().time()
        await asyncio.wait([flight], timeout=max(remaining, 0))
        if flight.done() and not flight.cancelled():
            flight.result()  # a defect of ours is the request's too
            return True
        return False

    def _sent_for_unknown(self) -> asyncio.Task[None] | None:
        now = self._clock()
        is_due = now >= self._retry_at
        if self._keys is not None and not self._failures:
            is_due = now - self._asked_at >= self._timing.unknown_kid
        if not is_due:
            return None
        self._asked_at = now
        return self._send()

    def _send(self) -> asyncio.Task[None]:
        # Should it end by a defect of ours, not every request is to meet that again.
        self._retry_at = self._clock() + 1
        self._flight = asyncio.create_task(self._refresh())
        return self._flight

    def _refusal(self) -> TokenInvalid | KeysUnavailable:
        if self._failures:
            pause = min(self._retry_at - self._clock(), self._timing.retry_longest)
            return KeysUnavailable(
                f"key service: {self._trouble}", retry_after_seconds=max(1, math.ceil(pause))
            )
        if self._flight is not None or self._keys is None:
            return KeysUnavailable("key service: slow to answer")
        return TokenInvalid("no key of the issuer's has this kid, is the issuer another one?")

    async def _refresh(self) -> None:
        try:
            keys = await self._endpoint.fetch()
        except FetchFailed as error:
            self._note_failure(str(error))
        else:
            self._take(keys)
        finally:
            self._flight = None

    def _note_failure(self, reason: str) -> None:
        self._heard_at = self._clock()
        self._failures += 1
        pause = min(2.0 ** (self._failures - 1), self._timing.retry_longest)
        self._retry_at = self._heard_at + pause
        if self._trouble is None:
            _log.error("no keys from the key service", address=self._endpoint.address, why=reason)
        self._trouble = reason

    def _take(self, keys: KeySet) -> None:
        if self._trouble is not None:
            _log.info("keys from the key service again", address=self._endpoint.address)
        before = self._keys or KeySet(())
        if any(key not in keys.keys for key in before.keys):
            self._generation += 1
        if not keys.keys or keys.ignored != before.ignored:
            write = _log.info if keys.keys else _log.error
            write(
                "keys that are not used",
                address=self._endpoint.address,
                used=len(keys.keys),
                why="; ".join(keys.ignored) or "there are none",
            )
        self._keys = keys
        self._fetched_at = self._heard_at = self._clock()
        self._failures, self._trouble, self._retry_at = 0, None, -math.inf
