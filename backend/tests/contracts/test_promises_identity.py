"""Who is asking: the user of the path is the user of the token, code point by code point."""

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.contracts import oracles, wire
from tests.contracts.people import Deployment, Person, fresh_id, signed_in, visiting
from tests.support.canary import is_free
from tests.support.users import token_for

CAFE = "caf\u00e9"
STRANGE_IDS = [
    "a/b",
    "/",
    "a%2Fb",
    "100%",
    "%",
    "%00",
    ".",
    "..",
    "a.b",
    "../tasks",
    "me",
    "null",
    "undefined",
    "0",
    "-1",
    "a b",
    " padded ",
    "a\tb\nc",
    "a+b",
    "a?b#c",
    "a;b=c",
    "a\\b",
    "a'b\"c",
    "{user_id}",
    "*",
    "<script>",
    "user@example.com",
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u202eabc",
    "\ufdd0\U0010ffff",
    CAFE,
    unicodedata.normalize("NFD", CAFE),
    "x" * 255,
    "\U0001f600" * 255,
]

about_paths = pytest.mark.usefixtures("has_owner_in_path")


@pytest.fixture(scope="session")
def has_owner_in_path(deployment: Deployment) -> None:
    if not deployment.driver.has_owner_in_path:
        pytest.skip("this contract has no user in its paths")


async def test_is_26_any_user_id_owns_tasks(deployment: Deployment, user: Person) -> None:
    """An id may hold whatever 1 to 255 characters can be: in the token, in a path, in a row."""
    for user_id in STRANGE_IDS:
        # The client of these tests would resolve dots in a path, as browsers do.
        dotted = user_id.replace(".", "%2E") if set(user_id) == {"."} else quote(user_id, safe="")
        path = deployment.driver.collection.replace("{user_id}", dotted)
        async with signed_in(deployment, user_id) as person:
            response = await person.client.post(path, json={"title": "Buy milk"})
            assert response.status_code == 201, (user_id, response.text)
            task = deployment.driver.task_of(response.json())
            location = response.headers["location"]
            if set(user_id) != {"."}:
                assert location == f"{path}/{task['id']}"
                response = await person.client.get(location)
                assert deployment.driver.task_of(response.json()) == task
            assert task.get("user_id", user_id) == user_id

    assert await user.listed() == []


@about_paths
async def test_dots_are_a_user_like_any_other(deployment: Deployment) -> None:
    """`.` and `..` as they stand are segments of the path; nothing resolves them."""
    for user_id in (".", ".."):
        path = deployment.driver.tasks_path(user_id)
        headers = [("authorization", f"Bearer {token_for(user_id)}")]
        async with wire.connected(deployment.url) as connection:
            response = await connection.exchange(wire.request("GET", path, headers))
            assert response.status_code == 200
            oracles.check(response, deployment.driver)


@about_paths
@pytest.mark.parametrize(
    ("owner", "segment"),
    [
        (CAFE, quote(unicodedata.normalize("NFD", CAFE))),
        (unicodedata.normalize("NFD", CAFE), quote(CAFE)),
        ("alice", "Alice"),
        ("alice", "alice%20"),
        ("alice", "%20alice"),
        ("alice", "alice%00"),
        ("alice", "alice%0A"),
        ("alice", "alic%D0%B5"),  # a Cyrillic letter
        ("alice", "%E2%80%8Balice"),
        ("alice", "%EF%BD%81lice"),  # a full-width letter
        ("alice", "alice;x=1"),
        ("alice", "alice,bob"),
        ("alice", "*"),
        ("alice", "%25"),
        ("alice", "%ff"),
        ("alice", "alice%ff"),
        ("alice", "me"),
        ("alice", "null"),
        ("alice", "undefined"),
        ("alice", "%2561lice"),  # decoded once, not twice
        ("a b", "a+b"),
        ("a+b", "a%20b"),
        ("a/b", "a%252Fb"),
        ("\u017f", "s"),  # the same letter when folded
        ("\u00df", "ss"),
        ("1", "01"),
        ("x" * 255, "x" * 256),
        ("x" * 255, "x" * 254),
    ],
)
async def test_is_01_is_26_look_alike_is_another_user(
    deployment: Deployment, owner: str, segment: str
) -> None:
    """Nothing is normalised, folded, trimmed or decoded twice."""
    path = deployment.driver.collection.replace("{user_id}", segment)

    async with signed_in(deployment, owner) as person:
        response = await person.client.get(path)

    assert deployment.driver.refusals.wrong_user is not None
    person.refused(response, deployment.driver.refusals.wrong_user)


@about_paths
@pytest.mark.parametrize("segment", ["%61lice", "%61%6c%69%63%65", "alic%65"])
async def test_percent_encoding_is_no_part_of_an_id(deployment: Deployment, segment: str) -> None:
    """A letter may be spelled as its octet, in either case of the digits."""
    path = deployment.driver.collection.replace("{user_id}", segment)

    async with signed_in(deployment, "alice") as person:
        response = await person.client.get(path)

    assert response.status_code == 200


@about_paths
async def test_encoded_slash_separates_nothing(deployment: Deployment) -> None:
    """`%2F` is a character of the user id: the path of somebody else is not behind it."""
    async with signed_in(deployment, "alice") as person:
        paths = ["/api/alice%2Ftasks", "/api%2Falice/tasks", "/api/bob%2F..%2Falice/tasks"]
        statuses = [(await person.client.get(path)).status_code for path in paths]

    assert statuses == [404, 404, 403]


_IDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=255).filter(is_free)


@about_paths
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(user_id=_IDS, other=_IDS)
async def test_is_26_every_id_reaches_its_own_tasks_alone(
    deployment: Deployment, user_id: str, other: str
) -> None:
    """Of two users each reaches the own collection, and the other's is refused."""
    assume(user_id.strip() and other.strip() and user_id != other)
    assume(not {user_id, other} & {".", ".."})  # the client would resolve them
    driver = deployment.driver

    async with visiting(deployment, user_id) as client:
        own = await client.get(driver.tasks_path(user_id))
        others = await client.get(driver.tasks_path(other))

    assert own.status_code == 200
    assert driver.refusals.wrong_user is not None
    oracles.refused(others, driver, driver.refusals.wrong_user)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    segments=st.lists(st.binary(max_size=20).map(quote), max_size=6),
    query=st.binary(max_size=30).map(quote),
)
async def test_no_path_is_a_fault_of_ours(
    deployment: Deployment, segments: list[str], query: str
) -> None:
    """Any octets as path and query are answered by a promise, never by a 5xx."""
    user_id = fresh_id("walker")
    headers = [("authorization", f"Bearer {token_for(user_id)}")]
    starts = (f"{deployment.driver.tasks_path(user_id)}/", "/api/", "/")

    async with wire.connected(deployment.url) as connection:
        for start in starts:
            target = f"{start}{'/'.join(segments)}?{query}"
            response = await connection.exchange(wire.request("GET", target, headers))
            assert response.status_code < 500
            oracles.check(response, deployment.driver)
