"""What is remembered of the tokens that were good, and for how long."""

from dataclasses import dataclass, field

import pytest

from tests.support import tokens
from tests.support.clock import Clock
from todo_backend.auth.bearer import Authenticator
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.auth.kinds import TokenKinds
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.model.errors import SignatureInvalid, TokenExpired, TokenInvalid
from todo_backend.model.principal import Principal

SECRET = "Test-Secret-Of-Some-Length-0123456789-äöü"
NOW = 1_800_000_000
KEY = SharedSecret(SECRET, rules=ClaimRules())


@dataclass
class Counted:
    """The real key, and how often it was asked."""

    asked: list[str] = field(default_factory=list)
    of: int = 0

    async def verify(self, token: str, *, now: float) -> Verified:
        self.asked.append(token)
        return KEY.verify(token, now=now)

    def generation(self) -> int:
        return self.of


async def test_good_token_is_verified_once() -> None:
    """The second look-up gives the same principal and asks nobody."""
    verifier = Counted()
    authenticator = Authenticator(verifier, clock=Clock(NOW))
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)

    first, second = await authenticator.authenticate(token), await authenticator.authenticate(token)

    assert first is second
    assert verifier.asked == [token]


async def test_is_21_remembered_token_dies_with_its_expiry() -> None:
    """A token that was good a moment ago expires at `exp` plus leeway, to the second."""
    clock = Clock(NOW)
    authenticator = Authenticator(TokenKinds(KEY), clock=clock)
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)
    await authenticator.authenticate(token)

    clock.now = NOW + 904.9
    assert (await authenticator.authenticate(token)).user_id == "alice"
    clock.now = NOW + 905
    with pytest.raises(TokenExpired):
        await authenticator.authenticate(token)


async def test_refusal_is_not_remembered() -> None:
    """A token that came too early is good when its time has come."""
    clock = Clock(NOW - 60)
    authenticator = Authenticator(TokenKinds(KEY), clock=clock)
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)
    with pytest.raises(TokenInvalid):
        await authenticator.authenticate(token)

    clock.now = NOW

    assert (await authenticator.authenticate(token)).user_id == "alice"


async def test_is_21_another_signature_is_another_token() -> None:
    """A remembered token vouches for no other with the same claims."""
    authenticator = Authenticator(TokenKinds(KEY), clock=Clock(NOW))
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)
    await authenticator.authenticate(token)
    forged = tokens.build({"mangle": ["zerosig"]}, secret=SECRET, alice="a", bob="b", now=NOW).token

    with pytest.raises(SignatureInvalid):
        await authenticator.authenticate(token.rpartition(".")[0] + "." + forged.rpartition(".")[2])


async def test_is_21_memory_is_bounded() -> None:
    """The oldest entry makes room for the newest."""
    verifier = Counted()
    authenticator = Authenticator(verifier, clock=Clock(NOW), max_entries=2)
    first, second, third = (
        KEY.issue(user, now=NOW, lifetime_seconds=900) for user in ("alice", "bob", "carol")
    )

    for token in (first, second, third, second, third, first):
        await authenticator.authenticate(token)

    assert verifier.asked == [first, second, third, first]


@pytest.mark.parametrize(("length", "asked"), [(2048, 1), (2052, 2)])
async def test_long_token_is_not_remembered(length: int, asked: int) -> None:
    """The memory is bounded in bytes too: a token over 2 KiB is verified each time."""
    verifier = Counted()
    authenticator = Authenticator(verifier, clock=Clock(NOW))
    token = _token_of_length(length)

    principals = [await authenticator.authenticate(token) for _ in range(2)]

    assert principals == [Principal("alice")] * 2
    assert len(verifier.asked) == asked


async def test_is_21_everything_is_forgotten_with_a_key() -> None:
    """What a key has vouched for is verified again when keys go."""
    verifier = Counted()
    authenticator = Authenticator(verifier, clock=Clock(NOW))
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)
    await authenticator.authenticate(token)

    verifier.of = 1
    await authenticator.authenticate(token)
    await authenticator.authenticate(token)

    assert verifier.asked == [token, token]


async def test_a_key_that_goes_meanwhile_vouches_once() -> None:
    """The answer stands for the request that waited for it, and for no later one."""

    class Leaving(Counted):
        async def verify(self, token: str, *, now: float) -> Verified:
            self.of = 1
            return await super().verify(token, now=now)

    verifier = Leaving()
    authenticator = Authenticator(verifier, clock=Clock(NOW))
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)

    for _ in range(3):
        await authenticator.authenticate(token)

    assert verifier.asked == [token, token]


def _token_of_length(length: int) -> str:
    members: dict[str, object] = {"sub": "alice", "exp": NOW + 900, "pad": ""}
    for size in range(length):
        token = tokens.signed(members | {"pad": "x" * size}, secret=SECRET)
        if len(token) >= length:
            return token
    raise AssertionError
