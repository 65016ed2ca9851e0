"""Passwords: which are refused, and how they are hashed without holding anybody up.

A password is the exact characters that were typed, in UTF-8: nothing is trimmed, normalised or cut
off (OWASP ASVS 5, 6.2.8).
"""

import asyncio
import base64
import os
import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Final, TypeVar

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, VerifyMismatchError

from todo_backend.model.errors import Overloaded
from todo_backend.model.text import is_storable

LENGTH_MIN: Final = 8
LENGTH_MAX: Final = 1024
# OWASP's memory, and one pass more than its two: 30 ms on the slow core that it was measured on,
# where two passes are 18 ms and 32 MiB are 50 ms.
MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 3
LANES: Final = 1
# Fifty people who sign up at once on two cores are served; more are asked to come back.
PATIENCE_SECONDS: Final = 4.0
_FIRST_GUESS_SECONDS: Final = 0.05
_WEIGHT_OF_NEWEST: Final = 0.1
# Of what is left out of the list because a rule says it: 11111111, 12341234, 123123123.
_BLOCK_MAX: Final = 4

_log: Final = structlog.get_logger("todo_backend.passwords")
_Result = TypeVar("_Result")


def weakness(password: str) -> str | None:
    """Say which constraint the password breaks; None for one that is good.

    The first call reads the list of common passwords, which takes 50 ms and 15 MB.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        return f"must be between {LENGTH_MIN} and {LENGTH_MAX} characters"
    if not is_storable(password):
        return "must not contain the character U+0000 or half of a surrogate pair"
    if _is_pattern(password) or password.lower() in _common():
        return "must not be one of the most common passwords"
    return None


def _is_pattern(password: str) -> bool:
    """Whether it is a few characters over and over, or characters in a row: up, down or the same.

    The list of common passwords leaves such out.
    """
    if any(password[size:] == password[:-size] for size in range(1, _BLOCK_MAX + 1)):
        return True
    points = [ord(character) for character in password]
    steps = {after - before for before, after in pairwise(points)}
    return len(steps) == 1 and steps <= {1, -1}


@cache
def _common() -> frozenset[str]:
    # Imported here: a process that signs nobody up does without its 15 MB.
    from zxcvbn.frequency_lists import (  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no types; as above
        FREQUENCY_LISTS,
    )

    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= LENGTH_MIN)


class Passwords:
    """Hashes and verifies by Argon2id, in threads of its own, so the event loop goes on.

    It uses fewer threads than there are cores, or the one it has. Everything raises Overloaded
    when the work that waits already would take more than PATIENCE_SECONDS. It belongs to one event
    loop.
    """

    __slots__ = ("_absent", "_executor", "_hasher", "_seconds_each", "_threads", "_waiting")

    def __init__(self, *, threads: int | None = None, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES
        )
        self._threads = threads or max(1, _cores() - 1)
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="passwords")
        self._absent = _hash_of_nothing(self._hasher)
        self._seconds_each = _FIRST_GUESS_SECONDS
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the hash of a password that has no `weakness`."""
        return await self._run(lambda: self._hasher.hash(_octets(password)))

    async def verify(self, password: str, stored: str | None, *, user_id: str | None) -> bool:
        """Whether the password is the one that `stored` is the hash of.

        Takes no less time for None, which is the hash of no password, and for a hash that nobody
        can read, which is none either. `user_id` is for the log.
        """
        if stored is None:
            stored = self._absent
        return await self._run(lambda: self._verified(password, stored, user_id))

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash that has been verified is of other parameters than new ones are."""
        return self._hasher.check_needs_rehash(stored)

    def _verified(self, password: str, stored: str, user_id: str | None) -> bool:
        try:
            return self._hasher.verify(stored, _octets(password))
        except VerifyMismatchError:
            return False
        except (Argon2Error, ValueError) as error:
            # Without its text, which may quote the hash.
            _log.error(
                "a stored password hash can't be read", user_id=user_id, error=type(error).__name__
            )
        return self._verified(password, self._absent, user_id)

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        if self._waiting and self._seconds_to_wait() > PATIENCE_SECONDS:
            raise Overloaded
        self._waiting += 1
        running = asyncio.get_running_loop().run_in_executor(self._executor, _timed, work)
        running.add_done_callback(self._finished)
        # Whoever gives up waiting doesn't stop the thread, which has to stay counted.
        result, _ = await asyncio.shield(running)
        return result

    def _seconds_to_wait(self) -> float:
        return (self._waiting + 1) * self._seconds_each / self._threads

    def _finished(self, running: asyncio.Future[tuple[_Result, float]]) -> None:
        self._waiting -= 1
        if not running.cancelled() and running.exception() is None:
            _, seconds = running.result()
            self._seconds_each += _WEIGHT_OF_NEWEST * (seconds - self._seconds_each)


def _cores() -> int:
    """Count the cores that this process may use, which in a container are fewer than there are."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _octets(password: str) -> bytes:
    # A password to be verified can be any text, and half of a surrogate pair is simply wrong.
    return password.encode("utf-8", "surrogatepass")


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Spell a hash of the usual parameters that no password is known to have."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"
