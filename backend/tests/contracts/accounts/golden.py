"""The bytes that the accounts contract sends for a task, put together from the row itself."""

import json
from datetime import datetime
from typing import Any

import asyncpg


async def rows_of(superuser: asyncpg.Connection, user_id: str) -> list[asyncpg.Record]:
    """Read all tasks of a user, newest first."""
    found: list[asyncpg.Record] = await superuser.fetch(
        "SELECT * FROM tasks WHERE user_id = $1 ORDER BY created_at DESC, id DESC", user_id
    )
    return found


async def row_of(superuser: asyncpg.Connection, user_id: str) -> asyncpg.Record:
    """Read the only task of a user."""
    [row] = await rows_of(superuser, user_id)
    return row


def task(row: asyncpg.Record) -> str:
    return (
        f'{{"id":{row["id"]},"title":{_text(row["title"])},'
        f'"description":{_text(row["description"])},'
        f'"completed":{_text(row["completed"])},'
        f'"user_id":{_text(row["user_id"])},'
        f'"created_at":"{_moment(row["created_at"])}",'
        f'"updated_at":"{_moment(row["updated_at"])}"}}'
    )


def tasks(rows: list[asyncpg.Record]) -> bytes:
    return f"[{','.join(map(task, rows))}]".encode()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _moment(moment: datetime) -> str:
    """Write ISO 8601 in UTC, as many of the microseconds as there are."""
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
