"""How the tests of the rich contract make tasks and read lists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import httpx

from tests.support.client import client_for
from tests.support.users import token_for

# Shared, because a client that makes its own loads every certificate authority.

Task = dict[str, Any]
Listed = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RichCaller:
    """A signed-in user; `tasks` is the path of their collection."""

    user_id: str
    client: httpx.AsyncClient

    @property
    def tasks(self) -> str:
        return f"/api/{quote(self.user_id, safe='')}/tasks"

    async def given(self, title: str = "Buy milk", **fields: Any) -> Task:
        """Create a task; `completed` too is set, in a second request."""
        completed = fields.pop("completed", False)
        response = await self.client.post(self.tasks, json={"title": title, **fields})
        assert response.status_code == 201, response.text
        task: Task = response.json()
        return await self.put(task, completed=True) if completed else task

    async def put(self, task: Task, **fields: Any) -> Task:
        response = await self.client.put(f"{self.tasks}/{task['id']}", json=fields)
        assert response.status_code == 200, response.text
        changed: Task = response.json()
        return changed

    async def delete(self, task: Task) -> None:
        response = await self.client.delete(f"{self.tasks}/{task['id']}")
        assert response.status_code == 204, response.text

    async def asked(self, query: str = "", **parameters: Any) -> httpx.Response:
        """Ask for a list: `query` goes over the wire as it is, `parameters` are encoded."""
        if query:
            return await self.client.get(f"{self.tasks}?{query}")
        return await self.client.get(self.tasks, params=parameters)

    async def listed(self, query: str = "", **parameters: Any) -> Listed:
        response = await self.asked(query, **parameters)
        assert response.status_code == 200, response.text
        found: Listed = response.json()
        return found

    async def titles(self, query: str = "", **parameters: Any) -> list[str]:
        return titles_of(await self.listed(query, **parameters))

    async def pages(self, **parameters: Any) -> list[Listed]:
        """Read the list to its end by cursors."""
        pages = [await self.listed(**parameters)]
        while pages[-1]["next_cursor"] is not None:
            pages.append(await self.listed(**parameters, cursor=pages[-1]["next_cursor"]))
        return pages


def titles_of(page: Listed) -> list[str]:
    return [task["title"] for task in page["tasks"]]


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and sentence of an error."""
    body = response.json()
    assert list(body) == ["detail", "error_code", "timestamp"]
    return response.status_code, body["error_code"], body["detail"]


@asynccontextmanager
async def fresh_rich_caller(url: str, name: str) -> AsyncIterator[RichCaller]:
    """Sign a user in whom the database has never seen; `name` starts the id."""
    async with rich_caller(url, f"{name}-{token_hex(6)}") as caller:
        yield caller


@asynccontextmanager
async def rich_caller(
    url: str, user_id: str, *, token: str | None = None
) -> AsyncIterator[RichCaller]:
    headers = {"authorization": f"Bearer {token or token_for(user_id)}"}
    async with client_for(url, headers=headers) as client:
        yield RichCaller(user_id, client)
