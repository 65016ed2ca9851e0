"""What a user does with their own tasks, each answer held against what they know of them."""

from dataclasses import replace
from typing import Any, Final

from tests.contracts.drivers import RICH
from tests.isolation.connection import Answer
from tests.isolation.people import PRIORITIES, Known, Seen
from tests.isolation.world import Asking

TAG_LETTERS: Final = {"envelope": "e", "plain": "p", "rich": "r", "accounts": "a"}
KEYS: Final = 4
REPLAYED: Final = "idempotent-replayed"
SORTS: Final = ("created_at", "updated_at", "due_date", "priority", "title")
PAGE: Final = 50


def tag(asking: Asking, version: str) -> str:
    return f'"{TAG_LETTERS[asking.driver.name]}-{version}"'


async def create(asking: Asking) -> None:
    user = asking.user
    if len(user.tasks) >= user.tasks_max:
        await delete(asking)
        return
    known = Known(user.text(), user.text() if user.chance.random() < 0.5 else None)
    body: dict[str, Any] = {"title": known.title, "description": known.description}
    if asking.driver is RICH:
        body["priority"] = known.priority = user.chance.choice(PRIORITIES)
        body["due_date"] = known.due = user.some_due()
    answer = await asking.ask("POST", asking.path, body)
    if asking.status(answer, 201):
        _is_new(asking, answer, known)


async def create_once(asking: Asking) -> None:
    """With a key and a body that every other user sends as well."""
    user, number = asking.user, asking.user.chance.randrange(KEYS)
    if len(user.tasks) >= user.tasks_max:
        await delete(asking)
        return
    key = f"{asking.world.salt}-{asking.driver.name}-{number}"
    known = Known(f"Shared words {number}", None)
    answer = await asking.ask("POST", asking.path, {"title": known.title}, {"idempotency-key": key})
    if not asking.status(answer, 201):
        return
    if REPLAYED not in answer.fields:
        user.keys[key] = _is_new(asking, answer, known)
        return
    task = asking.driver.task_of(answer.json)
    asking.require(task["id"] == user.keys.get(key), "the answer to somebody else's key", answer)
    asking.is_own(answer, task, task["id"], known)


def _is_new(asking: Asking, answer: Answer, known: Known) -> int:
    task = asking.driver.task_of(answer.json)
    task_id: int = task["id"]
    asking.require(task_id not in asking.world.owners, "an id that there was before", answer)
    asking.is_own(answer, task, task_id, known)
    location = answer.fields.get("location")
    asking.require(location == asking.one(task_id), f"the address {location}", answer)
    known.version = answer.version
    asking.world.owners[task_id] = asking.user
    asking.user.keep(task_id, known)
    return task_id


async def get(asking: Asking) -> None:
    task_id = asking.user.some_task()
    if task_id is None:
        await create(asking)
        return
    known = asking.user.tasks[task_id]
    fields = {}
    if asking.user.chance.random() < 0.3 and known.version is not None:
        fields["if-none-match"] = tag(asking, known.version)
    answer = await asking.ask("GET", asking.one(task_id), None, fields)
    if asking.status(answer, 304 if fields else 200):
        if not fields:
            asking.is_own(answer, asking.driver.task_of(answer.json), task_id, known)
        same = known.version in {None, answer.version}
        asking.require(same, f"the version was {known.version}", answer)
        known.version = answer.version


async def change(asking: Asking) -> None:
    user, task_id = asking.user, asking.user.some_task()
    if task_id is None:
        await create(asking)
        return
    known = user.tasks[task_id]
    wanted = replace(known, title=user.text())
    body: dict[str, Any] = {"title": wanted.title}
    if user.chance.random() < 0.5:
        body["completed"] = wanted.completed = user.chance.random() < 0.5
    if user.chance.random() < 0.3:
        body["description"] = wanted.description = user.text()
    if asking.driver is RICH and user.chance.random() < 0.3:
        body["priority"] = wanted.priority = user.chance.choice(PRIORITIES)
        body["due_date"] = wanted.due = user.some_due()
    await _written(asking, "PUT", body, task_id, wanted)


async def complete(asking: Asking) -> None:
    user, task_id = asking.user, asking.user.some_task()
    if task_id is None:
        await create(asking)
        return
    known = user.tasks[task_id]
    body = user.chance.choice([None, {"completed": True}, {"completed": False}])
    completed = not known.completed if body is None else body["completed"]
    wanted = replace(known, completed=completed)
    await _written(asking, "PATCH", body, task_id, wanted)


async def _written(asking: Asking, method: str, body: object, task_id: int, wanted: Known) -> None:
    """Write with a condition that holds, with one that doesn't, or with none."""
    known, chance = asking.user.tasks[task_id], asking.user.chance
    conditions: list[str | None] = [None, "*", '"x-1"']
    if known.version is not None:
        conditions.append(tag(asking, known.version))
    condition = chance.choice(conditions)
    fields = {} if condition is None else {"if-match": condition}
    path = asking.one(task_id) if method == "PUT" else asking.completion(task_id)
    answer = await asking.ask(method, path, body, fields)
    if condition == '"x-1"':
        asking.refused(answer, asking.driver.refusals.stale.status)
    elif asking.status(answer, 200):
        asking.is_own(answer, asking.driver.task_of(answer.json), task_id, wanted)
        wanted.version = answer.version
        asking.user.keep(task_id, wanted)


async def delete(asking: Asking) -> None:
    task_id = asking.user.some_task()
    if task_id is None:
        await create(asking)
        return
    answer = await asking.ask("DELETE", asking.one(task_id))
    if asking.status(answer, asking.driver.deleted_status):
        asking.user.drop(task_id)


async def whole_list(asking: Asking) -> None:
    """The list without a filter, or the news that it is the one which the user has."""
    user, name = asking.user, asking.driver.name
    seen = user.lists.get(name)
    fields = {}
    if seen is not None and user.chance.random() < 0.3:
        fields["if-none-match"] = seen.tag
    answer = await asking.ask("GET", asking.path, None, fields)
    content = " ".join(map(_written_down, user.tasks.items()))
    if fields and seen is not None:
        if answer.status == 304:
            asking.require(seen.content == content, "the list has changed", answer)
            return
        asking.require(seen.changes != user.changes, "nobody has changed the list", answer)
    if asking.status(answer, 200):
        ids = user.newest_first()
        _is_page(asking, answer, ids[: page_max(asking, len(ids))], total=len(ids))
        user.lists[name] = Seen(answer.fields["etag"], content, user.changes)


def _written_down(item: tuple[int, Known]) -> str:
    task_id, known = item
    fields = (known.title, known.description, known.completed, known.priority, known.due)
    return f"{task_id}:{fields}"


async def window(asking: Asking) -> None:
    """A part of the list, where the contract has parts; or all of one status, however many."""
    user, chance, parameters = asking.user, asking.user.chance, asking.driver.parameters
    if "limit" not in parameters:
        await whole_list(asking)
        return
    status = chance.choice(["all", "pending", "completed"])
    wanted = user.newest_first(completed={"completed": True, "pending": False}.get(status))
    query, limit, offset = f"status={status}", page_max(asking, len(wanted)), 0
    if chance.random() < 0.8:
        limit = chance.choice([chance.randint(1, 9), 170 if asking.driver.streams_lists else 100])
        offset = chance.choice([0, 0, 1, 5, 30, len(user.tasks) // 2])
        query += f"&limit={limit}&offset={offset}"
    answer = await asking.ask("GET", f"{asking.path}?{query}")
    if asking.status(answer, 200):
        _is_page(asking, answer, wanted[offset : offset + limit], total=len(wanted))
        asking.is_end(answer, expected=offset + limit >= len(wanted))


async def sorted_list(asking: Asking) -> None:
    """In another order, which is for other tests: here it is who is in it."""
    user, chance, parameters = asking.user, asking.user.chance, asking.driver.parameters
    if "sort" not in parameters:
        await window(asking)
        return
    sign = chance.choice(["", "-"]) if asking.driver is RICH else ""
    sort = chance.choice(SORTS) if asking.driver is RICH else "title"
    status, completed = chance.choice([("all", None), ("pending", False), ("completed", True)])
    ids = set(user.newest_first(completed=completed))
    answer = await asking.ask("GET", f"{asking.path}?sort={sign}{sort}&status={status}")
    if asking.status(answer, 200):
        size = page_max(asking, len(ids))
        is_part(asking, answer, ids, size=min(size, len(ids)), total=len(ids))
        asking.is_end(answer, expected=size >= len(ids))


def page_max(asking: Asking, total: int) -> int:
    """Say how many of so many tasks a list has that nobody gave a limit."""
    return total if asking.driver.streams_lists else PAGE


def _is_page(asking: Asking, answer: Answer, ids: list[int], *, total: int) -> None:
    tasks = asking.driver.tasks_of(answer.json)
    asking.are_own(answer, tasks)
    found = [task["id"] for task in tasks]
    asking.require(found == ids, f"shows {found} and not {ids}", answer)
    asking.counts(answer, total)


def is_part(
    asking: Asking, answer: Answer, ids: set[int], *, size: int, total: int
) -> set[int] | None:
    """Expect `size` of these tasks, in whatever order; return which, or None for others."""
    tasks = asking.driver.tasks_of(answer.json)
    asking.are_own(answer, tasks)
    found = {task["id"] for task in tasks}
    is_right = found <= ids and len(tasks) == size
    asking.require(is_right, f"shows {sorted(found)} and not {size} of {sorted(ids)}", answer)
    return found if asking.counts(answer, total) and is_right else None
