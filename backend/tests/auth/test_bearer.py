"""From the header to the principal: what is accepted, refused, and remembered."""

from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support import tokens
from todo_backend.auth import bearer
from todo_backend.auth.bearer import Authenticator
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.model.errors import (
    CredentialMissing,
    SignatureInvalid,
    TokenExpired,
    TokenInvalid,
    Unauthenticated,
)
from todo_backend.model.principal import Principal

SECRET = "Test-Secret-Of-Some-Length-0123456789-äöü"
NOW = 1_800_000_000
RULES = ClaimRules(issuer=tokens.ISSUER, audience=tokens.ISSUER)
KEY = SharedSecret(SECRET, rules=RULES)
CODES: dict[str, type[Unauthenticated]] = {
    "AUTH_MISSING_HEADER": CredentialMissing,
    "AUTH_INVALID_TOKEN": TokenInvalid,
    "AUTH_EXPIRED_TOKEN": TokenExpired,
    "AUTH_INVALID_CREDENTIALS": SignatureInvalid,
}


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Counted:
    """The real key, and how often it was asked."""

    asked: list[str] = field(default_factory=list)

    def verify(self, token: str, *, now: float) -> Verified:
        self.asked.append(token)
        return KEY.verify(token, now=now)


def send(row: tokens.Row) -> Principal:
    sent = tokens.build(row, secret=SECRET, alice="alice", bob="bob", now=NOW)
    token = bearer.credential(sent.values(b"authorization"))
    return Authenticator(KEY, clock=Clock()).authenticate(token)


def by_status(*statuses: int) -> list[object]:
    return [pytest.param(row, id=row["id"]) for row in tokens.rows() if row["expect"] in statuses]


@pytest.mark.parametrize("row", by_status(200))
def test_good_token_is_accepted(row: tokens.Row) -> None:
    """What the recipes call good makes Alice."""
    principal = send(row)

    assert principal == Principal("alice", "alice@example.com", None)


@pytest.mark.parametrize("row", by_status(403))
def test_look_alike_is_somebody_else(row: tokens.Row) -> None:
    """An id that only looks like Alice's is accepted as another user's."""
    principal = send(row)

    assert principal.user_id != "alice"


@pytest.mark.parametrize("row", by_status(401, 431))
def test_hostile_token_is_refused(row: tokens.Row) -> None:
    """Each recipe ends in its own kind of refusal, with a reason for the log."""
    # No code: a request so large that over HTTP the transport refuses it before the token is read.
    expected = CODES[tokens.expected_code(row) or "AUTH_INVALID_TOKEN"]

    with pytest.raises(Unauthenticated) as refused:
        send(row)

    assert (type(refused.value), bool(refused.value.reason)) == (expected, True)


def test_every_row_is_driven() -> None:
    """No recipe is left out by its status, and no exception outlives its row."""
    ids = [row["id"] for row in tokens.rows()]

    assert len(by_status(200, 403, 401, 431)) == len(ids) == len(set(ids))
    assert set(ids) >= tokens.MAC_ALONE.keys()


# The header -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [b"Bearer a.b.c", b"bEARER  a.b.c", b"Bearer a.b.c \t", b" Bearer a.b.c"]
)
def test_credential_is_found(value: bytes) -> None:
    """The scheme is case-insensitive, blanks around the token don't count."""
    assert bearer.credential([value]) == "a.b.c"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], CredentialMissing),
        ([b""], CredentialMissing),
        ([b" "], CredentialMissing),
        ([b"Bearer"], CredentialMissing),
        ([b"Bearer  "], CredentialMissing),
        ([b"Basic YWxpY2U6eA=="], CredentialMissing),
        ([b"Bearerx a.b.c"], CredentialMissing),
        ([b"a.b.c"], CredentialMissing),
        ([b"Bearer\ta.b.c"], CredentialMissing),
        ([b"\xff\xfe"], CredentialMissing),
        ([b"Bearer a.b.c", b"Bearer a.b.c"], TokenInvalid),
        ([b"", b"Bearer a.b.c"], TokenInvalid),
        ([b"Basic x", b"Bearer a.b.c"], TokenInvalid),
        ([b"Bearer a.b.c d"], TokenInvalid),
        ([b"Bearer a.b.c\td"], TokenInvalid),
        ([b"Bearer a.b.c,a.b.c"], TokenInvalid),
        ([b"Bearer a.b.c, Bearer a.b.c"], TokenInvalid),
        ([b"Bearer a.b\0.c"], TokenInvalid),
        ([b"Bearer a.b.\xe9"], TokenInvalid),
        ([b"Bearer " + b"a" * 8193], TokenInvalid),
    ],
)
def test_credential_is_missing_or_none(
    values: list[bytes], expected: type[Unauthenticated]
) -> None:
    """Another scheme is no credential; two headers or two tokens are not one."""
    with pytest.raises(Unauthenticated) as refused:
        bearer.credential(values)

    assert type(refused.value) is expected


def test_longest_credential_is_handed_on() -> None:
    """8 KiB of token are let through to the reader."""
    assert len(bearer.credential([b"Bearer " + b"a" * 8192])) == 8192


# What is remembered ---------------------------------------------------------------------


def test_good_token_is_verified_once() -> None:
    """The second look-up gives the same principal and asks nobody."""
    verifier = Counted()
    authenticator = Authenticator(verifier, clock=Clock())
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)

    first, second = authenticator.authenticate(token), authenticator.authenticate(token)

    assert first is second
    assert verifier.asked == [token]


def test_remembered_token_dies_with_its_expiry() -> None:
    """A token that was good a moment ago expires at `exp` plus leeway, to the second."""
    clock = Clock()
    authenticator = Authenticator(KEY, clock=clock)
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)
    authenticator.authenticate(token)

    clock.now = NOW + 904.9
    assert authenticator.authenticate(token).user_id == "alice"
    clock.now = NOW + 905
    with pytest.raises(TokenExpired):
        authenticator.authenticate(token)


def test_refusal_is_not_remembered() -> None:
    """A token that came too early is good when its time has come."""
    clock = Clock(NOW - 60)
    authenticator = Authenticator(KEY, clock=clock)
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)
    with pytest.raises(TokenInvalid):
        authenticator.authenticate(token)

    clock.now = NOW

    assert authenticator.authenticate(token).user_id == "alice"


def test_another_signature_is_another_token() -> None:
    """A remembered token vouches for no other with the same claims."""
    authenticator = Authenticator(KEY, clock=Clock())
    token = KEY.issue("alice", now=NOW, lifetime_seconds=900)
    authenticator.authenticate(token)
    forged = tokens.build({"mangle": ["zerosig"]}, secret=SECRET, alice="a", bob="b", now=NOW).token

    with pytest.raises(SignatureInvalid):
        authenticator.authenticate(token.rpartition(".")[0] + "." + forged.rpartition(".")[2])


def test_memory_is_bounded() -> None:
    """The oldest entry makes room for the newest."""
    verifier = Counted()
    authenticator = Authenticator(verifier, clock=Clock(), max_entries=2)
    first, second, third = (
        KEY.issue(user, now=NOW, lifetime_seconds=900) for user in ("alice", "bob", "carol")
    )

    for token in (first, second, third, second, third, first):
        authenticator.authenticate(token)

    assert verifier.asked == [first, second, third, first]


@pytest.mark.parametrize(("length", "asked"), [(2048, 1), (2052, 2)])
def test_long_token_is_not_remembered(length: int, asked: int) -> None:
    """The memory is bounded in bytes too: a token over 2 KiB is verified each time."""
    verifier = Counted()
    authenticator = Authenticator(verifier, clock=Clock())
    token = _token_of_length(length)

    principals = [authenticator.authenticate(token) for _ in range(2)]

    assert principals == [Principal("alice")] * 2
    assert len(verifier.asked) == asked


def _token_of_length(length: int) -> str:
    members: dict[str, object] = {"sub": "alice", "exp": NOW + 900, "pad": ""}
    for size in range(length):
        token = tokens.signed(members | {"pad": "x" * size}, secret=SECRET)
        if len(token) >= length:
            return token
    raise AssertionError


# Damage ---------------------------------------------------------------------------------

GOOD = KEY.issue("alice", now=NOW, lifetime_seconds=900, email="alice@example.com").encode("ascii")


@settings(deadline=None)
@given(position=st.integers(0, len(GOOD) - 1), octet=st.integers(0, 255))
def test_one_changed_byte_is_no_token(position: int, octet: int) -> None:
    """No change of one byte is accepted, even with the good token remembered."""
    assume(GOOD[position] != octet)
    authenticator = Authenticator(KEY, clock=Clock())
    authenticator.authenticate(GOOD.decode("ascii"))
    changed = GOOD[:position] + bytes([octet]) + GOOD[position + 1 :]

    with pytest.raises(Unauthenticated):
        authenticator.authenticate(changed.decode("latin-1"))


@settings(deadline=None)
@given(position=st.integers(0, len(GOOD)), octets=st.binary(min_size=1, max_size=4))
def test_inserted_bytes_are_no_token(position: int, octets: bytes) -> None:
    """Nor is a token with something put into it, in the whole header's way."""
    changed = b"Bearer " + GOOD[:position] + octets + GOOD[position:]
    assume(changed.strip(b" \t").split() != [b"Bearer", GOOD])

    with pytest.raises(Unauthenticated):
        KEY.verify(bearer.credential([changed]), now=NOW)
