"""An issuer's key pairs: what it publishes of them, and what it signs with them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from todo_backend.auth import public_keys
from todo_backend.auth.public_keys import KeySet, PublicKey
from todo_backend.model.errors import KeysUnavailable, TokenInvalid

CURVES: Mapping[str, ec.EllipticCurve] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}


@dataclass(frozen=True)
class SigningKey:
    """One key pair; `alg` is what it signs by, and `published` what its issuer says of it."""

    alg: str
    private: Any
    published: dict[str, Any]

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Sign claims under a header as they stand."""
        text = f"{_b64(_dumps(header))}.{_b64(_dumps(claims))}"
        signature = _algorithm(self.alg).sign(text.encode("ascii"), self.private)
        return f"{text}.{_b64(signature)}"

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        """Sign claims the way Better Auth does: `alg` and `kid`, and no `typ`."""
        return self.sign({"alg": self.alg, "kid": self.published["kid"]} | header, claims)


@dataclass
class Known:
    """A source of keys: they are there, or nobody can get them."""

    keys: KeySet
    is_reachable: bool = True
    asked: int = 0

    async def find(self, kid: str | None) -> PublicKey:
        self.asked += 1
        if not self.is_reachable:
            raise KeysUnavailable("away")
        key = self.keys.find(kid)
        if key is None:
            raise TokenInvalid("no such key")
        return key

    def generation(self) -> int:
        return 7


def signing_key(alg: str, kid: str, **members: Any) -> SigningKey:
    """Give the key pair of this name; `members` are what else its issuer publishes with it."""
    private = _private(alg, kid)
    bare = _algorithm(alg).to_jwk(private.public_key(), as_dict=True)
    bare.pop("key_ops", None)
    return SigningKey(alg, private, {**bare, "alg": alg, "kid": kid} | members)


def key_set(*members: Any) -> KeySet:
    """Read a key set with these members."""
    return public_keys.read(_dumps({"keys": members}))


def without(members: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}


@cache
def _private(alg: str, _kid: str) -> Any:
    if alg in CURVES:
        return ec.generate_private_key(CURVES[alg])
    if alg in {"EdDSA", "Ed25519"}:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def _algorithm(alg: str) -> Any:
    return jwt.get_algorithm_by_name("EdDSA" if alg == "Ed25519" else alg)


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("utf-8")


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
