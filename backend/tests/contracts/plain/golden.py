"""The bytes that the plain contract sends for a row, put together from the row itself."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import asyncpg

from tests.support.users import Caller


async def given_task(caller: Caller, title: str = "Buy milk", **fields: Any) -> dict[str, Any]:
    """Create a task and return it as the contract shows it."""
    response = await caller.client.post(caller.tasks, json={"title": title, **fields})
    assert response.status_code == 201, response.text
    task: dict[str, Any] = response.json()
    return task


async def rows_of(superuser: asyncpg.Connection, caller: Caller) -> list[asyncpg.Record]:
    """Read all tasks of a user, newest first."""
    found: list[asyncpg.Record] = await superuser.fetch(
        "SELECT * FROM tasks WHERE user_id = $1 ORDER BY created_at DESC, id DESC", caller.user_id
    )
    return found


async def row_of(superuser: asyncpg.Connection, caller: Caller) -> asyncpg.Record:
    """Read the only task of a user."""
    [row] = await rows_of(superuser, caller)
    return row


def task(row: asyncpg.Record) -> bytes:
    return (
        f'{{"id":{row["id"]},"user_id":{_text(row["user_id"])},"title":{_text(row["title"])},'
        f'"description":{_text(row["description"])},"completed":{_text(row["completed"])},'
        f'"created_at":"{_moment(row["created_at"])}","updated_at":"{_moment(row["updated_at"])}"}}'
    ).encode()


def tasks(rows: Iterable[asyncpg.Record], count: int) -> bytes:
    return b'{"tasks":[%b],"count":%d}' % (b",".join(map(task, rows)), count)


def error(code: str, detail: str) -> bytes:
    said = {"detail": detail, "code": code}
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _moment(moment: datetime) -> str:
    """Write ISO 8601 in UTC, as many of the microseconds as there are."""
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
