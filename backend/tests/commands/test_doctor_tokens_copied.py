"""`todo-backend doctor --token` on what is copied whole: requests, commands, code, cookies."""

import time
from typing import Final

import pytest

from tests.commands.examining import explained, not_ok, verdict
from tests.support import tokens
from tests.support.server import SECRET
from todo_backend.doctor import Level, copied, pasted

NOW: Final = int(time.time())
TOKEN: Final = tokens.signed({"sub": "user_1", "iat": NOW, "exp": NOW + 900}, secret=SECRET)
COOKIE: Final = f"{'aB' * 16}.{'A' * 20}%2B{'A' * 20}%2F%2B%3D"
HOST: Final = "localhost:8000"

REQUESTS: Final = {
    "head": "GET /api/user_1/tasks HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    "Cookie: a=b; better-auth.session_token={cookie}\r\nUser-Agent: x\r\n\r\n",
    "head-lower": "host: {host}\naccept: */*\nauthorization: bearer {token}\norigin: http://x",
    "head-with-body": 'POST /x HTTP/1.1\nAuthorization: Bearer {token}\n\n{{"title":"cookie: x"}}',
    "chrome-two-lines": "authorization\nBearer {token}",
    "chrome-colon-line": "authorization:\nBearer {token}\nconnection:\nkeep-alive",
    "chrome-all": ":authority\n{host}\n:method\nGET\naccept-encoding\ngzip\nauthorization\n"
    "Bearer {token}\ncache-control\nno-cache\ncookie\na=b\nvary\nCookie\nuser-agent\nx",
    "chrome-preflight-first": "access-control-request-headers\nauthorization\norigin\nhttp://x\n"
    "authorization\nBearer {token}\nreferer\nhttp://x",
    "curl": "curl 'http://{host}/api/user_1/tasks' -H 'Authorization: Bearer {token}'",
    "curl-double": 'curl -X GET --header "Authorization: Bearer {token}" http://{host}/api',
    "curl-equals": 'curl --header="authorization: bearer {token}" http://{host}/api',
    "curl-glued": "curl -H'Authorization: Bearer {token}' http://{host}/",
    "curl-lines": "curl 'http://{host}/' \\\n  -H 'accept: */*' \\\n"
    "  -H 'authorization: Bearer {token}' \\\n  -b 'a=b; x=y' \\\n  --compressed",
    "curl-bash": "curl 'http://{host}/' -H $'authorization: Bearer {token}' -H 'a: b'",
    "curl-cmd": 'curl ^"http://{host}/^" ^\n'
    '  -H ^"authorization: Bearer {token}^" ^\n  -H ^"a: b^"',
    "curl-option": "curl --oauth2-bearer {token} http://{host}/api",
    "curl-quoted-option": "curl --oauth2-bearer '{token}' http://{host}/api",
    "powershell": 'Invoke-WebRequest -Uri "http://{host}/" -Headers @{{\n"accept"="*/*"\n'
    '  "authorization"="Bearer {token}"\n}}',
    "fetch": 'await fetch("http://{host}/", {{\n  "headers": {{\n    "accept": "*/*",\n'
    '    "authorization": "Bearer {token}",\n    "x": "y"\n  }}\n}});',
    "code": "headers: {{ Authorization: `Bearer {token}`, Accept: 'x' }}",
    "call": "headers.set('Authorization', 'Bearer {token}');",
    "har": '{{"name": "Authorization", "value": "Bearer {token}"}}',
    "table": "Authorization\tBearer {token}\nAccept\t*/*",
    "answer": "HTTP/1.1 200 OK\nset-auth-jwt: {token}\nvary: Cookie\n",
    "answer-two-lines": "vary\nCookie\nset-auth-jwt\n{token}\nset-cookie\na=b; Path=/",
    "client": '{{"data":{{"token":"{token}"}},"error":null}}',
}


def filled(form: str) -> str:
    return form.format(token=TOKEN, cookie=COOKIE, host=HOST)


@pytest.mark.parametrize("form", REQUESTS.values(), ids=REQUESTS)
async def test_token_in_what_was_copied(form: str) -> None:
    """It is found, whole and without what stands around it."""
    findings = await explained(filled(form))

    assert not_ok(findings) == []
    assert verdict(findings).sentence.endswith('accepts it, for the user "user_1"')


COOKIES: Final = {
    "alone": "better-auth.session_token={cookie}",
    "page": "foo=bar; better-auth.session_token={cookie}; x=y",
    "page-in-quotes": '"foo=bar; better-auth.session_token={cookie}; x=y"',
    "page-secure": "theme=dark; __Secure-better-auth.session_token={cookie}",
    "page-both": "x=y;better-auth.session_data=abc; better-auth.session_token={cookie}",
    "header": "Cookie: x=y; better-auth.session_token={cookie}",
    "head": "GET / HTTP/1.1\nHost: {host}\nCookie: x=y; better-auth.session_token={cookie}\nDNT: 1",
    "chrome": "host\n{host}\ncookie\nx=y; better-auth.session_token={cookie}\nreferer\nhttp://x",
    "curl-b": "curl 'http://{host}/' -b 'x=y; better-auth.session_token={cookie}' -H 'a: b'",
    "curl-cookie": 'curl --cookie "better-auth.session_token={cookie}" http://{host}/',
    "curl-bare": "curl -b better-auth.session_token={cookie} http://{host}/",
    "curl-field": "curl http://{host}/ -H 'Cookie: better-auth.session_token={cookie}'",
    "answer": "HTTP/1.1 200 OK\nSet-Cookie: x=y; Path=/\n"
    "Set-Cookie: better-auth.session_token={cookie}; Path=/; HttpOnly; SameSite=Lax\n",
    "table": "better-auth.session_token\t{cookie}\tlocalhost\t/\tSession",
    "jar": "#HttpOnly_localhost\tFALSE\t/\tFALSE\t0\tbetter-auth.session_token\t{cookie}",
    "powershell": '$s.Cookies.Add((New-Object System.Net.Cookie("better-auth.session_token", '
    '"{cookie}", "/", "localhost")))',
}


@pytest.mark.parametrize("form", COOKIES.values(), ids=COOKIES)
def test_session_cookie_in_what_was_copied(form: str) -> None:
    """Wherever it stands among the others, and whoever writes them down."""
    found = pasted.read(filled(form))

    assert found.credential == COOKIE
    assert (found.cookie or "").endswith("better-auth.session_token")
    assert found.header[0] == b"cookie"
    assert f"better-auth.session_token={COOKIE}".encode() in found.header[1]
    assert found.oddities == ()


@pytest.mark.parametrize("form", COOKIES.values(), ids=COOKIES)
async def test_session_cookie_is_explained(form: str) -> None:
    """It is known for what it is, and what it needs is told."""
    findings = await explained(filled(form))

    assert findings[0].sentence == "this is a signed session token of Better Auth"
    assert "cookies are not accepted" in verdict(findings).sentence


async def test_session_cache_among_cookies() -> None:
    """Without a session token beside it, it is what there is."""
    findings = await explained(f"foo=bar; __Secure-better-auth.session_data={TOKEN}; x=y")

    assert "cookies are not accepted" in verdict(findings).sentence
    assert findings[-1].sentence.startswith("as Bearer it is accepted")


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/user_1/tasks HTTP/1.1\nHost: localhost\nAccept: */*",
        "curl 'http://localhost:8000/api/user_1/tasks' -H 'Accept: */*'",
        "Host: localhost\nAccept: */*\nVary: Cookie\n",
        'fetch("http://localhost:8000/api/user_1/tasks")',
        "Proxy-Authorization: Basic abc\nX-Cookie: a=b\nAccept: */*",
    ],
)
async def test_request_without_a_credential(text: str) -> None:
    """That is what is wrong with it."""
    found = verdict(await explained(text))

    assert "there is no token: what was sent in its place is nothing" in found.sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"Authorization: Authorization: Bearer {TOKEN}", "no token under the scheme Bearer"),
        (f"authorization\n{TOKEN}\ncookie\na=b", "no token under the scheme Bearer"),
        ("authorization\nundefined\naccept\n*/*", 'in its place is the text "undefined"'),
        (f"Host: x\nAuthorization: {TOKEN}\nAccept: y", "no token under the scheme Bearer"),
        (f"Host: x\nAuthorization:\nAccept: {TOKEN}", "what was sent in its place is nothing"),
        (f"curl -H 'Authorization: Bearer Bearer {TOKEN}'", "the word Bearer is there twice"),
        (f"Authorization: Bearer {TOKEN}, Bearer {TOKEN}", "can't be read as one token"),
    ],
)
async def test_mistake_stays_one(text: str, sentence: str) -> None:
    """What the front end does wrong is not tidied away."""
    assert sentence in verdict(await explained(text)).sentence


async def test_two_of_them() -> None:
    """The server refuses both together, whichever is good."""
    findings = await explained(f"Authorization: Basic YWJj\nAuthorization: Bearer {TOKEN}")

    assert not_ok(findings)[0].sentence.startswith("there are several Authorization headers")


@pytest.mark.parametrize(
    "form", ["Host: x\nAuthorization: Bearer {}\n{}", "Authorization:\tBearer {}\n{}\nHost: x"]
)
async def test_token_that_a_terminal_has_broken(form: str) -> None:
    """It goes on in the next line, if that is no field of its own."""
    findings = await explained(form.format(TOKEN[:70], TOKEN[70:]))

    assert verdict(findings).level is Level.OK
    assert not_ok(findings)[0].sentence.startswith("line breaks in the token")


@pytest.mark.parametrize("name", ["-b", "--cookie"])
def test_file_of_cookies(name: str) -> None:
    """Its name is no cookie."""
    assert copied.fields(f"curl {name} cookies.txt http://localhost/") == []


ORDINARY: Final = (
    "Authorization:",
    "`Authorization: Bearer ${data.token}`",
    "Bearer ${data.token}",
    "Authorization: Authorization: Bearer",
    "await authClient.token()",
    "Bearer better-auth.session_token",
    "Bearer BETTER_AUTH_DATABASE_URL",
    "Bearer todo-backend doctor",
    "send an access token as Bearer: `const { data } = await authClient.token()`",
    "Cookie: better-auth.session_token=better-auth.session_token",
)


@pytest.mark.parametrize("text", ORDINARY)
@pytest.mark.parametrize("accepts", ["true", "false"])
async def test_ordinary_words_are_not_hidden(text: str, accepts: str) -> None:
    """The advice is whole, whatever words of it somebody has pasted."""
    findings = await explained(text, ACCEPT_SESSION_COOKIE=accepts)

    assert verdict(findings).level is Level.PROBLEM
    assert not any("[…]" in each.line for each in findings)


async def test_value_that_repeats_its_token() -> None:
    """A key's name can hold what the token goes on with, and is shown without it."""
    claims = {"sub": "user_1", "iat": NOW, "exp": NOW + 900}
    payload = tokens.signed(claims, secret=SECRET).split(".")[1]
    token = tokens.signed(claims, secret=SECRET, header={"alg": "HS256", "kid": f'"\\{payload}'})

    findings = await explained(token)

    assert token.split(".")[1] == payload
    assert "[…]" in findings[0].sentence
