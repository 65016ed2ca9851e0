"""Two contracts of one deployment: other URLs and other words for the same tasks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.contracts import oracles
from tests.contracts.drivers import ACCOUNTS, DRIVERS, Driver, Task
from tests.contracts.people import Deployment, Person, fresh_id, signed_in, visiting
from tests.support.server import Served, environment, serving
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

OTHERS = [driver for driver in DRIVERS if driver.has_owner_in_path]
COMMON = ("id", "title", "description", "completed", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Shared:
    """A server of two contracts, of which `listed_first` says what belongs to neither."""

    served: Served
    other: Driver
    listed_first: Driver


@pytest_asyncio.fixture(scope="module", params=OTHERS, ids=lambda driver: driver.name)
async def shared(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, address: ConnectArgs
) -> AsyncIterator[Shared]:
    """Each of the others with `accounts` behind it."""
    del address  # migrated before the server starts
    driver: Driver = request.param
    env = environment(postgres.url, API_CONTRACTS=f"{driver.name},{ACCOUNTS.name}")
    async with serving(env) as served:
        yield Shared(served, driver, driver)


@dataclass(frozen=True, slots=True)
class Both:
    """One user at both of the families of URLs."""

    here: Person
    there: Person


@pytest_asyncio.fixture(params=["from accounts", "to accounts"])
async def both(request: pytest.FixtureRequest, shared: Shared) -> AsyncIterator[Both]:
    """A user that the database has never seen, in either direction."""
    user_id = fresh_id("user")
    async with (
        signed_in(Deployment(shared.other, shared.served), user_id) as other,
        signed_in(Deployment(ACCOUNTS, shared.served), user_id) as accounts,
    ):
        yield Both(accounts, other) if request.param == "from accounts" else Both(other, accounts)


def common(task: Task) -> Task:
    return {name: task[name] for name in COMMON}


async def test_a_task_is_the_same_in_both(both: Both) -> None:
    """Created here, it is there at once, alone and in the list."""
    here, there = both.here, both.there

    task = await here.given_task("Buy milk", description="Two bottles", **here.driver.own_fields)

    seen = await there.read(task)
    assert common(seen) == common(task)
    [listed] = await there.listed()
    assert listed.items() <= seen.items()


async def test_a_change_there_keeps_what_only_here_is_known(both: Both) -> None:
    """Who doesn't know of a field doesn't erase it, whichever way the task is changed."""
    here, there, own = both.here, both.there, both.here.driver.own_fields
    task = await here.given_task("Buy milk", description="Two bottles", **own)

    for method, path, body in (
        ("PUT", there.path(task), {"title": "Buy oat milk"}),
        ("PUT", there.path(task), {"title": "Buy oat milk", "description": None}),
        ("PATCH", there.completion(task), None),
    ):
        response = await there.client.request(method, path, json=body)
        assert response.status_code == 200
        assert common(await here.read(task)) == common(there.driver.task_of(response.json()))

    found = await here.read(task)
    assert (found["title"], found["description"], found["completed"]) == (
        "Buy oat milk",
        None,
        True,
    )
    assert own.items() <= found.items()


async def test_a_long_text_of_the_other_contract_stays(both: Both) -> None:
    """Limits are on what is sent: a longer title or description of elsewhere is shown and kept."""
    here, there = both.here, both.there
    longest = {
        "title": "t" * here.driver.title_max,
        "description": "d" * here.driver.description_max,
    }
    task = await here.given_task(**longest)

    response = await there.client.patch(there.completion(task))

    changed = there.driver.task_of(response.json())
    assert longest.items() <= changed.items()
    assert common(await here.read(task)) == common(changed)


async def test_a_task_deleted_there_is_gone_here(both: Both) -> None:
    """For good, in the list too."""
    here, there = both.here, both.there
    task = await here.given_task()

    response = await there.client.delete(there.path(task))

    assert response.status_code == there.driver.deleted_status
    here.refused(await here.client.get(here.path(task)), here.driver.refusals.no_task)
    assert await here.listed() == []


async def test_a_change_there_is_news_here(both: Both) -> None:
    """Versions are of the task, so a client of either contract learns that it has an old one."""
    here, there = both.here, both.there
    task = await here.given_task()
    tags = await here.tag(task), await here.list_tag()

    await there.client.patch(there.completion(task))

    assert tags[0] != await here.tag(task)
    assert tags[1] != await here.list_tag()
    for method, body in (("PUT", {"title": "Buy bread"}), ("DELETE", None)):
        response = await here.client.request(
            method, here.path(task), json=body, headers={"if-match": tags[0]}
        )
        here.refused(response, here.driver.refusals.stale)


async def test_a_tag_of_here_means_nothing_there(both: Both) -> None:
    """The octets differ, so one's 304 would be a lie to a cache of the other."""
    here, there = both.here, both.there
    task = await here.given_task()
    tag, list_tag = await here.tag(task), await here.list_tag()

    statuses = [
        (await there.client.get(there.path(task), headers={"if-none-match": tag})).status_code,
        (await there.client.get(there.tasks, headers={"if-none-match": list_tag})).status_code,
        (await there.client.delete(there.path(task), headers={"if-match": tag})).status_code,
    ]

    assert statuses == [200, 200, 412]


async def test_each_says_errors_in_its_own_words(both: Both) -> None:
    """The address decides, not the order of the contracts."""
    for person in (both.here, both.there):
        answers = [
            await person.client.post(person.tasks, json={}),
            await person.client.delete(person.tasks),
            await person.client.get(f"{person.tasks}/0"),
        ]

        refusals = person.driver.refusals
        for answer, expected in zip(
            answers, (refusals.required, refusals.no_method, refusals.no_task), strict=True
        ):
            person.refused(answer, expected)


@pytest.mark.parametrize("user_id", ["tasks", "auth"])
async def test_words_of_accounts_are_users_like_any_other(shared: Shared, user_id: str) -> None:
    """`/api/tasks/tasks` is the list of a user of that name: no task has such a number."""
    other = Deployment(shared.other, shared.served)
    async with signed_in(other, user_id) as person:
        task = await person.given_task()
        assert await person.read(task) == task
        assert task["id"] in [each["id"] for each in await person.listed()]
        response = await person.client.delete(person.path(task))
        assert response.status_code == person.driver.deleted_status


async def test_what_no_route_has_is_said_by_the_first(shared: Shared) -> None:
    """Also for bytes that are no request, and for what belongs to no contract."""
    first = Deployment(shared.listed_first, shared.served)
    async with visiting(first, None) as client:
        response = await client.get("/nowhere")
        oracles.refused(response, first.driver, first.driver.refusals.no_route)
        response = await client.post("/health")
        oracles.refused(response, first.driver, first.driver.refusals.no_method)


async def test_accounts_may_be_the_first(postgres: EmbeddedPostgres, address: ConnectArgs) -> None:
    """Then it is `accounts` that says what no route has, and the other works as before."""
    del address  # migrated before the server starts
    env = environment(postgres.url, API_CONTRACTS=f"{ACCOUNTS.name},{OTHERS[0].name}")
    async with serving(env) as served:
        await test_what_no_route_has_is_said_by_the_first(Shared(served, OTHERS[0], ACCOUNTS))
        await test_words_of_accounts_are_users_like_any_other(
            Shared(served, OTHERS[0], ACCOUNTS), "tasks"
        )


async def test_a_key_belongs_to_the_contract_that_it_was_sent_to(both: Both) -> None:
    """An answer in the words of one contract is none that the other could replay."""
    body, headers = {"title": "Buy milk"}, {"idempotency-key": "the-same-key"}
    first = await both.here.client.post(both.here.tasks, json=body, headers=headers)

    response = await both.there.client.post(both.there.tasks, json=body, headers=headers)

    assert first.status_code == 201
    both.there.refused(response, both.there.driver.refusals.key_reused)
    assert len(await both.there.listed()) == 1
