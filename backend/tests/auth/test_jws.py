"""The strict reader takes one spelling of a token and refuses every other."""

import base64
import json
import traceback
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from todo_backend.auth import jws
from todo_backend.model.errors import TokenInvalid

HEADER = b'{"alg":"HS256","typ":"JWT"}'
CLAIMS = b'{"sub":"alice","exp":1}'
SIGNATURE = bytes(range(32))


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def compact(header: bytes = HEADER, claims: bytes = CLAIMS, signature: bytes = SIGNATURE) -> str:
    return f"{b64(header)}.{b64(claims)}.{b64(signature)}"


def header_with(**members: Any) -> bytes:
    return json.dumps({"alg": "HS256"} | members).encode("utf-8")


def nested(depth: int) -> bytes:
    """Claims of this depth, the outermost object counted."""
    return b'{"x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize("kind", [str, bytes])
def test_a_token_comes_apart_into_what_was_signed(kind: type) -> None:
    """The reader gives algorithm, claims, signature and the exact text under the signature."""
    token = compact(header_with(kid="k1"))

    parsed = jws.read(token if kind is str else token.encode("ascii"))

    assert parsed == jws.Jws(
        alg="HS256",
        kid="k1",
        payload=CLAIMS,
        signing_input=token.rpartition(".")[0].encode("ascii"),
        signature=SIGNATURE,
    )
    assert parsed.claims() == {"sub": "alice", "exp": 1}


@pytest.mark.parametrize(
    "header",
    [
        header_with(),
        header_with(typ="JWT"),
        header_with(typ="at+jwt"),
        header_with(kid="k" * 255),
        header_with(kid="ключ 1"),
        b' {"alg" : "HS256"}\n',
    ],
)
def test_header_is_accepted(header: bytes) -> None:
    """`typ` may be absent, `JWT` or `at+jwt`, and `kid` any printable string of 1 to 255."""
    parsed = jws.read(compact(header))

    assert parsed.alg == "HS256"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        *[
            (header_with(**{name: value}), "header member not allowed")
            for name, value in {
                "b64": True,
                "crit": ["b64"],
                "cty": "JWT",
                "enc": "A256GCM",
                "jku": "https://example.com/keys",
                "jwk": {},
                "x5c": [],
                "x5u": "https://example.com/key",
                "zip": "DEF",
                "Alg": "none",
                "anything": 1,
            }.items()
        ],
        *[
            (header_with(alg=alg), "alg missing or not a string")
            for alg in (None, 256, True, ["HS256"], {"alg": "HS256"})
        ],
        (b'{"typ":"JWT"}', "alg missing or not a string"),
        *[
            (header_with(typ=typ), "typ of another kind of token")
            for typ in (None, 5, ["JWT"], {"a": 1}, "", "jwt", "AT+JWT", "JWT ", "at+jwt ", "JWE")
        ],
        (header_with(typ="application/at+jwt"), "typ of another kind of token"),
        (header_with(typ="better-auth.session-cache+jwt"), "typ of another kind of token"),
        *[
            (header_with(kid=kid), "kid not a usable string")
            for kid in (None, 1, ["a"], "", "k" * 256, "a\0", "a\nb", "\x7f", "\x85", "\ud800")
        ],
    ],
)
def test_header_is_refused(header: bytes, reason: str) -> None:
    """A header says what we obey, in the types we obey it in, and nothing else."""
    token = compact(header)

    with pytest.raises(TokenInvalid) as refused:
        jws.read(token)

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        *[
            (text, "not three segments")
            for text in ("", "null", ".", "a.b", "a.b.c.d", "a.b.c.d.e")
        ],
        (compact() + ".", "not three segments"),
        ("." + compact(), "not three segments"),
        *[(text, "segment not base64url") for text in ("..", "a.b.c", f"{b64(HEADER)}..AA")],
        (compact(signature=b""), "segment not base64url"),
        (compact() + "=", "segment not base64url"),
        (compact() + "\n", "segment not base64url"),
        (compact() + "AAA"[: 45 - 43], "segment not base64url"),
        (compact().replace(".", " .", 1), "segment not base64url"),
        (compact(signature=b"\xfb\xff\xfe").replace("-", "+"), "segment not base64url"),
        (compact(signature=b"\xfb\xff\xfe").replace("_", "/"), "segment not base64url"),
        (compact(signature=b"\0")[:-1] + "B", "segment not canonical base64url"),
        (compact(signature=b"\0\0")[:-1] + "B", "segment not canonical base64url"),
        (compact() + "é", "token not ASCII"),
        (compact() + "\ud800", "token not ASCII"),
        (compact().encode() + b"\xe9", "token not ASCII"),
        ("A" * 8193, "token too long"),
    ],
)
def test_text_is_refused(token: str | bytes, reason: str) -> None:
    """A token is three segments of canonical base64url without padding, at most 8 KiB."""
    with pytest.raises(TokenInvalid) as refused:
        jws.read(token)

    assert refused.value.reason == reason


def test_the_longest_token_is_read() -> None:
    """8 KiB are accepted to the last byte."""
    room = jws.TOKEN_MAX_BYTES - len(compact(claims=b"")) - 1
    claims = b'{"pad":"' + b"x" * (room * 3 // 4 - 10) + b'"}'
    token = compact(claims=claims)
    token += "A" * ((jws.TOKEN_MAX_BYTES - len(token)) // 4 * 4)

    parsed = jws.read(token)

    assert jws.TOKEN_MAX_BYTES - 4 < len(token) <= jws.TOKEN_MAX_BYTES
    assert parsed.claims()["pad"]


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "not JSON"),
        ('\ufeff{"a":1}'.encode(), "not JSON"),
        (b"{", "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1} x', "not JSON"),
        (b'{"a":01}', "not JSON"),
        (b'{"a":"\n"}', "not JSON"),
        (b'{"' + b'\\"' * 2000 + b"[" * 40, "not JSON"),
        *[(text, "not a JSON object") for text in (b"[]", b'"a"', b"1", b"null", b"true")],
        (b'{"a":1,"a":1}', "JSON member repeated"),
        (b'{"a":1,"\\u0061":2}', "JSON member repeated"),
        (b'{"x":[{"a":1,"a":2}]}', "JSON member repeated"),
        (b'{"a":NaN}', "NaN or Infinity in JSON"),
        (b'{"a":-Infinity}', "NaN or Infinity in JSON"),
        (b'{"a":1e400}', "JSON number beyond a double"),
        (b'{"a":-1e309}', "JSON number beyond a double"),
        (b'{"a":1' + b"0" * 400 + b"}", "JSON number beyond a double"),
        (b'{"a":1' + b"0" * 5000 + b"}", "JSON number beyond a double"),
        (nested(33), "JSON nested too deeply"),
        (nested(2900), "JSON nested too deeply"),
        (b"[" * 5000, "JSON nested too deeply"),
    ],
)
def test_json_is_refused(octets: bytes, reason: str) -> None:
    """Both objects are I-JSON in UTF-8: no second reading, nothing that hurts a parser."""
    with pytest.raises(TokenInvalid) as in_claims:
        jws.read(compact(claims=octets)).claims()
    with pytest.raises(TokenInvalid) as in_header:
        jws.read(compact(header=octets))

    assert (in_claims.value.reason, in_header.value.reason) == (reason, reason)


@pytest.mark.parametrize(
    "claims",
    [
        b"{}",
        nested(32),
        b'{"a":"' + b"[{" * 50 + b'"}',
        b'{"a":"\\"' + b"[" * 50 + b'"}',
        b'{"a":[' + b",".join([b"[]"] * 50) + b"]}",
        b'{"a":1e308,"b":-0,"c":1E-400,"d":1' + b"0" * 300 + b"}",
        '{"имя":"😀"}'.encode(),
    ],
)
def test_claims_are_accepted(claims: bytes) -> None:
    """The limits hold for structure, not for brackets in text or for many flat members."""
    parsed = jws.read(compact(claims=claims))

    assert parsed.claims() == json.loads(claims)


@settings(deadline=None)
@given(st.one_of(st.text(), st.binary(), st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True)))
def test_any_text_is_read_or_refused(token: str | bytes) -> None:
    """Nothing a client sends raises anything but TokenInvalid."""
    with suppress(TokenInvalid):
        assert isinstance(jws.read(token), jws.Jws)


@settings(deadline=None)
@given(header=st.binary(), claims=st.binary(), signature=st.binary(min_size=1))
def test_any_segments_are_read_or_refused(header: bytes, claims: bytes, signature: bytes) -> None:
    """Octets under good base64url raise nothing but TokenInvalid either."""
    for token in (compact(header=header), compact(claims=claims), compact(signature=signature)):
        with suppress(TokenInvalid):
            parsed = jws.read(token)
            assert isinstance(parsed.claims(), dict)
            assert parsed.signing_input.decode() + "." + b64(parsed.signature) == token


@pytest.mark.parametrize(
    "octets", [b'{"CANARY":1,"CANARY":2}', b'{"CANARY":', b"CANARY\xff", b'["CANARY"]']
)
def test_refusal_does_not_quote_the_token(octets: bytes) -> None:
    """Not even a printed traceback holds anything of the token."""
    token = compact(header=octets)

    with pytest.raises(TokenInvalid) as refused:
        jws.read(token)

    assert "CANARY" not in "".join(traceback.format_exception(refused.value))
