"""From the header to the principal: what is accepted, refused, and remembered."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support import tokens
from tests.support.clock import Clock
from todo_backend.auth import bearer
from todo_backend.auth.bearer import Authenticator
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.kinds import TokenKinds
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


async def send(row: tokens.Row) -> Principal:
    sent = tokens.build(row, secret=SECRET, alice="alice", bob="bob", now=NOW)
    token = bearer.credential(sent.values(b"authorization"))
    return await Authenticator(TokenKinds(KEY), clock=Clock(NOW)).authenticate(token)


def by_status(*statuses: int) -> list[object]:
    return [pytest.param(row, id=row["id"]) for row in tokens.rows() if row["expect"] in statuses]


@pytest.mark.parametrize("row", by_status(200))
async def test_good_token_is_accepted(row: tokens.Row) -> None:
    """What the recipes call good makes Alice."""
    principal = await send(row)

    assert principal == Principal("alice", "alice@example.com", None)


@pytest.mark.parametrize("row", by_status(403))
async def test_look_alike_is_somebody_else(row: tokens.Row) -> None:
    """An id that only looks like Alice's is accepted as another user's."""
    principal = await send(row)

    assert principal.user_id != "alice"


@pytest.mark.parametrize("row", by_status(401, 431))
async def test_hostile_token_is_refused(row: tokens.Row) -> None:
    """Each recipe ends in its own kind of refusal, with a reason for the log."""
    # No code: a request so large that over HTTP the transport refuses it before the token is read.
    expected = CODES[tokens.expected_code(row) or "AUTH_INVALID_TOKEN"]

    with pytest.raises(Unauthenticated) as refused:
        await send(row)

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


# Damage ---------------------------------------------------------------------------------

GOOD = KEY.issue("alice", now=NOW, lifetime_seconds=900, email="alice@example.com").encode("ascii")


@settings(deadline=None)
@given(position=st.integers(0, len(GOOD) - 1), octet=st.integers(0, 255))
async def test_one_changed_byte_is_no_token(position: int, octet: int) -> None:
    """No change of one byte is accepted, even with the good token remembered."""
    assume(GOOD[position] != octet)
    authenticator = Authenticator(TokenKinds(KEY), clock=Clock(NOW))
    await authenticator.authenticate(GOOD.decode("ascii"))
    changed = GOOD[:position] + bytes([octet]) + GOOD[position + 1 :]

    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(changed.decode("latin-1"))


@settings(deadline=None)
@given(position=st.integers(0, len(GOOD)), octets=st.binary(min_size=1, max_size=4))
def test_inserted_bytes_are_no_token(position: int, octets: bytes) -> None:
    """Nor is a token with something put into it, in the whole header's way."""
    changed = b"Bearer " + GOOD[:position] + octets + GOOD[position:]
    assume(changed.strip(b" \t").split() != [b"Bearer", GOOD])

    with pytest.raises(Unauthenticated):
        KEY.verify(bearer.credential([changed]), now=NOW)
