"""Every recipe of data/http_hostile.json, sent octet by octet to every contract."""

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from tests.contracts import declared, hostile, oracles, wire
from tests.contracts.drivers import Driver, Task
from tests.contracts.hostile import Row, Scene
from tests.contracts.people import Deployment, Person, fresh_id, signed_in
from tests.support.server import ORIGIN

ROWS = hostile.rows()


@dataclass(frozen=True, slots=True)
class Sent:
    """A row, what was sent for it, and what came back."""

    row: Row
    alice: Person
    task: Task
    tag: str
    response: httpx.Response

    def answered_task(self) -> Task:
        return self.driver.task_of(self.response.json())

    @property
    def driver(self) -> Driver:
        return self.alice.driver


@pytest_asyncio.fixture
async def alice(deployment: Deployment) -> AsyncIterator[Person]:
    """The caller."""
    async with signed_in(deployment, fresh_id("alice")) as person:
        yield person


@pytest_asyncio.fixture
async def bob(deployment: Deployment) -> AsyncIterator[Person]:
    """Somebody else."""
    async with signed_in(deployment, fresh_id("bob")) as person:
        yield person


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
async def test_request_is_answered_as_it_deserves(
    deployment: Deployment, alice: Person, bob: Person, row: Row
) -> None:
    """A right status, a whole answer, a usable connection; and a refusal changes nothing."""
    task, theirs = await alice.given_task("mine"), await bob.given_task("theirs")
    tag, list_tag = await alice.tag(task), await alice.list_tag()
    driver, log = deployment.driver, deployment.served.log
    scene = Scene(
        collection=alice.tasks,
        completion=driver.completion,
        alice=alice.user_id,
        bob=bob.user_id,
        task_id=str(task["id"]),
        other_id=str(theirs["id"]),
        tag=tag,
    )
    written = log.tell()
    octets = hostile.request(row, scene, authorization=alice.authorization)

    async with wire.connected(deployment.url) as connection:
        response = await connection.exchange(octets, method=row["method"].upper())
        await check_connection(connection, alice)

    assert response.status_code in expected_of(row, driver), response.text
    check_ours(row, driver, response, log=log.getvalue()[written:])
    if response.status_code != 404 or not row["id"].startswith("PATH-"):
        declared.check(deployment.served, row["method"], scene.filled(row["path"]), response)
    sent = Sent(row, alice, task, tag, response)
    effect = EFFECTS.get(row["id"].partition("-")[0])
    if effect is not None:
        effect(sent)
    if response.status_code == 201:
        assert await alice.read(sent.answered_task()) == sent.answered_task()
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


def expected_of(row: Row, driver: Driver) -> list[int]:
    """Return what is right for this contract; the rows are about none in particular."""
    invalid = driver.refusals.wrong_format.status
    if row["id"] == "STR-trailsp":
        # 255 characters after the strip, which counts for nothing.
        return [201 if driver.title_max >= 255 else invalid]
    names = set(re.findall(r"[?&](\w+)=", row["path"]))
    is_null_read = "%00" in row["path"] and driver.parameters
    if row["id"].startswith("Q-") and names.isdisjoint(driver.parameters) and not is_null_read:
        return [200]  # what a contract does not know is ignored
    ours = {422: invalid, 403: 403 if driver.has_owner_in_path else 404}
    return [ours.get(status, status) for status in row["expect"]]


def check_ours(row: Row, driver: Driver, response: httpx.Response, *, log: str) -> None:
    is_preflight = "access-control-request-method" in row.get("headers", {})
    oracles.check(response, driver, head=row["method"] == "HEAD", has_own_form=is_preflight)
    request_id = response.headers["x-request-id"]
    named = [line for line in log.splitlines() if f'"request_id":"{request_id}"' in line]
    # A refusal may have a second one, for whoever watches.
    assert sum('"event":"request"' in line for line in named) == 1


# What else must hold, by the family of the row --------------------------------------------


def text_is_kept(sent: Sent) -> None:
    if sent.response.status_code == 201:
        body = json.loads(hostile.content(sent.row) or b"")
        assert sent.answered_task()["title"] == body["title"].strip()
    else:
        assert sent.driver.fields_of(sent.response.json()) == ["title"]


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
        ours = {"PUT", "DELETE"} if "{T}" in sent.row["path"] else {"POST"}
        assert {"GET", "HEAD", "OPTIONS", *ours} <= set(allowed)


def syntax_is_refused(sent: Sent) -> None:
    refusals = sent.driver.refusals
    said = {413: refusals.too_large, 415: refusals.media_type}
    expected = said.get(sent.response.status_code, refusals.malformed)
    oracles.refused(sent.response, sent.driver, expected)


def host_is_not_repeated(sent: Sent) -> None:
    list_is_the_callers(sent)
    answer = f"{sent.response.headers}{sent.response.text}"
    assert "evil" not in answer


def connection_ends_where_lengths_disagree(sent: Sent) -> None:
    if sent.response.status_code != 201:
        assert sent.response.headers["connection"] == "close"


def list_is_the_callers(sent: Sent) -> None:
    if sent.response.status_code == 200:
        titles = {task["title"] for task in sent.driver.tasks_of(sent.response.json())}
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
    "HOST": host_is_not_repeated,
    "JSON": syntax_is_refused,
    "TE": connection_ends_where_lengths_disagree,
    "CORS": origin_is_exact,
    "RID": request_id_is_safe,
    "COND": condition_is_kept,
}


def test_every_row_is_driven() -> None:
    """Each once, and each family that has an effect has rows."""
    ids = [row["id"] for row in ROWS]

    assert len(set(ids)) == len(ids) > 150
    assert {id_.partition("-")[0] for id_ in ids} >= EFFECTS.keys()
