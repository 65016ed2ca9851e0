"""Conditional requests: a version as an entity tag, strong for a task and weak for a list."""

import re

import httpx
import pytest

from tests.contracts.drivers import Task
from tests.contracts.people import Person

STRONG = re.compile(r'"[\x21\x23-\x7e]+"')
WEAK = re.compile(r'W/"[\x21\x23-\x7e]+"')
GARBAGE = [
    "",
    "garbage",
    '"',
    '""',
    "W/",
    ",",
    '"*"',
    "* , *",
    '"\u00e9"',
    '"a" "b"',
    "0",
    '"' * 99,
]
CHANGES = ["PUT", "PATCH", "DELETE"]


async def change(
    user: Person, task: Task, method: str, *if_match: str, **body: object
) -> httpx.Response:
    """Change a task; each of `if_match` is a header of its own."""
    headers = [(b"if-match", value.encode()) for value in if_match]
    path = user.completion(task) if method == "PATCH" else user.path(task)
    content = {"PUT": {"title": "Changed", **body}, "PATCH": body or None}.get(method)
    return await user.client.request(method, path, json=content, headers=headers)


# A task ---------------------------------------------------------------------------------


async def test_every_answer_with_a_task_has_its_tag(user: Person) -> None:
    """Created, read, changed and completed: each carries the tag of what it shows."""
    created = await user.client.post(user.tasks, json={"title": "Buy milk"})
    task = user.driver.task_of(created.json())

    answers = [created, await user.client.get(user.path(task))]
    answers.append(await user.client.put(user.path(task), json={"title": "Buy oat milk"}))
    answers.append(await user.client.patch(user.completion(task)))
    answers.append(await user.client.head(user.path(task)))

    tags = [answer.headers["etag"] for answer in answers]
    assert all(STRONG.fullmatch(tag) for tag in tags)
    assert tags[0] == tags[1] != tags[2] != tags[3] == tags[4] != tags[0]


async def test_two_tasks_have_two_tags(user: Person) -> None:
    """A tag is a version of one address; here it is even told apart from its neighbours'."""
    tasks = [await user.given_task() for _ in range(3)]

    assert len({await user.tag(task) for task in tasks}) == 3


@pytest.mark.parametrize("spelling", ["{tag}", "W/{tag}", '"another", {tag}', "{tag},W/{tag}", "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_known_task_is_not_sent_again(user: Person, spelling: str, method: str) -> None:
    """The comparison is the weak one, in a list of tags too, and `*` is whatever there is."""
    task = await user.given_task()
    tag = await user.tag(task)

    response = await user.client.request(
        method, user.path(task), headers={"if-none-match": spelling.format(tag=tag)}
    )

    assert response.status_code == 304
    assert response.headers["etag"] == tag
    assert "authorization" in response.headers["vary"].lower()


@pytest.mark.parametrize("value", ['"another"', 'W/"another"', *GARBAGE])
async def test_unknown_task_is_sent(user: Person, value: str) -> None:
    """A tag of nothing that is there costs nothing but the body."""
    task = await user.given_task()

    headers = [(b"if-none-match", value.encode())]
    response = await user.client.get(user.path(task), headers=headers)

    assert response.status_code == 200
    assert user.driver.task_of(response.json()) == task


async def test_tag_of_yesterday_is_no_longer_known(user: Person) -> None:
    """After a change the old tag brings the new task."""
    task = await user.given_task()
    old = await user.tag(task)
    await user.client.patch(user.completion(task))

    response = await user.client.get(user.path(task), headers={"if-none-match": old})

    assert response.status_code == 200
    assert user.driver.task_of(response.json())["completed"] is True


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("values", [["{tag}"], ['"another", {tag}'], ['"another"', "{tag}"], ["*"]])
async def test_change_of_the_known_version_is_made(
    user: Person, method: str, values: list[str]
) -> None:
    """PUT, PATCH and DELETE do their work on the current tag, be it in one header or in two."""
    task = await user.given_task()
    tag = await user.tag(task)

    response = await change(user, task, method, *(value.format(tag=tag) for value in values))

    assert response.status_code == (user.driver.deleted_status if method == "DELETE" else 200)
    assert await user.listed() != [task]


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("value", ['"another"', "W/{tag}", 'W/{tag}, "another"', *GARBAGE])
async def test_change_of_another_version_is_refused(user: Person, method: str, value: str) -> None:
    """A stale tag, a weak one and what is no tag match nothing, and nothing is changed."""
    task = await user.given_task()
    tag, list_tag = await user.tag(task), await user.list_tag()

    response = await change(user, task, method, value.format(tag=tag))

    user.refused(response, user.driver.refusals.stale)
    assert await user.read(task) == task
    assert await user.list_tag() == list_tag


@pytest.mark.parametrize("method", CHANGES)
async def test_stale_tag_is_refused(user: Person, method: str) -> None:
    """A client that has not seen the last change does not undo it."""
    task = await user.given_task()
    stale = await user.tag(task)
    await change(user, task, "PUT", title="What somebody else wrote")

    response = await change(user, task, method, stale)

    user.refused(response, user.driver.refusals.stale)
    assert (await user.read(task))["title"] == "What somebody else wrote"


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("value", ["*", '"another"'])
async def test_no_task_comes_before_no_match(user: Person, method: str, value: str) -> None:
    """A condition counts only where the request would succeed (RFC 9110, section 13.2.1)."""
    task = await user.given_task()
    await user.client.delete(user.path(task))

    response = await change(user, task, method, value)

    user.refused(response, user.driver.refusals.no_task)


async def test_tag_of_another_task_matches_nothing(user: Person) -> None:
    """A version belongs to its task."""
    task, other = await user.given_task("one"), await user.given_task("two")

    response = await change(user, task, "DELETE", await user.tag(other))

    user.refused(response, user.driver.refusals.stale)


# A list ---------------------------------------------------------------------------------


async def test_list_has_a_weak_tag(user: Person) -> None:
    """Two lists of one version may differ in their octets (a page, a filter)."""
    before = await user.list_tag()
    await user.given_task()

    assert WEAK.fullmatch(before)
    assert WEAK.fullmatch(await user.list_tag())


@pytest.mark.parametrize("spelling", ["{tag}", "{strong}", '"another", {tag}', "*"])
@pytest.mark.parametrize("has_tasks", [True, False])
async def test_known_list_is_not_sent_again(
    user: Person, spelling: str, *, has_tasks: bool
) -> None:
    """A front end that polls gets 304 until something changes, with no task and with some."""
    if has_tasks:
        await user.given_task()
    tag = await user.list_tag()
    condition = spelling.format(tag=tag, strong=tag.removeprefix("W/"))

    response = await user.client.get(user.tasks, headers={"if-none-match": condition})

    assert response.status_code == 304
    assert response.headers["etag"] == tag


async def test_any_change_of_any_task_changes_the_tag(user: Person) -> None:
    """Creation, each kind of change and deletion: no list is taken for one of before."""
    tags = [await user.list_tag()]
    tasks = []
    for title in ("one", "two"):
        tasks.append(await user.given_task(title))
        tags.append(await user.list_tag())
    for task in tasks:
        for step in (
            change(user, task, "PUT", title="Another title"),
            change(user, task, "PUT", title="Another title", description="and a description"),
            change(user, task, "PATCH", completed=True),
            change(user, task, "PATCH"),
            change(user, task, "DELETE"),
        ):
            await step
            tags.append(await user.list_tag())

    assert len(set(tags)) == len(tags) == 13


async def test_is_22_nothing_else_changes_the_tag(user: Person, stranger: Person) -> None:
    """Reading, refused requests, changes to the same and other people leave a list as it is."""
    task = await user.given_task()
    tag = await user.list_tag()

    await user.read(task)
    await change(user, task, "PUT", title=task["title"])
    await change(user, task, "PATCH", completed=False)
    await change(user, task, "DELETE", '"another"')
    await change(user, task, "PUT", title="")
    await stranger.given_task()
    await change(stranger, task, "DELETE")

    assert await user.list_tag() == tag
