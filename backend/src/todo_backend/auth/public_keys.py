"""An issuer's public keys: from a JSON Web Key Set to keys that verify by one algorithm each.

A key that is odd in any way is left out and the rest is used (RFC 7517, section 5). What it may be
used for is the key's to say and never the token's (RFC 8725, section 3.1).
"""

import base64
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from todo_backend.auth.jws import Jws
from todo_backend.model import strict_json
from todo_backend.model.errors import SignatureInvalid, TokenInvalid
from todo_backend.model.strict_json import JsonMalformed

KEYS_MAX: Final = 100
RSA_BITS: Final = range(2048, 8192 + 1)
NESTING_MAX: Final = 8

_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# `kty` and `crv`, and what such a key can be for. The first is taken where the key has no `alg`:
# every issuer that leaves it out, Microsoft's among them, signs by RS256, and a key that verified
# by two paddings would be bound to neither. Ed25519 is EdDSA by its newer name (RFC 9864).
_FITTING: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = MappingProxyType(
    {
        ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
        ("EC", "P-256"): ("ES256",),
        ("EC", "P-384"): ("ES384",),
        ("EC", "P-521"): ("ES512",),
        ("RSA", None): _RSA,
    }
)
ALGORITHMS: Final = frozenset(name for names in _FITTING.values() for name in names)

_CURVES: Final[Mapping[object, ec.EllipticCurve]] = MappingProxyType(
    {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
)
_ED25519_BYTES: Final = 32
_EXPONENT_BITS: Final = range(2, 64)
# Whoever publishes one of these has given the key away (RFC 7518, sections 6.2.2, 6.3.2 and 6.4).
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")


class JwksMalformed(ValueError):
    """Not a JSON Web Key Set at all. The message names the defect and never quotes the text."""


class _Unfit(ValueError):
    """Why one key of a set is left out."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key and the one algorithm that it verifies by; two are equal when both are the same."""

    kid: str | None
    alg: str
    signature_bytes: int
    key: Any  # one of the three kinds of `cryptography`; PyJWT's algorithms share no type for them

    def require_signature(self, parsed: Jws) -> None:
        """Raise TokenInvalid for another algorithm or length, SignatureInvalid for another key's.

        A signature by ECDSA is r and s in full length, side by side (RFC 7518, section 3.4).
        """
        if parsed.alg != self.alg:
            raise TokenInvalid(f"the token's key is for {self.alg} and its header says otherwise")
        if len(parsed.signature) != self.signature_bytes:
            raise TokenInvalid("signature of another length than the algorithm's")
        if not _algorithm(self.alg).verify(parsed.signing_input, self.key, parsed.signature):
            raise SignatureInvalid("signature does not verify by the issuer's key")


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of a set, and why each of the others is left out, for the log."""

    keys: tuple[PublicKey, ...]
    ignored: tuple[str, ...] = ()

    def find(self, kid: str | None) -> PublicKey | None:
        """Return the key of a token; one without `kid` can only mean the only key there is."""
        if kid is None:
            return self.keys[0] if len(self.keys) == 1 else None
        return next((key for key in self.keys if key.kid == kid), None)


def read(octets: bytes) -> KeySet:
    """Read a JSON Web Key Set (RFC 7517, section 5), which may turn out to hold no usable key.

    Raises: JwksMalformed.
    """
    try:
        document = strict_json.parse(octets, depth_max=NESTING_MAX)
    except JsonMalformed as error:
        raise JwksMalformed(str(error)) from None
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise JwksMalformed("no list of keys")
    if len(members) > KEYS_MAX:
        raise JwksMalformed(f"more than {KEYS_MAX} keys")
    return _key_set(members)


def _key_set(members: list[object]) -> KeySet:
    usable: list[tuple[int, PublicKey]] = []
    ignored: list[str] = []
    for position, member in enumerate(members, start=1):
        try:
            usable.append((position, _public_key(member)))
        except _Unfit as error:
            ignored.append(f"key {position}: {error}")
    # Which of two was meant is anybody's guess, so neither is.
    times = Counter(key.kid for _, key in usable)
    times[None] = 1  # those without are told apart by nothing, and no token can name them
    ignored += [f"key {position}: kid repeated" for position, key in usable if times[key.kid] > 1]
    return KeySet(tuple(key for _, key in usable if times[key.kid] == 1), tuple(ignored))


# One key --------------------------------------------------------------------------------

_Material = tuple[Any, int]  # the library's key, and how many bytes its signatures have


def _public_key(member: object) -> PublicKey:
    if not isinstance(member, dict):
        raise _Unfit("not an object")
    _require_purpose(member)
    kid = member.get("kid")
    if "kid" in member and not (isinstance(kid, str) and kid):
        raise _Unfit("kid not a usable string")
    alg = _algorithm_of(member)
    key, signature_bytes = _MAKERS[member["kty"]](member)
    return PublicKey(kid, alg, signature_bytes, key)


def _require_purpose(member: Mapping[str, object]) -> None:
    """Take keys for checking signatures, which are public (RFC 7517, sections 4.2 and 4.3)."""
    if not _PRIVATE.isdisjoint(member):
        raise _Unfit("holds a secret or private key")
    if member.get("use", "sig") != "sig":
        raise _Unfit("use is not sig")
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _Unfit("key_ops without verify")


def _algorithm_of(member: Mapping[str, object]) -> str:
    kty, crv = member.get("kty"), member.get("crv")
    if not isinstance(kty, str) or not isinstance(crv, str | None):
        raise _Unfit("kty or crv not a string")
    fitting = _FITTING.get((kty, None if kty == "RSA" else crv))
    if fitting is None:
        raise _Unfit("kty or crv of a kind that is not supported")
    alg = member.get("alg", fitting[0])
    if not isinstance(alg, str) or alg not in fitting:
        raise _Unfit("alg does not fit the key, or is not supported")
    return alg


def _edwards(member: Mapping[str, object]) -> _Material:
    octets = _octets(member, "x")
    if len(octets) != _ED25519_BYTES or not _is_sound_point(octets):
        raise _Unfit("x is no point that a signature can be checked by")
    return ed25519.Ed25519PublicKey.from_public_bytes(octets), 2 * _ED25519_BYTES


def _elliptic(member: Mapping[str, object]) -> _Material:
    curve = _CURVES[member["crv"]]
    length = (curve.key_size + 7) // 8
    x, y = _octets(member, "x"), _octets(member, "y")
    if not len(x) == len(y) == length:
        raise _Unfit("x or y of another length than the curve's")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve)
    try:
        return numbers.public_key(), 2 * length
    except ValueError:
        raise _Unfit("x and y are no point of the curve") from None


def _rsa(member: Mapping[str, object]) -> _Material:
    modulus = int.from_bytes(_octets(member, "n"))
    exponent = int.from_bytes(_octets(member, "e"))
    if modulus.bit_length() not in RSA_BITS:
        raise _Unfit(f"RSA of fewer than {RSA_BITS[0]} or more than {RSA_BITS[-1]} bits")
    # 1 would make a signature of every text, and a long exponent only costs time.
    if exponent.bit_length() not in _EXPONENT_BITS or not exponent & modulus & 1:
        raise _Unfit("RSA with an even or unusual number")
    if _has_guessable_primes(modulus):
        raise _Unfit("RSA key of a generator whose keys can be factored")
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return key, (modulus.bit_length() + 7) // 8


_MAKERS: Final[Mapping[object, Callable[[Mapping[str, object]], _Material]]] = MappingProxyType(
    {"OKP": _edwards, "EC": _elliptic, "RSA": _rsa}
)


def _octets(member: Mapping[str, object], name: str) -> bytes:
    value = member.get(name)
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value) or len(value) % 4 == 1:
        raise _Unfit(f"{name} is not base64url")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


@cache
def _algorithm(alg: str) -> jwt.algorithms.Algorithm:
    return jwt.get_algorithm_by_name("EdDSA" if alg == "Ed25519" else alg)


# Weak keys ------------------------------------------------------------------------------

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P


def _is_sound_point(octets: bytes) -> bool:
    """Whether this encodes a point of edwards25519 (RFC 8032, section 5.1.3) of large order.

    The library takes any 32 octets. Under one of the eight points of small order, anybody can make
    signatures that verify.
    """
    y = int.from_bytes(octets, "little") & (2**255 - 1)
    if y >= _P:
        return False
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(x_squared, (_P - 1) // 2, _P) != 1:  # 0 at y = ±1, the orders 1 and 2
        return False
    # Order 4 has y = 0. Order 8 doubles to that: y² = -x², so d·y⁴ + 2·y² = 1 on the curve.
    return y != 0 and (_D * y**4 + 2 * y * y - 1) % _P != 0


def _has_guessable_primes(modulus: int) -> bool:
    """Whether both primes look like powers of 65537 (ROCA, CVE-2017-15361).

    By chance they do so in fewer than one of 10⁸ sound keys.
    """
    return all(modulus % prime in powers for prime, powers in _powers_of_65537())


@cache
def _powers_of_65537() -> tuple[tuple[int, frozenset[int]], ...]:
    primes = [n for n in range(3, 168) if all(n % divisor for divisor in range(2, n))]
    return tuple((p, frozenset(pow(65537, k, p) for k in range(p))) for p in primes)
