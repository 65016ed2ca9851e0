"""What a user tries on others: their ids, their paths, their tags, cursors and words."""

from dataclasses import replace
from typing import Final

from tests.contracts.drivers import PLAIN, RICH
from tests.isolation import own, searches
from tests.isolation.people import User
from tests.isolation.world import Asking, in_path

_FIELDS: Final = ("x-user-id", "x-forwarded-user", "x-remote-user", "user-id")
_TAKEN: Final = "Taken over"


async def others_task(asking: Asking) -> None:
    """Each method on a task of somebody else, with and without a condition: no such task."""
    user, victim = asking.user, asking.world.another(asking.user)
    task_id = victim.some_task()
    if task_id is None:
        await own.whole_list(asking)
        return
    version = victim.tasks[task_id].version
    tags = ["*", '"x-1"'] + ([own.tag(asking, version)] if version else [])
    name = user.chance.choice(["if-match", "if-none-match", None])
    fields = {} if name is None else {name: user.chance.choice(tags)}
    method = user.chance.choice(["GET", "PUT", "PATCH", "DELETE", "HEAD"])
    path = asking.completion(task_id) if method == "PATCH" else asking.one(task_id)
    body: object = {"title": _TAKEN, "completed": True} if method == "PUT" else None
    if method == "PATCH":
        body = user.chance.choice([None, {"completed": True}, {"completed": False}])
    if method == "GET" and user.chance.random() < 0.1:
        fields["range"] = "bytes=0-10"
    answer = await asking.ask(method, path, body, fields)
    # Where a stranger's task is told from none, it may have been deleted just now.
    gone = [asking.driver.refusals.no_task.status] if asking.driver is PLAIN else []
    if method == "HEAD":
        asking.status(answer, asking.not_mine, *gone, 405)
    else:
        asking.refused(answer, asking.not_mine, *gone)


async def others_path(asking: Asking) -> None:
    """Each method below somebody else's path, with their task or one's own: not allowed."""
    user, refusal = asking.user, asking.driver.refusals.wrong_user
    if refusal is None:
        await others_task(asking)
        return
    victim = asking.world.another(user)
    name = victim.user_id
    if user.chance.random() < 0.5:
        name = user.chance.choice([each for each in _look_alikes(user) if each != user.user_id])
    whose = user.chance.choice([victim, user])
    task_id = whose.some_task() or 1
    collection = asking.driver.tasks_path(name)
    path = f"{collection}/{task_id}"
    method, target, body = user.chance.choice(
        [
            ("GET", collection, None),
            ("GET", f"{collection}?limit=1&user_id={in_path(user.user_id)}", None),
            ("POST", collection, {"title": _TAKEN}),
            ("GET", path, None),
            ("PUT", path, {"title": _TAKEN}),
            ("DELETE", path, None),
            ("PATCH", f"{path}/{asking.driver.completion}", None),
        ]
    )
    answer = await asking.ask(method, target, body)
    asking.refused(answer, refusal.status)


def _look_alikes(user: User) -> list[str]:
    name = user.user_id
    return [name.upper(), name.swapcase(), f"{name} ", f" {name}", f"{name}\u200b", f"{name}%20"]


async def names_another(asking: Asking) -> None:
    """In the body, the query and the headers: nobody reads it there."""
    user, victim = asking.user, asking.world.another(asking.user)
    fields = {user.chance.choice(_FIELDS): in_path(victim.user_id)}
    if user.chance.random() < 0.5:
        query = user.chance.choice(["", f"?user_id={in_path(victim.user_id)}"])
        answer = await asking.ask("GET", asking.path + query, None, fields)
        if asking.status(answer, 200):
            asking.are_own(answer, asking.driver.tasks_of(answer.json))
            told = asking.total_of(answer)
            asking.require(told in {None, len(user.tasks)}, f"counts {told}", answer)
        return
    theirs = victim.some_task() or 1
    task_id = user.some_task()
    if task_id is None:
        await own.create(asking)
        return
    known = user.tasks[task_id]
    wanted = replace(known, title=user.text())
    body = {"title": wanted.title, "user_id": victim.user_id, "id": theirs, "owner": theirs}
    answer = await asking.ask("PUT", asking.one(task_id), body, fields)
    if asking.status(answer, 200):
        asking.is_own(answer, asking.driver.task_of(answer.json), task_id, wanted)
        wanted.version = answer.version
        user.keep(task_id, wanted)


async def others_tag(asking: Asking) -> None:
    """The entity tag of somebody else's task or list is none of one's own."""
    user, victim = asking.user, asking.world.another(asking.user)
    theirs, task_id = victim.some_task(), user.some_task()
    if theirs is None or task_id is None:
        await own.create(asking)
        return
    known, version = user.tasks[task_id], victim.tasks[theirs].version
    if known.version is None or version in {None, known.version}:
        await own.get(asking)
        return
    assert version is not None
    condition = own.tag(asking, version)
    if user.chance.random() < 0.5:
        answer = await asking.ask("GET", asking.one(task_id), None, {"if-none-match": condition})
        if asking.status(answer, 200):
            asking.is_own(answer, asking.driver.task_of(answer.json), task_id, known)
    else:
        answer = await asking.ask("DELETE", asking.one(task_id), None, {"if-match": condition})
        asking.refused(answer, asking.driver.refusals.stale.status)


async def others_list_tag(asking: Asking) -> None:
    """A list that somebody else has is not the one that the user has."""
    user, victim = asking.user, asking.world.another(asking.user)
    name = asking.driver.name
    theirs, mine = victim.lists.get(name), user.lists.get(name)
    if theirs is None or (mine and theirs.tag == mine.tag) or not user.tasks:
        await own.whole_list(asking)
        return
    answer = await asking.ask("GET", asking.path, None, {"if-none-match": theirs.tag})
    if asking.status(answer, 200):
        asking.are_own(answer, asking.driver.tasks_of(answer.json))


async def others_cursor(asking: Asking) -> None:
    """A cursor is good for the list of the user who got it."""
    victim = asking.world.another(asking.user)
    if asking.driver is not RICH or not victim.cursors:
        await searches.walk(asking)
        return
    query, cursor = asking.user.chance.choice(victim.cursors)
    answer = await asking.ask("GET", f"{asking.path}?{query}&limit=5&cursor={cursor}")
    asking.refused(answer, asking.driver.refusals.wrong_format.status)


async def others_words(asking: Asking) -> None:
    """A search for a word of somebody else's finds and counts nothing."""
    victim = asking.world.another(asking.user)
    if asking.driver is not RICH:
        await others_task(asking)
        return
    sort = asking.user.chance.choice(["created_at", "-title", "due_date"])
    answer = await asking.ask("GET", f"{asking.path}?q={victim.tag}&sort={sort}")
    if asking.status(answer, 200):
        body = answer.json
        asking.require(body["tasks"] == [] and body["total"] == 0, "found something", answer)


async def others_claims(asking: Asking) -> None:
    """The claims of somebody else's token under the signature of one's own."""
    victim = asking.world.another(asking.user)
    claims, _, _ = victim.token.rpartition(".")
    _, _, signature = asking.user.token.rpartition(".")
    answer = await asking.ask("GET", asking.path, token=f"{claims}.{signature}")
    asking.refused(answer, 401)


async def refused_body(asking: Asking) -> None:
    """What a validation error repeats is the caller's own."""
    user = asking.user
    title = user.text() * 20
    answer = await asking.ask("POST", asking.path, {"title": title, "completed": user.tag})
    asking.refused(answer, asking.driver.refusals.too_long.status)


async def hang_up(asking: Asking) -> None:
    """Go away before the answer: whoever has the connections next reads their own."""
    await asking.abandon("GET", asking.path)
