r"""Builds requests from the recipes of tests/data/jwt_hostile.json, independently of the product.

A row holds `header` and `claims` (JSON to sign) or the exact text of a segment (`raw_header`,
`raw_claims`, where \xNN is one byte), `key` and `mac` (with what and how it is signed), `mangle`
(what is done to the token afterwards) and `send` (where it travels; `{t}` is the token). What a
row leaves out has the value of the good token CTL-01.
"""

import base64
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt

from tests.support import keys

Row = Mapping[str, Any]

HEADER: Final = {"alg": "HS256", "typ": "JWT"}
CLAIMS: Final = {
    "sub": "$alice",
    "user_id": "$alice",
    "email": "alice@example.com",
    "iat": "$now-5",
    "exp": "$now+900",
}
ISSUER: Final = "http://localhost:3000"
"""What AUD-* and ISS-* take to be configured, as issuer and as audience."""
REAL_KID: Final = "key-1"

MAC_ALONE: Final[Mapping[str, str]] = {
    "SIG-06": "32 zero bytes are a MAC of the right form",
    "SIG-17": "the other header is a good one, only the MAC is not over it",
    "KEY-wrong": "another key",
    "KEY-empty": "another key",
    "KEY-nul": "another key",
    "KEY-secret_lower": "another key",
    "KEY-secret": "another key",
    "KEY-better-auth-": "another key",
    "KEY-seedleak": "another key",
    "CONF-rsa_pem": "another key, to us a public key is just text",
    "CONF-rsa_pkcs1_pem": "another key, to us a public key is just text",
    "CONF-rsa_n": "another key, to us a public key is just text",
    "CONF-rsa_jwk": "another key, to us a public key is just text",
    "CONF-ec_jwk": "another key, to us a public key is just text",
    "CONF-ed_raw": "another key, to us a public key is just text",
    "CONF-ed_jwk": "another key, to us a public key is just text",
    "KID-00": "a kid of permitted form, which the shared secret has no use for",
    "KID-01": "a kid of permitted form, which the shared secret has no use for",
    "KID-02": "a kid of permitted form, which the shared secret has no use for",
}
"""Rows whose one defect is the MAC, by the contract AUTH_INVALID_CREDENTIALS: the rows themselves
say AUTH_INVALID_TOKEN, which the contract keeps for what is no token of ours."""

SIGNATURE_ALONE: Final[Mapping[str, str]] = {
    "ATK-EdDSA-kid": "a key that is published and of this algorithm, only it has not signed this",
}
"""Rows that are like those of `MAC_ALONE` where the keys of `published` are trusted."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request's share of a row; `headers` are as they stand on the wire."""

    token: str
    headers: list[tuple[bytes, bytes]]
    query: str

    def values(self, name: bytes) -> list[bytes]:
        return [value for header, value in self.headers if header == name]


@dataclass(frozen=True, slots=True)
class Scene:
    """What the placeholders stand for; `now` is in Unix seconds."""

    secret: str
    alice: str
    bob: str
    now: int


def rows() -> list[Row]:
    path = Path(__file__).parents[1] / "data" / "jwt_hostile.json"
    loaded: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def published() -> list[dict[str, Any]]:
    """Return the issuer's key set: `$real_kid` is its first key, and CONF-* are made of all."""
    return [
        {**json.loads(keys.hmac_key(f"pub:{form}", "")), "alg": alg, "kid": kid}
        for form, alg, kid in (
            ("ed_jwk", "EdDSA", REAL_KID),
            ("ec_jwk", "ES256", "key-2"),
            ("rsa_jwk", "RS256", "key-3"),
        )
    ]


def expected_code(row: Row, *, has_keys: bool = False) -> str | None:
    """Say the contract's error code for a row; None where the token is accepted or never read.

    `has_keys`: the server trusts the keys of `published` as well.
    """
    well_formed = {*MAC_ALONE, *SIGNATURE_ALONE} if has_keys else MAC_ALONE
    code: str | None = "AUTH_INVALID_CREDENTIALS" if row["id"] in well_formed else row.get("code")
    return code


def build(row: Row, *, secret: str, alice: str, bob: str, now: int) -> Sent:
    """Make the token of a row and the request that carries it.

    Needs: a secret with a capital letter (or KEY-secret_lower would be a good token).
    """
    scene = Scene(secret, alice, bob, now)
    token = _token(row, scene)
    sent = dict(row.get("send") or {"authorization": ["Bearer {t}"]})
    query = sent.pop("query", "").replace("{t}", token)
    headers = [
        (name.encode("ascii"), _people(value.replace("{t}", token), scene).encode("utf-8"))
        for name, values in sent.items()
        for value in values
    ]
    return Sent(token, headers, query)


def signed(claims: Mapping[str, Any], *, secret: str, header: Mapping[str, Any] = HEADER) -> str:
    """Sign claims as they stand, by HS256, without a look at what they say."""
    text = f"{_b64(_dumps(header))}.{_b64(_dumps(claims))}"
    return f"{text}.{_b64(hmac.digest(secret.encode('utf-8'), text.encode('ascii'), 'sha256'))}"


def _token(row: Row, scene: Scene) -> str:
    header = _segment(row.get("raw_header"), row.get("header", HEADER), scene)
    claims = _segment(row.get("raw_claims"), row.get("claims", CLAIMS), scene)
    text = f"{_b64(header)}.{_b64(claims)}"
    signature = _signature(text.encode("ascii"), row, scene)
    token = f"{text}.{_b64(signature)}"
    for mangle in row.get("mangle") or []:
        token = _mangled(token, mangle)
    return token


# Segments -------------------------------------------------------------------------------


def _segment(raw: str | None, members: Mapping[str, Any], scene: Scene) -> bytes:
    if raw is None:
        return _dumps(_filled(members, scene))
    if raw == "$utf16":
        return json.dumps(members).encode("utf-16")
    texts = {
        "$exp": str(scene.now + 900),
        "$iat": str(scene.now - 5),
        "$zeros": "0" * 400,
        "$deep1e5": "[" * 100_000 + "]" * 100_000,
        "$deep": "[" * 2_000 + "]" * 2_000,
    }
    for placeholder, text in texts.items():
        raw = raw.replace(placeholder, text)
    if "$inner" in raw:
        raw = raw.replace("$inner", signed(_filled(CLAIMS, scene), secret=scene.secret))
    octets = _people(raw, scene).encode("utf-8")
    return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), octets)


def _filled(value: Any, scene: Scene) -> Any:
    if isinstance(value, Mapping):
        return {k: _filled(v, scene) for k, v in value.items() if v != "$drop"}
    if isinstance(value, list):
        return [_filled(item, scene) for item in value]
    return _placeholder(value, scene) if isinstance(value, str) else value


def _placeholder(text: str, scene: Scene) -> Any:
    if moment := re.fullmatch(r"\$now([+-][\d.]+)?", text):
        offset = moment[1] or "0"
        return scene.now + (float(offset) if "." in offset else int(offset))
    if text.startswith("$pad:"):
        return "x" * int(text.removeprefix("$pad:"))
    values: dict[str, Any] = {
        "$ms": (scene.now + 900) * 1000,
        "$rand": secrets.token_hex(16),
        "$real_kid": REAL_KID,
        "$attacker_jwk": keys.attacker_jwk(),
    }
    return values[text] if text in values else _people(text, scene)


def _people(text: str, scene: Scene) -> str:
    return text.replace("$alice", scene.alice).replace("$bob", scene.bob)


# Signatures -----------------------------------------------------------------------------


def _signature(text: bytes, row: Row, scene: Scene) -> bytes:
    key, mac = row.get("key", "secret"), row.get("mac", "HS256")
    if key.startswith("attacker:"):
        signed_by_attacker: bytes = jwt.get_algorithm_by_name(mac).sign(text, keys.attacker(mac))
        return signed_by_attacker
    return hmac.digest(keys.hmac_key(key, scene.secret), text, f"sha{mac.removeprefix('HS')}")


# Damage ---------------------------------------------------------------------------------


def _mangled(token: str, mangle: str) -> str:
    kind, _, argument = mangle.partition(":")
    if kind == "append":
        return token + argument
    if kind == "prepend":
        return argument + token
    header, claims, signature = token.split(".")
    if kind == "swaphdr":
        return f"{_b64(_reversed_members(_unb64(header)))}.{claims}.{signature}"
    return f"{header}.{claims}.{_mangled_signature(signature, kind, argument)}"


def _mangled_signature(signature: str, kind: str, argument: str) -> str:
    match kind:
        case "sig":
            return argument
        case "truncsig":
            return _b64(_unb64(signature)[: int(argument)])
        case "zerosig":
            return _b64(bytes(len(_unb64(signature))))
        case "slack":
            alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            return signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]
        case "insertsig":
            return signature[:10] + argument + signature[10:]
        case "hexsig":
            return _unb64(signature).hex()
    raise ValueError(f"no such mangle: {kind}")


def _reversed_members(octets: bytes) -> bytes:
    return _dumps(dict(reversed(json.loads(octets).items())))


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("utf-8")


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
