"""Other people's vectors: Wycheproof's tokens, signed rightly and wrongly, and its odd keys.

They are read where they are: CORPUS_DIR names the folder that holds `wycheproof/`.
"""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.signing_keys import key_set
from todo_backend.auth import jws
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.jws import Jws
from todo_backend.auth.shared_secret import DIGEST_BYTES, SharedSecret
from todo_backend.model.errors import TokenInvalid, Unauthenticated

Group = Mapping[str, Any]

EMPTY = "no claims at all, so no token of anybody's"
NOT_ITS_OWN = "the key says PS256 and the token PS384"
MISSPELT = "the key's alg is ES521, which is none"
STRAY = "characters that are not base64url"
VALID_AND_REFUSED = {
    **dict.fromkeys((259, 264, 268, 272, 320, 325), EMPTY),
    **dict.fromkeys((346, 350), NOT_ITS_OWN),
    **dict.fromkeys((347, 351), MISSPELT),
    **dict.fromkeys((372, 373), STRAY),
}
SAME_AS_357 = {367, 370}
"""Vectors called invalid that are byte for byte the valid 357: they can't be told apart."""
GOOD_KEY = 5
MIXED_GOOD = [1, 18, 33]
GOOD_SECRETS = (13, 14, 15)


def groups(name: str) -> list[Group]:
    folder = os.environ.get("CORPUS_DIR")
    if not folder:
        pytest.skip("CORPUS_DIR is not set: it names the folder that holds wycheproof/")
    text = (Path(folder) / "wycheproof" / name).read_text(encoding="utf-8")
    found: list[Group] = json.loads(text)["testGroups"]
    return found


def vectors(name: str) -> Iterator[tuple[Group, Mapping[str, Any]]]:
    return ((group, test) for group in groups(name) for test in group["tests"])


def secret_key(members: Mapping[str, Any]) -> SharedSecret:
    """Make the secret of a vector: octets, where a configured one is text."""
    octets = base64.urlsafe_b64decode(members["k"] + "==")
    algorithm = members["alg"]
    if len(octets) < DIGEST_BYTES.get(algorithm, 1000):
        raise TokenInvalid("no secret that could be configured")
    key = SharedSecret("x" * 64, rules=ClaimRules(), algorithm=algorithm)
    key._key = octets  # noqa: SLF001 - no text encodes to these octets
    return key


def require_signature(parsed: Jws, keys: list[Mapping[str, Any]]) -> None:
    """Verify a token by a vector's keys: a published set, or a secret that is configured."""
    if len(keys) == 1 and keys[0]["kty"] == "oct":
        secret_key(keys[0]).require_signature(parsed)
        return
    key = key_set(*keys).find(parsed.kid)
    if key is None:
        raise TokenInvalid("no such key")
    key.require_signature(parsed)


def as_text(token: object) -> str:
    """Spell a token of the JSON serialisation as a header would carry it."""
    return token if isinstance(token, str) else json.dumps(token)


def is_accepted(token: str, keys: list[Mapping[str, Any]]) -> bool:
    try:
        require_signature(jws.read(token), keys)
    except Unauthenticated:
        return False
    return True


def test_wych_every_invalid_token_is_refused() -> None:
    """355 signatures, encodings and keys that are wrong, none of which verifies."""
    tests = [
        (group.get("public", group["private"]), test)
        for group, test in vectors("json_web_signature_test.json")
        if test["result"] == "invalid"
    ]

    accepted = {test["tcId"] for key, test in tests if is_accepted(test["jws"], [key])}

    assert len(tests) == 355
    assert accepted == SAME_AS_357


def test_wych_the_two_that_are_accepted_are_a_valid_one() -> None:
    """What Wycheproof calls invalid there is lost in its own text."""
    tokens = {test["tcId"]: test["jws"] for _, test in vectors("json_web_signature_test.json")}

    assert {tokens[number] for number in SAME_AS_357} == {tokens[357]}


def test_wych_every_valid_token_is_accepted_but_those_with_a_reason() -> None:
    """46 that are right; the refused ones are what this backend is stricter about."""
    tests = [
        (group.get("public", group["private"]), test)
        for group, test in vectors("json_web_signature_test.json")
        if test["result"] == "valid"
    ]

    refused = {test["tcId"] for key, test in tests if not is_accepted(test["jws"], [key])}

    assert len(tests) == 46
    assert refused == VALID_AND_REFUSED.keys()


def test_wych_no_token_is_verified_by_a_published_secret() -> None:
    """A set of keys with a secret in it is a set without it, however right the MAC is."""
    tests = [
        (group["private"], test["jws"])
        for group, test in vectors("json_web_signature_test.json")
        if group["private"]["kty"] == "oct"
    ]

    assert tests != []
    assert all(key_set(key).keys == () for key, _ in tests)


def test_jwkv_bad_keys_are_refused() -> None:
    """Weak ones, mismatched ones, those for another use: no token verifies by them."""
    tests = [
        (group.get("public", group["private"])["keys"], test)
        for group, test in vectors("json_web_key_test.json")
    ]

    accepted = [test["tcId"] for keys, test in tests if is_accepted(test["jws"], keys)]

    assert len(tests) == 26
    assert accepted == [GOOD_KEY, *GOOD_SECRETS]


@pytest.mark.parametrize(
    ("name", "count"), [("json_web_encryption_test.json", 139), ("json_web_crypto_test.json", 34)]
)
def test_jwkv_every_jwe_is_refused(name: str, count: int) -> None:
    """An encrypted token is no signed one, whoever encrypted it and however it is spelled."""
    found = [as_text(test["jwe"]) for _, test in vectors(name) if "jwe" in test]

    assert len(found) == count
    for token in found:
        with pytest.raises(TokenInvalid):
            jws.read(token)


def test_wych_signed_tokens_of_the_mixed_vectors() -> None:
    """The wrong ones are refused; of the right ones the one whose set is of secrets."""
    tests = [
        (group.get("public", group["private"]), test)
        for group, test in vectors("json_web_crypto_test.json")
        if "jws" in test
    ]

    accepted = [
        test["tcId"]
        for key, test in tests
        if is_accepted(as_text(test["jws"]), key.get("keys", [key]))
    ]

    assert len(tests) == 49
    assert accepted == MIXED_GOOD
