"""The shared secret as a key: what it verifies, what it signs, and which secrets are none."""

import base64
import traceback

import jwt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support import tokens
from todo_backend.auth import bearer, claims
from todo_backend.auth.claims import ClaimRules, Verified
from todo_backend.auth.shared_secret import HmacAlgorithm, SharedSecret
from todo_backend.model.errors import TokenInvalid
from todo_backend.model.principal import Principal

SECRET = "Test-Secret-Of-Some-Length-0123456789-äöü"
NOW = 1_800_000_000
RULES = ClaimRules()
KEY = SharedSecret(SECRET, rules=RULES)


@pytest.mark.parametrize("name", ["iss", "aud"])
def test_issuer_is_free_where_none_is_configured(name: str) -> None:
    """Without JWT_ISSUER and JWT_AUDIENCE, whose token it is says the signature alone."""
    row = {"claims": tokens.CLAIMS | {name: "other"}}
    token = tokens.build(row, secret=SECRET, alice="alice", bob="bob", now=NOW).token

    verified = SharedSecret(SECRET, rules=ClaimRules()).verify(token, now=NOW)

    assert verified.principal.user_id == "alice"


def test_key_is_the_text_of_the_secret() -> None:
    """A secret that happens to be base64 is used as it stands, as Better Auth does."""
    secret = base64.b64encode(bytes(range(48))).decode("ascii")
    token = jwt.encode({"sub": "alice", "exp": NOW + 900}, secret, algorithm="HS256")

    verified = SharedSecret(secret, rules=RULES).verify(token, now=NOW)

    assert verified.principal.user_id == "alice"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("other", ["HS256", "HS384", "HS512"])
def test_key_is_bound_to_one_algorithm(algorithm: HmacAlgorithm, other: HmacAlgorithm) -> None:
    """Of the HMAC family too, a key takes tokens of its own algorithm only."""
    key, other_key = (
        SharedSecret(SECRET * 2, rules=RULES, algorithm=name) for name in (algorithm, other)
    )
    token = other_key.issue("alice", now=NOW, lifetime_seconds=900)

    if algorithm == other:
        assert key.verify(token, now=NOW).principal.user_id == "alice"
        return
    with pytest.raises(TokenInvalid) as refused:
        key.verify(token, now=NOW)
    sentence = f"the token is {other} and the backend expects {algorithm}: see JWT_ALGORITHM"
    assert refused.value.reason == sentence


@pytest.mark.parametrize(
    ("secret", "algorithm"),
    [
        ("", "HS256"),
        ("s" * 31, "HS256"),
        ("s" * 63, "HS512"),
        ("\udcff" * 40, "HS256"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "HS256"),
        ('{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQ"}', "HS256"),
    ],
)
def test_unfit_secret_is_refused_at_the_start(secret: str, algorithm: HmacAlgorithm) -> None:
    """A key too short for the algorithm, or of another kind, never verifies a token."""
    with pytest.raises(ValueError, match="secret") as refused:
        SharedSecret(secret, rules=RULES, algorithm=algorithm)

    shown = "".join(traceback.format_exception(refused.value))
    assert "During handling" not in shown
    assert not secret or secret not in shown


@settings(deadline=None)
@given(
    user_id=st.text(min_size=1, max_size=255).filter(claims.is_user_id),
    email=st.none() | st.emails(),
    lifetime_seconds=st.integers(1, claims.LIFETIME_MAX_SECONDS),
)
def test_issued_token_comes_back(user_id: str, email: str | None, lifetime_seconds: int) -> None:
    """Whoever a token is issued to is who presents it."""
    assume(email is None or len(email) <= claims.EMAIL_MAX)
    token = KEY.issue(user_id, now=NOW + 0.75, lifetime_seconds=lifetime_seconds, email=email)

    verified = KEY.verify(bearer.credential([b"Bearer " + token.encode()]), now=NOW + 0.75)

    assert verified == Verified(Principal(user_id, email), NOW + lifetime_seconds + 5)


def test_longest_id_fits_into_a_token() -> None:
    """255 emoji and an address as long stay under 8 KiB."""
    token = KEY.issue("😀" * 255, now=NOW, lifetime_seconds=60, email="😀" * 254)

    assert KEY.verify(token, now=NOW).principal.user_id == "😀" * 255


@pytest.mark.parametrize(
    ("user_id", "email", "lifetime_seconds"),
    [
        ("", None, 60),
        (" ", None, 60),
        ("a" * 256, None, 60),
        ("a\0", None, 60),
        ("\ud800", None, 60),
        ("alice", "", 60),
        ("alice", "e" * 255, 60),
        ("alice", None, 0),
        ("alice", None, claims.LIFETIME_MAX_SECONDS + 1),
    ],
)
def test_unfit_token_is_not_issued(user_id: str, email: str | None, lifetime_seconds: int) -> None:
    """What would be refused on the way in is refused on the way out."""
    with pytest.raises(ValueError, match=r"user id|e-mail|lifetime"):
        KEY.issue(user_id, now=NOW, lifetime_seconds=lifetime_seconds, email=email)
