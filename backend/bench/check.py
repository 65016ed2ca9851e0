"""Before anything is timed: each server has to do the work and answer as the other does."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import httpx

from bench.cells import BenchError, DataSet
from bench.servers import Server

_CREATED: Final = {"title": "Try the server", "description": "One of each call."}
_REPLACED: Final = {"title": "Tried it", "description": "Works.", "completed": True}


async def works(server: Server, data: DataSet, tokens: Mapping[str, str]) -> None:
    """Go once through all operations; raises BenchError at the first answer that is wrong."""
    user_id, stranger = data.user_ids[:2]
    headers = {"Authorization": f"Bearer {tokens[user_id]}"}
    tasks = f"{server.url}/api/{user_id}/tasks"
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        expect = _expectations(server)
        task = await expect(client.post(tasks, json=_CREATED), 201)
        _require(server, _CREATED.items() <= task.items() and not task["completed"], "create")
        one = f"{tasks}/{task['id']}"
        _require(server, await expect(client.get(one), 200) == task, "get")
        put = await expect(client.put(one, json=_REPLACED), 200)
        _require(server, _REPLACED.items() <= put.items(), "put")
        toggled = await expect(client.patch(f"{one}/complete", json={}), 200)
        _require(server, not toggled["completed"], "complete")
        page = await expect(client.get(tasks, params={"limit": "50"}), 200)
        _require(server, _is_first_page(page, newest=toggled, data=data), "list")
        await expect(client.delete(one), 200)
        await expect(client.get(one), 404)
        await expect(client.get(f"{server.url}/api/{stranger}/tasks"), 403)


def _is_first_page(page: dict[str, object], *, newest: dict[str, object], data: DataSet) -> bool:
    listed = {name: value for name, value in newest.items() if name != "user_id"}
    total = data.tasks_per_user + 1
    tasks = page["tasks"]
    return (
        isinstance(tasks, list)
        and len(tasks) == min(50, total)
        and tasks[0] == listed
        and (page["total"], page["page"], page["limit"]) == (total, 1, 50)
    )


def _expectations(
    server: Server,
) -> Callable[[Awaitable[httpx.Response], int], Awaitable[dict[str, object]]]:
    async def expect(answer: Awaitable[httpx.Response], status: int) -> dict[str, object]:
        response = await answer
        call = f"{response.request.method} {response.request.url.path}"
        _require(server, response.status_code == status, f"{call} ({response.status_code})")
        data = response.json().get("data")
        return data if isinstance(data, dict) else {}

    return expect


def _require(server: Server, holds: bool, call: str) -> None:  # noqa: FBT001
    if not holds:
        raise BenchError(f"the {server.side} server answers wrongly to {call}")
