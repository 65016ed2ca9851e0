"""Passwords: which are refused, how they are hashed, and how much of it at once."""

import asyncio
import re
import threading
from collections.abc import Iterator
from importlib.metadata import requires
from typing import Literal

import pytest
from argon2 import PasswordHasher
from structlog.testing import capture_logs

from tests.support.accounts import CHEAP
from todo_backend.auth import passwords
from todo_backend.auth.passwords import Passwords, weakness
from todo_backend.model.errors import Overloaded

LENGTH = "must be between 8 and 1024 characters"
COMMON = "must not be one of the most common passwords"
# What can be done within the patience, as long as nothing has been measured.
LINE = 80
STORABLE = "must not contain the character U+0000 or half of a surrogate pair"


class Gated(PasswordHasher):
    """A hasher that waits for `gate`, so that a test can fill the line behind it."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Event()
        self.calls = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.calls += 1
        assert self.gate.wait(timeout=30)
        return super().hash(password, salt=salt)


@pytest.fixture
def gated() -> Iterator[Gated]:
    hasher = Gated()
    yield hasher
    hasher.gate.set()


# Which are refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "constraint"),
    [
        pytest.param("😀" * 3 + "abcd", LENGTH, id="AU-10"),
        pytest.param("😀🐟🌧️🎈🍞🧦🪁", None, id="AU-11"),
        pytest.param("x" * 512 + "y" * 512, None, id="longest"),
        pytest.param("x" * 512 + "y" * 513, LENGTH, id="too-long"),
        pytest.param("x" * 10_000, LENGTH, id="AU-15"),
        pytest.param(
            "one sentence of sixty-four characters, with blanks between words", None, id="AU-13"
        ),
        pytest.param("password1", COMMON, id="AU-12"),
        pytest.param("PassWord1", COMMON, id="AU-12-case"),
        pytest.param("12345678", COMMON, id="AU-12-digits"),
        pytest.param("iloveyou", COMMON, id="AU-12-letters"),
        pytest.param(" " * 8, COMMON, id="AU-12-blanks"),
        pytest.param("ä" * 300, COMMON, id="one-character"),
        pytest.param("12341234", COMMON, id="block"),
        pytest.param("121212121", COMMON, id="block-cut-off"),
        pytest.param("987654321", COMMON, id="downwards"),
        pytest.param("abcdefgh", COMMON, id="upwards"),
        pytest.param(" password1 ", None, id="not-trimmed"),
        pytest.param("aaaaaaab", None, id="no-block"),
        pytest.param("acegikmo", None, id="steps-of-two"),
        pytest.param("abcdefgh\0x", STORABLE, id="AU-17"),
        pytest.param("abcdefgh\ud800x", STORABLE, id="AU-18"),
    ],
)
def test_a_password_has_a_weakness_or_none(password: str, constraint: str | None) -> None:
    """The length counts characters and not bytes; nothing else is wanted of what they are."""
    assert weakness(password) == constraint


def test_some_thousands_are_common() -> None:
    """The list is the library's, and only what is long enough to be a password is kept of it."""
    assert len(passwords._common()) > 5_000  # noqa: SLF001 - what the library ships is no interface of ours
    assert min(map(len, passwords._common())) == 8  # noqa: SLF001 - as above


# Hashing --------------------------------------------------------------------------------


async def test_the_hash_is_argon2id_of_what_owasp_asks_or_more() -> None:
    """19 MiB, and three passes instead of two."""
    stored = await Passwords().hash("correct horse")

    assert stored.startswith("$argon2id$v=19$m=19456,t=3,p=1$")
    assert "correct" not in stored


async def test_au_58_passwords_are_hashed_by_argon2_and_no_other_library() -> None:
    """The others refuse or forget what is longer than 72 bytes, or can't be used any more."""
    wanted = {re.split(r"[^\w-]", each)[0] for each in requires("todo-backend") or []}
    hashing = Passwords(hasher=CHEAP)

    stored = await hashing.hash("x" * 73)

    assert "argon2-cffi" in wanted
    assert wanted.isdisjoint({"bcrypt", "passlib", "pwdlib"})
    assert await hashing.verify("x" * 73, stored, user_id=None)


@pytest.mark.parametrize(
    ("chosen", "tried"),
    [
        pytest.param("x" * 72 + "a", "x" * 72 + "b", id="AU-14"),
        pytest.param("x" * 1024, "x" * 1023, id="longest"),
        pytest.param("caf\u00e9 au lait", "cafe\u0301 au lait", id="AU-19"),
        pytest.param("abcdefgh", "abcdefgh ", id="blank"),
        pytest.param("abcdefgh", "ABCDEFGH", id="case"),
        pytest.param("abcdefgh", "abcdefgh\0", id="AU-17"),
        pytest.param("abcdefgh", "abcdefgh\ud800", id="AU-18"),
        pytest.param("abcdefgh", "", id="empty"),
    ],
)
async def test_only_the_very_characters_are_the_password(chosen: str, tried: str) -> None:
    """Nothing is cut off, trimmed or normalised; and any text can be tried."""
    hashing = Passwords(hasher=CHEAP)
    stored = await hashing.hash(chosen)

    assert await hashing.verify(chosen, stored, user_id=None)
    assert not await hashing.verify(tried, stored, user_id=None)


async def test_au_22_nobodys_password_is_verified_at_the_same_cost() -> None:
    """An unknown address takes one verification too, of a hash with the same parameters."""
    verified: list[str] = []

    class Noting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name
            verified.append(str(hash))
            return super().verify(hash, password)

    hashing = Passwords(hasher=Noting(time_cost=2, memory_cost=64, parallelism=1))
    stored = await hashing.hash("correct horse")

    assert not await hashing.verify("correct horse", None, user_id=None)
    assert not await hashing.verify("wrong horse", stored, user_id=None)
    costs = {each.rpartition("$")[0].rpartition("$")[0] for each in verified}
    assert len(verified) == 2
    assert costs == {"$argon2id$v=19$m=64,t=2,p=1"}
    assert {len(each) for each in verified} == {len(stored)}


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "garbage",
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1$AAAA",
        "$argon2id$v=19$m=8,t=1,p=1$????$????",
        "$2b$12$abcdefghijklmnopqrstuuAbCdEfGhIjKlMnOpQrStUvWxYz01234",
        "schl\u00fcssel",
    ],
)
async def test_au_55_a_hash_that_nobody_can_read_is_a_wrong_password(stored: str) -> None:
    """A line in the log that names the user, and neither the hash nor the password."""
    with capture_logs() as lines:
        is_right = await Passwords(hasher=CHEAP).verify("correct horse", stored, user_id="u-1")

    assert not is_right
    assert [(line["log_level"], line["user_id"]) for line in lines] == [("error", "u-1")]
    assert "horse" not in str(lines)
    assert not stored or stored not in str(lines)


async def test_au_55_a_hash_of_other_parameters_is_outdated() -> None:
    """It is still good, and known to be due for another."""
    old, new = Passwords(hasher=CHEAP), Passwords()
    stored = await old.hash("correct horse")

    assert await new.verify("correct horse", stored, user_id=None)
    assert (new.is_outdated(stored), old.is_outdated(stored)) == (True, False)


# Much of it at once ---------------------------------------------------------------------


async def test_the_event_loop_goes_on_meanwhile(gated: Gated) -> None:
    """Hashing waits in a thread of its own, however long it takes."""
    hashing = Passwords(threads=1, hasher=gated)
    running = asyncio.create_task(hashing.hash("correct horse"))

    await asyncio.sleep(0)
    assert not running.done()
    gated.gate.set()
    assert (await running).startswith("$argon2id$")


async def test_a_long_line_is_refused(gated: Gated) -> None:
    """More than anybody should wait for isn't begun, and what was begun is finished."""
    hashing = Passwords(threads=1, hasher=gated)
    running = [asyncio.create_task(hashing.hash("correct horse")) for _ in range(100)]

    refused, waiting = await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
    admitted = len(waiting)
    gated.gate.set()
    done = await asyncio.gather(*running, return_exceptions=True)

    assert all(isinstance(task.exception(), Overloaded) for task in refused)
    assert admitted == LINE
    assert sum(isinstance(each, str) for each in done) == gated.calls == admitted
    assert await hashing.hash("correct horse")


async def test_one_is_always_admitted(gated: Gated) -> None:
    """Even where a single hash takes longer than anybody should wait."""
    hashing = Passwords(threads=1, hasher=gated)
    hashing._seconds_each = 60.0  # noqa: SLF001 - what a very slow machine has measured
    gated.gate.set()

    assert await hashing.hash("correct horse")


async def test_who_gives_up_is_still_counted(gated: Gated) -> None:
    """A thread can't be stopped: until it is done, its work keeps its place in the line."""
    hashing = Passwords(threads=1, hasher=gated)
    given_up = [asyncio.create_task(hashing.hash("correct horse")) for _ in range(LINE)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    await asyncio.wait(given_up)

    async with asyncio.timeout(1):
        with pytest.raises(Overloaded):
            await hashing.hash("correct horse")
