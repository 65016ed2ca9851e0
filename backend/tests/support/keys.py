"""Keys that are not the product's: wrong ones, public ones, an attacker's."""

import base64
import hashlib
import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa


def hmac_key(key: str, secret: str) -> bytes:
    """Give the octets of a row's `key`; `secret` is the configured one."""
    kind, _, argument = key.partition(":")
    if kind == "literal":
        return argument.encode("utf-8")
    if kind == "pub":
        return _public_forms()[argument]
    if kind == "secret_lower" and secret.lower() == secret:
        raise ValueError("the secret needs a capital letter")
    return {
        "secret": secret.encode("utf-8"),
        "wrong": hashlib.sha256(b"a key that nobody has configured").digest(),
        "empty": b"",
        "nul": b"\0",
        "secret_lower": secret.lower().encode("utf-8"),
    }[kind]


def attacker(mac: str) -> Any:
    """Give the private key, unknown to the product, that an attacker signs with by `mac`."""
    if mac == "EdDSA":
        return _ed_key("attacker")
    return _ec_key("attacker") if mac.startswith("ES") else _rsa_key("attacker")


def attacker_jwk() -> dict[str, Any]:
    members: dict[str, Any] = json.loads(_jwk("ES256", _ec_key("attacker").public_key()))
    return members


@cache
def _public_forms() -> dict[str, bytes]:
    """Spell the issuer's public keys in the ways a careless backend may hold them."""
    rsa_key, ec_key = _rsa_key("issuer").public_key(), _ec_key("issuer").public_key()
    ed_key = _ed_key("issuer").public_key()
    pem, form = serialization.Encoding.PEM, serialization.PublicFormat
    modulus = rsa_key.public_numbers().n
    return {
        "rsa_pem": rsa_key.public_bytes(pem, form.SubjectPublicKeyInfo),
        "rsa_pkcs1_pem": rsa_key.public_bytes(pem, form.PKCS1),
        "rsa_n": base64.urlsafe_b64encode(modulus.to_bytes(256, "big")).rstrip(b"="),
        "rsa_jwk": _jwk("RS256", rsa_key).encode("ascii"),
        "ec_jwk": _jwk("ES256", ec_key).encode("ascii"),
        "ed_raw": ed_key.public_bytes_raw(),
        "ed_jwk": _jwk("EdDSA", ed_key).encode("ascii"),
    }


def _jwk(mac: str, key: Any) -> str:
    text: str = jwt.get_algorithm_by_name(mac).to_jwk(key, as_dict=False)
    return text


@cache
def _rsa_key(_owner: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _ec_key(_owner: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _ed_key(_owner: str) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()
