"""How often a user may ask, in every contract."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.contracts import oracles
from tests.contracts.drivers import Driver
from tests.contracts.people import Deployment, Person, fresh_id, signed_in, visiting
from tests.support.client import client_for
from tests.support.server import ORIGIN, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

LIMIT = 6
WINDOW_SECONDS = 60
HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
UTILITY = ("/", "/health", "/livez", "/docs", "/openapi.json")


@pytest_asyncio.fixture(scope="session")
async def limited(
    driver: Driver, postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[Deployment]:
    """A server for the contract that counts."""
    del address  # migrated before the server starts
    limits = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_API": f"{LIMIT}/minute"}
    env = environment(postgres.url, API_CONTRACTS=driver.name, **limits)
    async with serving(env) as served:
        yield Deployment(driver, served)


@pytest_asyncio.fixture
async def alice(limited: Deployment) -> AsyncIterator[Person]:
    """Somebody who has not asked for anything yet."""
    async with signed_in(limited, fresh_id("alice")) as person:
        yield person


def left(response: httpx.Response) -> int:
    assert response.headers["ratelimit-limit"] == str(LIMIT)
    assert 0 < int(response.headers["ratelimit-reset"]) <= WINDOW_SECONDS
    return int(response.headers["ratelimit-remaining"])


async def given_no_turns_left(person: Person) -> None:
    for _ in range(LIMIT):
        assert (await person.client.get(person.tasks)).status_code == 200


def is_uncounted(response: httpx.Response) -> bool:
    return response.headers.keys().isdisjoint({*HEADERS, "retry-after"})


async def test_every_answer_says_what_is_left(alice: Person) -> None:
    """Whether it is a good one, a stream or an error."""
    task = await alice.given_task()

    answers = [
        await alice.client.get(alice.tasks),
        await alice.client.get(f"{alice.tasks}/999999"),
        await alice.client.put(alice.path(task), content=b"{", headers={"content-type": "a/b"}),
        await alice.client.post(alice.tasks, json={"title": ""}),
        await alice.client.head(alice.path(task)),
    ]

    assert [left(each) for each in answers] == [4, 3, 2, 1, 0]


async def test_one_too_many_is_refused_in_the_contracts_words(alice: Person) -> None:
    """It says when to come back, and a page of the front end may read it."""
    await given_no_turns_left(alice)

    response = await alice.client.get(alice.tasks, headers={"origin": ORIGIN})

    alice.refused(response, alice.driver.refusals.limited)
    assert left(response) == 0
    assert 0 < int(response.headers["retry-after"]) <= WINDOW_SECONDS
    oracles.assert_readable(response, ORIGIN)


async def test_au_37_answer_304_does_not_cost(alice: Person) -> None:
    """Who asks whether anything is new, and nothing is, may ask as often as they like."""
    tag = await alice.list_tag()

    answers = [
        await alice.client.get(alice.tasks, headers={"if-none-match": tag})
        for _ in range(2 * LIMIT)
    ]

    assert {(each.status_code, left(each)) for each in answers} == {(304, LIMIT - 1)}


async def test_is_25_floods_of_one_user_never_limit_another(
    alice: Person, limited: Deployment
) -> None:
    """They share an address, and not a count."""
    await given_no_turns_left(alice)
    assert (await alice.client.get(alice.tasks)).status_code == 429

    async with signed_in(limited, fresh_id("bob")) as bob:
        response = await bob.client.get(bob.tasks)

    assert (response.status_code, left(response)) == (200, LIMIT - 1)


async def test_limit_comes_after_the_user_and_before_the_body(
    alice: Person, limited: Deployment
) -> None:
    """A stranger's attempt costs nobody anything, and is not told that there is a limit."""
    task = await alice.given_task()
    async with visiting(limited, None) as nobody:
        strangers = [await nobody.get(alice.tasks)]
    if limited.driver.has_owner_in_path:
        async with signed_in(limited, fresh_id("bob")) as bob:
            strangers.append(await bob.client.get(alice.tasks))

    for _ in range(LIMIT - 1):
        await alice.read(task)
    malformed = await alice.client.put(
        alice.path(task), content=b"{", headers={"content-type": "text/plain"}
    )

    assert [each.status_code for each in strangers] == [401, 403][: len(strangers)]
    assert all(map(is_uncounted, strangers))
    alice.refused(malformed, alice.driver.refusals.limited)


async def test_wrong_address_or_method_costs_nothing(alice: Person) -> None:
    """They are found out before anybody is counted."""
    answers = [
        await alice.client.get(f"{alice.tasks}/1/nowhere"),
        await alice.client.patch(alice.tasks),
        await alice.client.options(alice.tasks),
    ]

    assert all(map(is_uncounted, answers))
    assert left(await alice.client.get(alice.tasks)) == LIMIT - 1


@pytest.mark.parametrize("path", UTILITY)
async def test_utility_endpoints_have_no_limit(limited: Deployment, path: str) -> None:
    """Those who watch a server may look as often as they like."""
    async with client_for(limited.url) as client:
        answers = [await client.get(path) for _ in range(2 * LIMIT)]

    assert {each.status_code for each in answers} == {200}
    assert all(map(is_uncounted, answers))


async def test_without_limits_nothing_is_counted(user: Person) -> None:
    """RATE_LIMIT_ENABLED=false."""
    answers = [await user.client.get(user.tasks) for _ in range(2 * LIMIT)]

    assert {each.status_code for each in answers} == {200}
    assert all(map(is_uncounted, answers))


async def test_refusal_is_logged_with_its_user(alice: Person, limited: Deployment) -> None:
    """Whoever reads the log sees who it was."""
    await given_no_turns_left(alice)
    await alice.client.get(alice.tasks)

    lines = [line for line in limited.served.log.getvalue().splitlines() if alice.user_id in line]

    assert any('"status":429' in line and "RateLimited" in line for line in lines)
