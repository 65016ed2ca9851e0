"""Bodies: how large, of which type, and what counts as JSON."""

import gzip
import json

import pytest

from tests.contracts import oracles, wire
from tests.contracts.drivers import Refusal
from tests.contracts.people import Deployment, Person
from tests.support.server import Served

LIMIT = 64 * 1024
JSON = ("content-type", "application/json")
GOOD = b'{"title":"Buy milk"}'


# Size -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_body_at_the_limit_is_read(user: Person, *, is_chunked: bool) -> None:
    """64 KiB to the octet are fine, however they are sent."""
    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(post(user, GOOD.ljust(LIMIT), is_chunked=is_chunked))

    assert response.status_code == 201
    assert connection.is_open


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_body_over_the_limit_is_refused(user: Person, *, is_chunked: bool) -> None:
    """One octet more is too large, though nothing but a blank; and the connection ends."""
    octets = post(user, GOOD.ljust(LIMIT + 1), is_chunked=is_chunked)
    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(octets)
        user.refused(response, user.driver.refusals.too_large)
        assert not connection.is_open
        # Of chunks nobody knows how many are still to come, so there the end takes a while.
        assert is_chunked or await connection.is_closed_by_server()

    assert await user.listed() == []


async def test_connection_ends_after_too_many_chunks(served: Served) -> None:
    """Once for all contracts: it does not wait for a client that never hangs up."""
    chunks = wire.chunked(b" " * (LIMIT + 1))
    octets = wire.request("POST", "/livez", [JSON, ("transfer-encoding", "chunked")], chunks)
    async with wire.connected(served.url) as connection:
        response = await connection.exchange(octets)

        assert response.status_code == 413
        assert await connection.is_closed_by_server()


@pytest.mark.parametrize("announced", [LIMIT + 1, 10**9, 10**18, 2**63, 2**64 - 1])
async def test_announced_size_is_enough_to_refuse(user: Person, announced: int) -> None:
    """A client that says how much is coming need not send a single octet of it."""
    headers = [user.authorization, JSON, ("content-length", str(announced))]
    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(wire.request("POST", user.tasks, headers))

    user.refused(response, user.driver.refusals.too_large)


async def test_unannounced_size_is_counted_on_the_way(user: Person) -> None:
    """A body in chunks is refused in its middle, without waiting for an end that never comes."""
    headers = [user.authorization, JSON, ("transfer-encoding", "chunked")]
    head = wire.request("POST", user.tasks, headers)
    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(head + wire.chunked(b" " * (LIMIT + 1))[:-5])

    user.refused(response, user.driver.refusals.too_large)


async def test_expectation_is_answered_before_the_body(user: Person) -> None:
    """`Expect: 100-continue` saves sending what is too large (RFC 9110, section 10.1.1)."""
    expecting = [user.authorization, JSON, ("expect", "100-continue")]
    large = [*expecting, ("content-length", str(LIMIT + 1))]
    async with wire.connected(user.deployment.url) as connection:
        await connection.send(wire.request("POST", user.tasks, large))
        refused = await connection.read()
    async with wire.connected(user.deployment.url) as connection:
        created = await connection.exchange(wire.request("POST", user.tasks, expecting, GOOD))

    user.refused(refused, user.driver.refusals.too_large)
    assert created.status_code == 201


def post(user: Person, body: bytes, *, is_chunked: bool = False) -> bytes:
    headers = [user.authorization, JSON]
    if not is_chunked:
        return wire.request("POST", user.tasks, headers, body)
    halves = body[: len(body) // 2], body[len(body) // 2 :]
    headers.append(("transfer-encoding", "chunked"))
    return wire.request("POST", user.tasks, headers, wire.chunked(*halves))


# Type -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json;charset=utf-8",
        'Application/JSON ; Charset="UTF-8"',
        "application/json; profile=x",
        "application/json;",
    ],
)
async def test_json_is_taken(user: Person, content_type: str) -> None:
    """Parameters are allowed, and types are compared without regard to case."""
    response = await user.client.post(
        user.tasks, content=GOOD, headers={"content-type": content_type}
    )

    assert response.status_code == 201


@pytest.mark.parametrize(
    ("types", "status"),
    [
        (["text/plain", "application/json"], 415),
        (["application/json", "text/plain"], 415),
        (["application/json", ""], 415),
        (["application/json", "application/json; charset=utf-8"], 415),
        (["text/plain", "text/plain"], 415),
        (["application/json", "application/json"], 201),
    ],
)
async def test_types_that_differ_are_none(user: Person, types: list[str], status: int) -> None:
    """A body of two types is of neither: a proxy may have looked at the other one."""
    headers = [user.authorization, *(("content-type", each) for each in types)]
    async with wire.connected(user.deployment.url) as connection:
        response = await connection.exchange(wire.request("POST", user.tasks, headers, GOOD))

    assert response.status_code == status
    oracles.check(response, user.driver)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/xml"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json/"},
        {"content-type": "application/merge-patch+json"},
        {"content-type": "json"},
        {"content-type": "*/*"},
        {"content-type": "application/json, text/plain"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json; charset=iso-8859-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "br"},
        {"content-type": "application/json", "content-encoding": "identity"},
        {"content-type": "application/json", "content-encoding": ""},
    ],
    ids=str,
)
async def test_anything_else_is_not(user: Person, headers: dict[str, str]) -> None:
    """A type that is missing or another one, or a content encoding, is refused unread."""
    task = await user.given_task()
    calls = [("POST", user.tasks), ("PUT", user.path(task)), ("PATCH", user.completion(task))]

    for method, path in calls:
        response = await user.client.request(method, path, content=b"{", headers=headers)
        user.refused(response, user.driver.refusals.media_type)


async def test_no_body_needs_no_type(user: Person) -> None:
    """Without a body its type is nobody's business; where one is required, that is what is said."""
    task = await user.given_task()
    headers = {"content-type": "text/plain", "content-encoding": "gzip"}

    toggled = await user.client.patch(user.completion(task), headers=headers)
    created = await user.client.post(user.tasks, headers=headers)

    assert toggled.status_code == 200
    user.refused(created, user.driver.refusals.required)


async def test_body_that_nobody_wants_is_ignored(user: Person) -> None:
    """GET and DELETE take none: what a client sends along has no meaning (RFC 9110, 9.3.1)."""
    task = await user.given_task()
    headers = {"content-type": "text/plain"}

    statuses = [
        (
            await user.client.request(method, user.path(task), content=b"{", headers=headers)
        ).status_code
        for method in ("GET", "DELETE")
    ]

    assert statuses == [200, user.driver.deleted_status]


# Syntax ---------------------------------------------------------------------------------

MALFORMED = {
    "truncated": b'{"title":',
    "blank": b" \n",
    "trailing comma": b'{"title":"a",}',
    "newline in a string": b'{"title":"a\nb"}',
    "unquoted name": b'{title:"a"}',
    "single quotes": b"{'title':'a'}",
    "comment": b'{"title":"a"/**/}',
    "two values": b'{"title":"a"} {}',
    "NaN": b'{"title":"a","x":NaN}',
    "Infinity": b'{"title":"a","x":Infinity}',
    "minus Infinity": b'{"title":"a","x":-Infinity}',
    "1e400": b'{"title":"a","x":1e400}',
    "minus 1e400": b'{"title":"a","x":-1e400}',
    "an integer like it": b'{"title":"a","x":1' + b"0" * 400 + b"}",
    "5000 digits": b'{"title":"a","x":' + b"9" * 5000 + b"}",
    "leading zero": b'{"title":"a","x":01}',
    "leading plus": b'{"title":"a","x":+1}',
    "duplicate": b'{"title":"a","title":"b"}',
    "duplicate, escaped": b'{"title":"a","\\u0074itle":"a"}',
    "duplicate, nested": b'{"title":"a","x":[{"y":1,"y":1}]}',
    "deep arrays": b'{"title":"a","x":' + b"[" * 1000 + b"]" * 1000 + b"}",
    "deep objects": b'{"title":"a","x":' + b'{"y":' * 1000 + b"1" + b"}" * 1001,
    "deep and open": b"[" * 60_000,
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-le"),
    "UTF-32": GOOD.decode().encode("utf-32-be"),
    "Latin-1": '{"title":"\u00e9"}'.encode("latin-1"),
    "overlong": b'{"title":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"title":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"title":"\xf4\x90\x80\x80"}',
    "cut in a character": b'{"title":"\xf0\x9f\x98"}',
    "gzip unannounced": gzip.compress(GOOD),
    "form": b"title=Buy+milk",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_json_is_refused(user: Person, body: bytes) -> None:
    """What two readers could read differently is read by nobody, and the parser isn't quoted."""
    response = await user.client.post(user.tasks, content=body, headers=dict([JSON]))

    expected: Refusal = user.driver.refusals.malformed
    answer = user.refused(response, expected)
    assert not {"line", "column", "char"} & set(json.dumps(answer).lower().split())
    assert await user.listed() == []


@pytest.mark.parametrize(
    "body",
    [
        b'\r\n\t {"title" : "Buy milk"}\n',
        b'{"title":"Buy milk","x":' + b"[" * 63 + b"]" * 63 + b"}",
        b'{"title":"Buy milk","x":1e308,"y":-1.7976931348623157e308,"z":5e-324,"w":1E-400}',
        b'{"title":"Buy milk","x":' + b"9" * 308 + b"}",
        b'{"title":"Buy milk","x":"' + b"[{" * 500 + b'"}',
        b'{"title":"Buy milk","":{"title":1}}',
    ],
    ids=lambda body: body[:40].decode(),
)
async def test_unusual_json_is_taken(user: Person, body: bytes) -> None:
    """The limits are where they are said to be: what is JSON and harmless is read."""
    response = await user.client.post(user.tasks, content=body, headers=dict([JSON]))

    assert response.status_code == 201
    assert user.driver.task_of(response.json())["title"] == "Buy milk"


async def test_gzip_bomb_is_not_unpacked(user: Person, deployment: Deployment) -> None:
    """10 MB in 10 KB are refused by the header that announces them."""
    bomb = gzip.compress(bytes(10_000_000))
    headers = [user.authorization, JSON, ("content-encoding", "gzip")]
    async with wire.connected(deployment.url) as connection:
        response = await connection.exchange(wire.request("POST", user.tasks, headers, bomb))

    oracles.refused(response, deployment.driver, deployment.driver.refusals.media_type)
