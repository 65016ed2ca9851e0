"""What a user does with their own tasks, each answer held against what they know of them."""

from typing import Any, Final

from tests.contracts.drivers import RICH
from tests.isolation.connection import Answer
from tests.isolation.people import TASKS_MAX, Known, Seen
from tests.isolation.world import Asking

TAG_LETTERS: Final = {"envelope": "e", "plain": "p", "rich": "r", "accounts": "a"}
KEYS: Final = 4
REPLAYED: Final = "idempotent-replayed"
_SORTS: Final = ("created_at", "updated_at", "due_date", "priority", "title")
_PRIORITIES: Final = ("low", "medium", "high")


def tag(asking: Asking, version: str) -> str:
    return f'"{TAG_LETTERS[asking.driver.name]}-{version}"'


async def create(asking: Asking) -> None:
    user = asking.user
    if len(user.tasks) >= TASKS_MAX:
        await delete(asking)
        return
    known = Known(user.text(), user.text() if user.chance.random() < 0.5 else None)
    body: dict[str, Any] = {"title": known.title, "description": known.description}
    if asking.driver is RICH:
        body["priority"] = known.priority = user.chance.choice(_PRIORITIES)
        body["due_date"] = user.chance.choice([None, "2031-01-09", "2020-02-03T04:05:06Z"])
    answer = await asking.ask("POST", asking.path, body)
    if asking.status(answer, 201):
        _is_new(asking, answer, known)


async def create_once(asking: Asking) -> None:
    """With a key and a body that every other user sends as well."""
    user, number = asking.user, asking.user.chance.randrange(KEYS)
    if len(user.tasks) >= TASKS_MAX:
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
    wanted = Known(user.text(), known.description, known.completed, known.priority)
    body: dict[str, Any] = {"title": wanted.title}
    if user.chance.random() < 0.5:
        body["completed"] = wanted.completed = user.chance.random() < 0.5
    if user.chance.random() < 0.3:
        body["description"] = wanted.description = user.text()
    if asking.driver is RICH and user.chance.random() < 0.3:
        body["priority"] = wanted.priority = user.chance.choice(_PRIORITIES)
    await _written(asking, "PUT", body, task_id, wanted)


async def complete(asking: Asking) -> None:
    user, task_id = asking.user, asking.user.some_task()
    if task_id is None:
        await create(asking)
        return
    known = user.tasks[task_id]
    body = user.chance.choice([None, {"completed": True}, {"completed": False}])
    completed = not known.completed if body is None else body["completed"]
    wanted = Known(known.title, known.description, completed, known.priority)
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
        _is_page(asking, answer, user.newest_first(), total=len(user.tasks))
        user.lists[name] = Seen(answer.fields["etag"], content, user.changes)


def _written_down(item: tuple[int, Known]) -> str:
    task_id, known = item
    return f"{task_id}:{known.title}:{known.description}:{known.completed}:{known.priority}"


async def window(asking: Asking) -> None:
    """A part of the list, where the contract has parts."""
    user, parameters = asking.user, asking.driver.parameters
    if "limit" not in parameters:
        await whole_list(asking)
        return
    status = user.chance.choice(["all", "pending", "completed"])
    limit, offset = user.chance.randint(1, 9), user.chance.choice([0, 0, 1, 5, 30])
    answer = await asking.ask("GET", f"{asking.path}?status={status}&limit={limit}&offset={offset}")
    if asking.status(answer, 200):
        all_of_them = user.newest_first(completed={"completed": True, "pending": False}.get(status))
        page = all_of_them[offset : offset + limit]
        _is_page(asking, answer, page, total=len(all_of_them))


async def sorted_list(asking: Asking) -> None:
    """In another order, which is for other tests: here it is who is in it."""
    user, parameters = asking.user, asking.driver.parameters
    if "sort" not in parameters:
        await window(asking)
        return
    sorts = _SORTS if asking.driver is RICH else ("title",)
    sign = user.chance.choice(["", "-"]) if asking.driver is RICH else ""
    answer = await asking.ask("GET", f"{asking.path}?sort={sign}{user.chance.choice(sorts)}")
    if asking.status(answer, 200):
        _has(asking, answer, set(user.tasks))


async def search(asking: Asking) -> None:
    """By the user's own words, which stand in nothing of anybody else's."""
    user = asking.user
    if asking.driver is not RICH:
        await sorted_list(asking)
        return
    priority = user.chance.choice([*_PRIORITIES, None])
    query = f"q={user.tag}" + (f"&priority={priority}" if priority else "")
    answer = await asking.ask("GET", f"{asking.path}?{query}&limit=100")
    if asking.status(answer, 200):
        found = {
            task_id
            for task_id, known in user.tasks.items()
            if user.tag in f"{known.title}\n{known.description or ''}"
            and priority in {None, known.priority or "medium"}
        }
        _has(asking, answer, found)


async def walk(asking: Asking) -> None:
    """Through a whole list by cursors, of which the last one is kept."""
    user = asking.user
    if asking.driver is not RICH:
        await window(asking)
        return
    query = f"sort={user.chance.choice(['', '-'])}{user.chance.choice(_SORTS)}"
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        part = f"&cursor={cursor}" if cursor else ""
        answer = await asking.ask("GET", f"{asking.path}?{query}&limit=5{part}")
        if not asking.status(answer, 200):
            return
        body = answer.json
        asking.are_own(answer, body["tasks"])
        seen += [task["id"] for task in body["tasks"]]
        cursor = body["next_cursor"]
        if cursor is not None:
            user.cursors = [*user.cursors[-3:], (query, cursor)]
    asking.require(sorted(seen) == sorted(user.tasks), f"saw {seen}, owns {sorted(user.tasks)}")


def _is_page(asking: Asking, answer: Answer, ids: list[int], *, total: int) -> None:
    tasks = asking.driver.tasks_of(answer.json)
    asking.are_own(answer, tasks)
    found = [task["id"] for task in tasks]
    asking.require(found == ids, f"shows {found} and not {ids}", answer)
    told = asking.total_of(answer)
    asking.require(told in {None, total}, f"counts {told} and not {total}", answer)


def _has(asking: Asking, answer: Answer, ids: set[int]) -> None:
    tasks = asking.driver.tasks_of(answer.json)
    asking.are_own(answer, tasks)
    found = {task["id"] for task in tasks}
    asking.require(found == ids, f"shows {found} and not {ids}", answer)
    told = asking.total_of(answer)
    asking.require(told in {None, len(ids)}, f"counts {told} and not {len(ids)}", answer)
