"""The bytes that the envelope contract sends for a row, put together from the row itself."""

import json
from datetime import datetime
from typing import Any

import asyncpg

from tests.support.users import Caller


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


def answer(data: str, message: str) -> bytes:
    return f'{{"success":true,"data":{data},"message":"{message}"}}'.encode()


def task(row: asyncpg.Record) -> str:
    """Write a single task, with its owner."""
    owner = f'"user_id":{_text(row["user_id"])},'
    return "{" + _description_of(row) + owner + _times_of(row) + "}"


def item(row: asyncpg.Record) -> str:
    """Write a task in a list, which has no owner."""
    return "{" + _description_of(row) + _times_of(row) + "}"


def _description_of(row: asyncpg.Record) -> str:
    return (
        f'"id":{row["id"]},"title":{_text(row["title"])},'
        f'"description":{_text(row["description"])},'
        f'"completed":{_text(row["completed"])},'
    )


def _times_of(row: asyncpg.Record) -> str:
    return (
        f'"created_at":"{_moment(row["created_at"])}","updated_at":"{_moment(row["updated_at"])}"'
    )


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _moment(moment: datetime) -> str:
    """Write ISO 8601 in UTC, as many of the microseconds as there are."""
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
