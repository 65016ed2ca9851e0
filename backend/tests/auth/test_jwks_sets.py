"""What a key set is, and which of its keys a token means."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.signing_keys import SigningKey, key_set, signing_key, without
from todo_backend.auth import public_keys
from todo_backend.auth.public_keys import JwksMalformed, KeySet

ED, EC, RSA = (signing_key(alg, "k") for alg in ("EdDSA", "ES256", "RS256"))
GOOD = signing_key("EdDSA", "good")


def test_jwks_07_a_kid_that_is_repeated_names_no_key() -> None:
    """None of those that share it is used: which was meant is anybody's guess."""
    first, second = signing_key("EdDSA", "twin"), signing_key("ES256", "twin")

    keys = key_set(first.published, GOOD.published, second.published, first.published)

    assert keys.find("twin") is None
    assert [key.kid for key in keys.keys] == ["good"]
    assert keys.ignored == tuple(f"key {position}: kid repeated" for position in (1, 3, 4))


def test_an_encryption_key_may_share_the_kid_of_a_signing_key() -> None:
    """It was never a candidate, so there is nothing to guess (RFC 7517, section 4.5)."""
    encryption = signing_key("RS256", "k").published | {"use": "enc", "alg": "RSA-OAEP"}

    keys = key_set(encryption, GOOD.published | {"kid": "k"})

    assert keys.find("k") is not None


def test_a_token_without_kid_means_the_only_key() -> None:
    """Where there are two, it means neither."""
    unnamed = without(ED.published, "kid")

    assert key_set(unnamed).find(None) is not None
    assert key_set(GOOD.published, {"kty": "oct", "k": "c2VjcmV0"}).find(None) is not None
    assert key_set(GOOD.published, unnamed).find(None) is None
    assert key_set(GOOD.published, EC.published).find(None) is None
    assert key_set().find(None) is None


def test_a_token_with_a_kid_means_no_key_without_one() -> None:
    """A name is compared code point by code point, and no name is not any name."""
    keys = key_set(without(ED.published, "kid"))

    assert keys.find("k") is None
    assert key_set(GOOD.published).find("Good") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not JSON"),
        (b"<!doctype html><html>", "not JSON"),
        (b'{"keys":[', "not JSON"),
        (b"{}", "no list of keys"),
        (b"[]", "no list of keys"),
        (b"null", "no list of keys"),
        (b'{"keys":{}}', "no list of keys"),
        (b'{"keys":null}', "no list of keys"),
        (b'{"keys":[],"keys":[]}', "JSON member repeated"),
        (b'\xef\xbb\xbf{"keys":[]}', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"keys":' + b"[" * 50 + b"]" * 50 + b"}", "JSON nested too deeply"),
        (b'{"keys":[' + b",".join([b"{}"] * 101) + b"]}", "more than 100 keys"),
    ],
)
def test_a_text_that_is_no_key_set_is_refused(text: bytes, reason: str) -> None:
    """What is no set at all is told from a set without usable keys."""
    with pytest.raises(JwksMalformed) as refused:
        public_keys.read(text)

    assert str(refused.value) == reason


def test_a_set_may_be_empty() -> None:
    """An issuer that has withdrawn all its keys says so by an empty list."""
    assert public_keys.read(b'{"keys":[]}') == KeySet(())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
_NAMES = st.sampled_from(["kty", "crv", "alg", "use", "key_ops", "kid", "x", "y", "n", "e"])


@settings(deadline=None)
@given(st.sampled_from([ED, EC, RSA]), st.dictionaries(_NAMES, _JSON, max_size=3), st.lists(_JSON))
def test_any_members_are_read_or_left_out(
    signer: SigningKey, changes: dict[str, Any], others: list[Any]
) -> None:
    """Nothing that an issuer publishes raises anything."""
    keys = key_set({**signer.published, **changes}, *others)

    assert len(keys.keys) + len(keys.ignored) == 1 + len(others)
