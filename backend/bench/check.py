"""Before anything is timed: each server has to do the work and answer as the others do."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx

from bench.cells import BenchError, DataSet, Side
from bench.servers import Server

_CREATED: Final = {"title": "Try the server", "description": "One of each call."}
_REPLACED: Final = {"title": "Tried it", "description": "Works.", "completed": True}
_PAGE: Final = 50
# These put tasks into an envelope, and leave their owner out of a list.
_WRAPPED: Final[frozenset[Side]] = frozenset({"product", "baseline", "eddsa", "hs256"})


async def works(server: Server, data: DataSet, tokens: Mapping[str, str]) -> None:
    """Go once through all operations; raises BenchError at the first answer that is wrong."""
    user_id, stranger = data.user_ids[:2]
    headers = {"Authorization": f"Bearer {tokens[user_id]}"}
    tasks = server.url + server.collection.format(user_id=user_id)
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        expect = _expectations(server)
        task = await expect(client.post(tasks, json=_CREATED), 201)
        _require(server, _CREATED.items() <= task.items() and not task["completed"], "create")
        one = f"{tasks}/{task['id']}"
        _require(server, await expect(client.get(one), 200) == task, "get")
        put = await expect(client.put(one, json=_REPLACED), 200)
        _require(server, _REPLACED.items() <= put.items(), "put")
        toggled = await expect(client.patch(f"{one}/{server.completion}", json={}), 200)
        _require(server, not toggled["completed"], "complete")
        page = await expect(client.get(tasks, params={"limit": str(_PAGE)}), 200)
        _require(server, _is_first_page(server.side, page, newest=toggled, data=data), "list")
        await expect(client.delete(one), 200 if server.side in _WRAPPED else 204)
        await expect(client.get(one), 404)
        if "{user_id}" in server.collection:
            theirs = server.url + server.collection.format(user_id=stranger)
            await expect(client.get(theirs), 403)


def _is_first_page(side: Side, page: Any, *, newest: dict[str, Any], data: DataSet) -> bool:  # noqa: ANN401 - any JSON
    total = data.tasks_per_user + 1
    tasks = page if side == "accounts" else page["tasks"]
    shown = total if side == "accounts" else min(_PAGE, total)
    hidden = {"user_id"} if side in _WRAPPED else set()
    first = {name: value for name, value in newest.items() if name not in hidden}
    return len(tasks) == shown and tasks[0] == first and _total_of(side, page) in {total, None}


def _total_of(side: Side, page: Any) -> int | None:  # noqa: ANN401 - any JSON
    """Return how many tasks the answer says there are; None where it doesn't."""
    if side == "accounts":
        return None
    found: int = page["count" if side == "plain" else "total"]
    return found


def _expectations(server: Server) -> Callable[[Awaitable[httpx.Response], int], Awaitable[Any]]:
    async def expect(answer: Awaitable[httpx.Response], status: int) -> Any:  # noqa: ANN401 - any JSON
        response = await answer
        call = f"{response.request.method} {response.request.url.path}"
        _require(server, response.status_code == status, f"{call} ({response.status_code})")
        if not response.content:
            return None
        body = response.json()
        return body.get("data") if server.side in _WRAPPED else body

    return expect


def _require(server: Server, holds: bool, call: str) -> None:  # noqa: FBT001
    if not holds:
        raise BenchError(f"the {server.side} server answers wrongly to {call}")
