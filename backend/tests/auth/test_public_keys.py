"""Which keys of a set are used, for what, and that the odd ones are left out one by one."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.signing_keys import CURVES, SigningKey, key_set, signing_key, without
from todo_backend.auth import jws
from todo_backend.model.errors import SignatureInvalid, TokenInvalid

ED, EC, RSA = (signing_key(alg, "k") for alg in ("EdDSA", "ES256", "RS256"))
GOOD = signing_key("EdDSA", "good")
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALL = ("EdDSA", "Ed25519", *CURVES, *RSA_ALGORITHMS)
BYTES = {"EdDSA": 64, "Ed25519": 64, "ES256": 64, "ES384": 96, "ES512": 132}
CLAIMS = {"sub": "alice"}


def b64(number: int, length: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(length)).rstrip(b"=").decode()


def rsa_members(modulus: int, exponent: int = 65537) -> dict[str, Any]:
    octets = (modulus.bit_length() + 7) // 8
    return {"kty": "RSA", "kid": "k", "n": b64(modulus, octets), "e": b64(exponent, 4)}


@pytest.mark.parametrize("alg", ALL)
def test_a_key_verifies_by_its_own_algorithm(alg: str) -> None:
    """What the issuer signs by a key, the key that it publishes verifies."""
    signer = signing_key(alg, "k", use="sig", key_ops=["verify"], x5c=["MIIB"], x5t="abc")

    key = key_set(signer.published).find("k")

    assert key is not None
    assert (key.alg, key.signature_bytes) == (alg, BYTES.get(alg, 256))
    key.require_signature(jws.read(signer.token(CLAIMS)))


@pytest.mark.parametrize("alg", ALL)
def test_a_signature_by_another_key_is_refused(alg: str) -> None:
    """A stranger's key of the same kind makes no signature of the issuer's."""
    signer, stranger = signing_key(alg, "k"), signing_key(alg, "stranger")
    key = key_set(signer.published).find("k")

    assert key is not None
    with pytest.raises(SignatureInvalid):
        key.require_signature(jws.read(stranger.token(CLAIMS, kid="k")))


@pytest.mark.parametrize("alg", ALL)
@pytest.mark.parametrize("change", [-1, 1, 64])
def test_a_signature_has_the_length_of_its_algorithm(alg: str, change: int) -> None:
    """Neither a shorter nor a longer one is looked at."""
    signer = signing_key(alg, "k")
    key = key_set(signer.published).find("k")
    parsed = jws.read(signer.token(CLAIMS))
    other = (parsed.signature + b"\0" * 64)[: len(parsed.signature) + change]

    assert key is not None
    with pytest.raises(TokenInvalid, match="another length"):
        key.require_signature(
            jws.Jws(alg, "k", parsed.payload, parsed.signing_input, other),
        )


@pytest.mark.parametrize("alg", ALL)
def test_jwks_08_each_key_is_bound_to_one_algorithm(alg: str) -> None:
    """A header with another algorithm is refused, also where the key could do that one too."""
    signer = signing_key(alg, "k")
    key = key_set(signer.published).find("k")

    assert key is not None
    for other in {*ALL, "HS256", "HS384", "HS512", "none", "ES256K"} - {alg}:
        with pytest.raises(TokenInvalid, match=f"the token's key is for {alg} and"):
            key.require_signature(jws.read(signer.token(CLAIMS, alg=other)))


@pytest.mark.parametrize(
    ("signer", "alg"),
    [
        (signing_key("EdDSA", "k"), "EdDSA"),
        (signing_key("ES256", "k"), "ES256"),
        (signing_key("ES384", "k"), "ES384"),
        (signing_key("ES512", "k"), "ES512"),
        (signing_key("PS256", "k"), "RS256"),
    ],
)
def test_a_key_without_alg_has_the_usual_one_of_its_kind(signer: SigningKey, alg: str) -> None:
    """Curves leave no choice; an RSA key is for RS256, as with every issuer that leaves it out."""
    key = key_set(without(signer.published, "alg")).find("k")

    assert key is not None
    assert key.alg == alg


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("RSA", "not an object"),
        (None, "not an object"),
        ({}, "kty or crv not a string"),
        ({**ED.published, "kty": "OCT"}, "of a kind that is not supported"),
        ({**ED.published, "kty": ["OKP"]}, "kty or crv not a string"),
        ({"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"}, "secret or private"),
        *[
            (signing_key(alg, "k").published | {name: "AQAB"}, "secret or private")
            for alg, name in [("EdDSA", "d"), ("ES256", "d"), ("RS256", "d"), ("RS256", "p")]
        ],
        *[({**ED.published, "use": use}, "use is not sig") for use in ("enc", "", None, ["sig"])],
        *[
            ({**ED.published, "key_ops": operations}, "key_ops without verify")
            for operations in (["encrypt"], ["sign"], [], "verify", None, {"verify": 1})
        ],
        *[({**ED.published, "kid": kid}, "kid not a usable") for kid in (1, None, "", ["k"])],
        *[
            ({**ED.published, "alg": alg}, "alg does not fit")
            for alg in ("none", "HS256", "RS256", "eddsa", "", None, ["EdDSA"])
        ],
        ({**EC.published, "alg": "ES512"}, "alg does not fit"),
        ({**EC.published, "alg": "ES256K"}, "alg does not fit"),
        ({**EC.published, "alg": "ECDH-ES"}, "alg does not fit"),
        ({**RSA.published, "alg": "RSA-OAEP"}, "alg does not fit"),
        ({**RSA.published, "alg": "RSA1_5"}, "alg does not fit"),
        ({**ED.published, "crv": "X25519"}, "of a kind that is not supported"),
        ({**ED.published, "crv": "Ed448"}, "of a kind that is not supported"),
        ({**ED.published, "crv": "P-256"}, "of a kind that is not supported"),
        ({**EC.published, "crv": "secp256k1"}, "of a kind that is not supported"),
        ({**EC.published, "crv": "P-384", "alg": "ES384"}, "another length"),
        ({**EC.published, "crv": 256}, "kty or crv not a string"),
        (without(EC.published, "crv"), "of a kind that is not supported"),
        (without(EC.published, "y"), "y is not base64url"),
        ({**EC.published, "x": EC.published["y"]}, "no point of the curve"),
        ({**EC.published, "x": "AAAA" + EC.published["x"]}, "another length"),
        ({**EC.published, "x": b64(0, 32), "y": b64(0, 32)}, "no point of the curve"),
        ({**ED.published, "x": ED.published["x"] + "="}, "x is not base64url"),
        ({**ED.published, "x": "+/" + ED.published["x"][2:]}, "x is not base64url"),
        ({**ED.published, "x": 5}, "x is not base64url"),
        ({**ED.published, "x": ED.published["x"][:-3]}, "no point"),
        (without(RSA.published, "e"), "e is not base64url"),
        (rsa_members(2**1023 + 1), "fewer than 2048"),
        (rsa_members(2**512 + 1), "fewer than 2048"),
        (rsa_members(2**2047 - 1), "fewer than 2048"),
        (rsa_members(2**8192 + 1), "more than 8192"),
        (rsa_members(2**2047 + 2), "even or unusual"),
        *[(rsa_members(2**2047 + 1, e), "even or unusual") for e in (0, 1, 2, 65536)],
        ({**RSA.published, "e": b64(2**64 + 1, 9)}, "even or unusual"),
    ],
)
def test_jwks_07_an_odd_key_is_left_out_and_the_rest_is_used(odd: Any, reason: str) -> None:
    """One key that can't be used, or must not be, takes no other along."""
    keys = key_set(odd, GOOD.published)

    assert [key.kid for key in keys.keys] == ["good"]
    assert len(keys.ignored) == 1
    assert keys.ignored[0].startswith("key 1: ")
    assert reason in keys.ignored[0]


@pytest.mark.parametrize(
    "encoding",
    [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "02" + "00" * 31,
    ],
    ids=["order 8", "order 8'", "order 8-", "order 4", "order 1", "order 2", "0+p", "1+p", "none"],
)
def test_an_ed25519_key_is_a_point_of_large_order(encoding: str) -> None:
    """Under a point of small order anybody signs; other octets are no point at all."""
    x = b64(int(encoding, 16), 32)

    keys = key_set({**ED.published, "x": x})

    assert keys.keys == ()


def test_a_key_may_have_leading_zeros_where_its_issuer_writes_them() -> None:
    """Some libraries write the sign of a modulus (RFC 7518, section 6.3.1.1)."""
    numbers = RSA.private.public_key().public_numbers()

    keys = key_set({**RSA.published, "n": b64(numbers.n, 257)})

    assert keys.find("k") == key_set(RSA.published).find("k")


@pytest.mark.parametrize("alg", sorted(CURVES))
def test_coordinates_are_as_long_as_the_curve(alg: str) -> None:
    """A coordinate that starts with zeros is written with them (RFC 7518, section 6.2.1.2)."""
    curve = CURVES[alg]
    length = (curve.key_size + 7) // 8
    scalar = 1
    while (point := ec.derive_private_key(scalar, curve).public_key().public_numbers()).x >> (
        8 * length - 8
    ):
        scalar += 1
    members = {"kty": "EC", "kid": "k", "crv": f"P-{curve.key_size}", "y": b64(point.y, length)}

    padded = key_set({**members, "x": b64(point.x, length)})
    trimmed = key_set({**members, "x": b64(point.x, (point.x.bit_length() + 7) // 8)})

    assert padded.find("k") is not None
    assert trimmed.keys == ()
