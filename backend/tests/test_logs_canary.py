"""The watch over the whole suite's output (tests/support/canary.py) sees what it watches for."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import httpx
import pytest
import structlog
from starlette.types import Receive, Scope, Send

from tests.support.canary import Collector, Witness
from tests.support.client import client_for
from tests.support.server import SECRET, environment, serving
from tests.support.users import caller, token_for
from todo_backend.contracts.envelope import ENVELOPE
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs, parse
from todo_backend.web.answer import Answer
from todo_backend.web.operation import Route
from todo_backend.web.signature import Owner

PASSWORD = 'a "pass\\word" of \u00e9 tests'
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJlLW9mLWEtdGVzdA"
REFRESH = "refresh-0123456789-abcdefghijklmnop"
TOKEN_OF_ALICE = token_for("alice", lifetime_seconds=24 * 3600)
LEAKS: dict[str, Callable[[ConnectArgs], str]] = {
    "a token": lambda _: TOKEN_OF_ALICE,
    "its claims": lambda _: TOKEN_OF_ALICE.split(".")[1],
    "the secret": lambda _: SECRET,
    "the database's password": lambda args: args.password or "",
    "a hash": lambda _: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA",
    "a title": lambda _: "Buy milk",
}


@pytest.mark.parametrize("leak", LEAKS)
async def test_lg_01_a_leak_into_the_log_is_found(
    postgres: EmbeddedPostgres, address: ConnectArgs, leak: str
) -> None:
    """A server that tells its log is found out, and the finding does not tell it on."""
    del address  # migrated before the server starts
    text, collector = LEAKS[leak](parse(postgres.url)), Collector()

    async def telling(owner: Owner) -> Answer:
        structlog.get_logger().info("request", detail=f"({text})", user_id=owner.user_id)
        return Answer(204)

    leaky = {"envelope": replace(ENVELOPE, routes=(route(telling),))}
    server = serving(environment(postgres.url), contracts=leaky, collector=collector)
    async with server as served, caller(served.url, "alice") as alice:
        alice.client.headers["authorization"] = f"Bearer {TOKEN_OF_ALICE}"
        assert (await alice.client.get(alice.tasks)).status_code == 204

    (found,) = collector.leaks()
    assert found.startswith("the server of envelope: ")
    assert '"detail":"([what must not be here]' in found
    assert text not in found


async def test_lg_01_a_leak_into_an_answer_is_found(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """An answer that repeats the token of its request is named by the request."""
    del address
    collector, token = Collector(), token_for("alice")

    async def repeating(owner: Owner) -> Answer:
        return Answer(200, f"{owner.user_id} {token}".encode())

    leaky = {"envelope": replace(ENVELOPE, routes=(route(repeating),))}
    server = serving(environment(postgres.url), contracts=leaky, collector=collector)
    async with server as served, client_for(served.url) as client:
        headers = {"authorization": f"Bearer {token}"}
        assert (await client.get("/api/alice/tasks", headers=headers)).status_code == 200
        assert (await client.get("/livez", headers=headers)).status_code == 200

    assert collector.leaks() == ["GET '/api/alice/tasks' is answered with a secret"]


def route(endpoint: Callable[..., object]) -> Route:
    return Route("GET", "/api/{user_id}/tasks", endpoint, "leak")  # type: ignore[arg-type] # any will do


# Without a server -------------------------------------------------------------------------

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


async def ask(
    collector: Collector,
    *pieces: bytes,
    path: str = "/api/auth/signin",
    headers: Mapping[str, str] = NO_HEADERS,
    **sent: str,
) -> None:
    """Have an application answer a sign-in, or what is sent to `path`, by these pieces."""

    async def application(_scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    transport = httpx.ASGITransport(Witness(application, collector, secrets=[SECRET]))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.post(path, json=sent, headers=headers)


def told(collector: Collector, text: str) -> Sequence[str]:
    collector.watch("a log", lambda: f"2026-01-09T10:00:00Z something else\n{text}\n")
    return collector.leaks()


@pytest.mark.parametrize("line", [PASSWORD, json.dumps(PASSWORD), TOKEN.split(".")[2], REFRESH])
async def test_what_the_auth_endpoints_take_and_give_is_secret(line: str) -> None:
    """A password that was sent and tokens that were handed out, escaped as JSON or not."""
    collector = Collector()
    given = json.dumps({"access_token": TOKEN, "refresh_token": REFRESH}).encode()

    await ask(collector, given[:40], given[40:], email="alice@example.com", password=PASSWORD)

    assert collector.leaks() == []
    assert len(told(collector, line)) == 1


@pytest.mark.parametrize(
    "pieces",
    [
        [f"welcome {PASSWORD}".encode()],
        [b"welcome ", PASSWORD[:9].encode(), PASSWORD[9:].encode()],
        [b"x" * 1000, f"{SECRET[:5]}".encode(), f"{SECRET[5:]}".encode() + b"x" * 1000],
        [b"$argon2", b"id$v=19"],
    ],
    ids=["whole", "in pieces", "the secret", "a hash"],
)
async def test_an_answer_is_looked_through_in_pieces(pieces: list[bytes]) -> None:
    """A stream is not held, and what stands across its pieces is seen all the same."""
    collector = Collector()

    await ask(collector, *pieces, password=PASSWORD)

    assert set(collector.leaks()) == {"POST '/api/auth/signin' is answered with a secret"}


SESSION = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4f"
COOKIES = (
    f'theme=dark; better-auth.session_token={SESSION}.c2lnbmF0dXJl%2Bw%3D%3D; quoted="{REFRESH}"'
)


@pytest.mark.parametrize(
    "line", [SESSION, "c2lnbmF0dXJl%2Bw%3D%3D", f"{SESSION}.c2lnbmF0dXJl+w==", REFRESH]
)
async def test_what_comes_as_a_cookie_is_secret(line: str) -> None:
    """The value, encoded or not, and either half of a signed session token alone."""
    collector = Collector()

    await ask(collector, headers={"cookie": COOKIES})

    assert collector.leaks() == []
    assert told(collector, "theme=dark better-auth.session_token") == []
    assert len(told(collector, line)) == 1


async def test_a_cookie_in_an_answer_is_found() -> None:
    """As what was sent in the header for it would be."""
    collector = Collector()

    await ask(collector, SESSION.encode(), headers={"cookie": COOKIES})

    assert set(collector.leaks()) == {"POST '/api/auth/signin' is answered with a secret"}


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/metrics", "/", "/nowhere"])
async def test_lg_01_an_answer_is_looked_through_whatever_it_is(path: str) -> None:
    """No address is left out because nobody would expect a secret there."""
    collector = Collector()

    await ask(collector, f"<html>{SECRET}</html>".encode(), path=path)

    assert collector.leaks() == [f"POST {path!r} is answered with a secret"]


async def test_what_is_no_secret_is_no_leak() -> None:
    """Neither short texts nor what else a client sent, nor what every line has anew."""
    collector = Collector()

    await ask(collector, b'{"email":"hello-hello-world"}', email="hello-hello-world", password="x")

    collector.keep("a.b.c", "0" * 40)
    assert told(collector, f"a.b.c hello-hello-world {'0' * 64}") == []
