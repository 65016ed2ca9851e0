"""Every recipe of data/http_hostile.json, sent octet by octet to the envelope contract."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from tests.contracts import hostile, oracles, wire
from tests.contracts.drivers import ENVELOPE, Task
from tests.contracts.hostile import Row, Scene
from tests.contracts.people import Deployment, Person, fresh_id, signed_in
from tests.support.server import ORIGIN, Served

ROWS = hostile.rows()

CONTRACT_SAYS = {
    "STR-trailsp": (201, "a title is counted after the strip, so this one is at the limit"),
    "Q-21": (200, "this contract has no sort, and unknown parameters are ignored"),
    "Q-26": (200, "this contract has no search, and unknown parameters are ignored"),
}
"""Rows whose expectation is not this contract's, and why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A row, what was sent for it, and what came back."""

    row: Row
    alice: Person
    task: Task
    tag: str
    response: httpx.Response

    def answered_task(self) -> Task:
        return ENVELOPE.task_of(self.response.json())


@pytest_asyncio.fixture
async def alice(served: Served) -> AsyncIterator[Person]:
    """The caller, in the default deployment."""
    async with signed_in(Deployment(ENVELOPE, served), fresh_id("alice")) as person:
        yield person


@pytest_asyncio.fixture
async def bob(served: Served) -> AsyncIterator[Person]:
    """Somebody else."""
    async with signed_in(Deployment(ENVELOPE, served), fresh_id("bob")) as person:
        yield person


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
async def test_request_is_answered_as_it_deserves(
    served: Served, alice: Person, bob: Person, row: Row
) -> None:
    """A right status, a whole answer, a usable connection; and a refusal changes nothing."""
    task, theirs = await alice.given_task("mine"), await bob.given_task("theirs")
    tag, list_tag = await alice.tag(task), await alice.list_tag()
    scene = Scene(alice.tasks, alice.user_id, bob.user_id, str(task["id"]), str(theirs["id"]), tag)
    written = served.log.tell()
    octets = hostile.request(row, scene, authorization=alice.authorization)

    async with wire.connected(served.url) as connection:
        response = await connection.exchange(octets, method=row["method"].upper())
        await check_connection(connection, alice)

    status, _ = CONTRACT_SAYS.get(row["id"], (None, ""))
    assert response.status_code in ([status] if status else row["expect"]), response.text
    check_ours(row, response, log=served.log.getvalue()[written:])
    effect = EFFECTS.get(row["id"].partition("-")[0])
    if effect is not None:
        effect(Sent(row, alice, task, tag, response))
    if response.status_code >= 400:
        assert await alice.read(task) == task
        assert await alice.list_tag() == list_tag
    assert await bob.read(theirs) == theirs


async def check_connection(connection: wire.Wire, alice: Person) -> None:
    if connection.is_open:
        octets = wire.request("GET", alice.tasks, [alice.authorization])
        assert (await connection.exchange(octets)).status_code == 200
    else:
        assert await connection.is_closed_by_server()


def check_ours(row: Row, response: httpx.Response, *, log: str) -> None:
    is_preflight = "access-control-request-method" in row.get("headers", {})
    oracles.check(response, ENVELOPE, head=row["method"] == "HEAD", has_own_form=is_preflight)
    request_id = response.headers["x-request-id"]
    assert sum(f'"request_id":"{request_id}"' in line for line in log.splitlines()) == 1


# What else must hold, by the family of the row --------------------------------------------


def text_is_kept(sent: Sent) -> None:
    if sent.response.status_code == 201:
        body = json.loads(hostile.content(sent.row) or b"")
        assert sent.answered_task()["title"] == body["title"].strip()
    else:
        assert ENVELOPE.fields_of(sent.response.json()) == ["title"]


def foreign_fields_are_ignored(sent: Sent) -> None:
    body = json.loads(hostile.content(sent.row) or b"")
    shown = sent.answered_task()
    assert shown["title"] == body["title"]
    assert shown["user_id"] == sent.alice.user_id
    assert shown["updated_at"] >= shown["created_at"] >= sent.task["created_at"]
    assert shown.keys() == sent.task.keys()
    if sent.row["method"] == "PUT":
        assert (shown["id"], shown["created_at"]) == (sent.task["id"], sent.task["created_at"])
        assert shown["completed"] is body.get("completed", False)
    else:
        assert shown["id"] > sent.task["id"]
        assert shown["completed"] is False


def method_is_named(sent: Sent) -> None:
    allowed = sent.response.headers.get("allow", "").split(", ")
    if sent.response.status_code == 405:
        assert sent.row["method"] not in allowed
        assert {"GET", "HEAD", "OPTIONS"} <= set(allowed)


def list_is_the_callers(sent: Sent) -> None:
    if sent.response.status_code == 200:
        titles = {task["title"] for task in ENVELOPE.tasks_of(sent.response.json())}
        assert titles <= {"mine"}


def origin_is_exact(sent: Sent) -> None:
    is_ours = sent.row["headers"]["origin"] == ORIGIN
    granted = sent.response.headers.get("access-control-allow-origin")
    assert granted == (ORIGIN if is_ours else None)
    assert "origin" in sent.response.headers["vary"].lower()


def request_id_is_safe(sent: Sent) -> None:
    wanted, found = sent.row["headers"]["x-request-id"], sent.response.headers["x-request-id"]
    assert (found == wanted) == (oracles.REQUEST_ID.fullmatch(wanted) is not None)


def condition_is_kept(sent: Sent) -> None:
    if sent.response.status_code == 304:
        assert sent.response.headers["etag"] == sent.tag
    elif sent.response.status_code == 200:
        assert sent.answered_task()["title"] == "c"


EFFECTS: dict[str, Callable[[Sent], None]] = {
    "STR": text_is_kept,
    "MASS": foreign_fields_are_ignored,
    "M": method_is_named,
    "Q": list_is_the_callers,
    "PATH": list_is_the_callers,
    "HOST": list_is_the_callers,
    "CORS": origin_is_exact,
    "RID": request_id_is_safe,
    "COND": condition_is_kept,
}


def test_exceptions_are_exceptions() -> None:
    """Every row is driven once, and no exception outlives its row or its reason."""
    expected = {row["id"]: row["expect"] for row in ROWS}

    assert len(expected) == len(ROWS)
    assert expected.keys() >= CONTRACT_SAYS.keys()
    assert not [id_ for id_, (status, _) in CONTRACT_SAYS.items() if status in expected[id_]]
    assert {id_.partition("-")[0] for id_ in expected} >= EFFECTS.keys()
