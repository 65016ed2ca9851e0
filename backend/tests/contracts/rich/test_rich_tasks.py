"""Single tasks of the rich contract, byte for byte."""

import json
from typing import Any

import asyncpg
import pytest

from tests.contracts.rich.lists import RichCaller, Task, refusal

PRIORITIES = {1: "low", 2: "medium", 3: "high"}
MOMENT = "must be an ISO 8601 date or date-time, such as 2026-01-31T18:00:00Z"
CALENDAR = "must be a day of the calendar"
YEARS = "must be within the years 1 to 9999 in UTC"
FORMAT = "VALIDATION_INVALID_FORMAT"
CHANGEABLE = {"title", "description", "completed", "priority", "due_date"}
OUT_OF_RANGE = "VALIDATION_OUT_OF_RANGE"


def spelled(row: asyncpg.Record) -> bytes:
    """Write the task as the contract does, from the row itself."""
    task = {
        "id": row["id"],
        "user_id": row["user_id"],
        "title": row["title"],
        "description": row["description"],
        "completed": row["completed"],
        "priority": PRIORITIES[row["priority"]],
    }
    for name in ("due_date", "created_at", "updated_at"):
        moment = row[name]
        fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".") if moment else ""
        task[name] = moment and f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
    return json.dumps(task, ensure_ascii=False, separators=(",", ":")).encode()


async def row_of(superuser: asyncpg.Connection, caller: RichCaller) -> asyncpg.Record:
    [row] = await superuser.fetch("SELECT * FROM tasks WHERE user_id = $1", caller.user_id)
    return row


@pytest.mark.parametrize(
    "body",
    [
        {"title": "Buy milk"},
        {"title": "Buy milk", "description": None, "due_date": None},
        {"title": " Buy\nmilk ", "description": '<b>"two"\\\u2028 🥛', "priority": "high"},
        {"title": "x", "priority": "low", "due_date": "2026-01-12T18:00:00.25+01:00"},
    ],
    ids=range(4),
)
async def test_every_answer_with_a_task(
    alice: RichCaller, superuser: asyncpg.Connection, body: dict[str, Any]
) -> None:
    """Created, read, listed, changed and completed, it is the bare task with all of its fields."""
    created = await alice.client.post(alice.tasks, json=body)
    row = await row_of(superuser, alice)
    path = f"{alice.tasks}/{row['id']}"
    assert (created.status_code, created.content) == (201, spelled(row))
    assert created.headers["location"] == path
    assert created.headers["etag"].startswith('"r-')

    read = await alice.client.get(path)
    listed = await alice.asked()
    changed = await alice.client.put(path, json={})
    assert read.content == changed.content == created.content
    rest = b'],"total":1,"limit":50,"offset":0,"next_cursor":null}'
    assert listed.content == b'{"tasks":[' + spelled(row) + rest
    assert listed.headers["etag"].startswith('W/"r-')

    completed = await alice.client.patch(f"{path}/complete")
    assert completed.content == spelled(await row_of(superuser, alice))
    deleted = await alice.client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "content-type" not in deleted.headers


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-01-12T18:00:00Z", "2026-01-12T18:00:00Z"),
        ("2026-01-12T18:00:00", "2026-01-12T18:00:00Z"),
        ("2026-01-12T18:00", "2026-01-12T18:00:00Z"),
        ("2026-01-12", "2026-01-12T00:00:00Z"),
        ("2026-01-12T18:00:00+05:30", "2026-01-12T12:30:00Z"),
        ("2026-01-01T00:30:00+0100", "2025-12-31T23:30:00Z"),
        ("2026-01-12t18:00:00.123456789z", "2026-01-12T18:00:00.123456Z"),
        ("2024-02-29T23:59:59,5-12", "2024-03-01T11:59:59.5Z"),
        ("0001-01-01T00:00:00.000001Z", "0001-01-01T00:00:00.000001Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        (None, None),
    ],
)
async def test_due_dates(alice: RichCaller, sent: str | None, kept: str | None) -> None:
    """An offset is honoured, none means UTC, and a date is its first instant."""
    created = await alice.given(due_date=sent)
    other = await alice.given()

    changed = await alice.put(other, due_date=sent)

    assert (created["due_date"], changed["due_date"]) == (kept, kept)


@pytest.mark.parametrize(
    ("value", "code", "constraint"),
    [
        (1767225600, FORMAT, "must be a string"),
        (1767225600.5, FORMAT, "must be a string"),
        (True, FORMAT, "must be a string"),
        ("1767225600", FORMAT, MOMENT),
        ("", FORMAT, MOMENT),
        ("tomorrow", FORMAT, MOMENT),
        ("2026-1-2", FORMAT, MOMENT),
        ("20260102", FORMAT, MOMENT),
        ("2026-W01-1", FORMAT, MOMENT),
        ("2026-01-12 18:00", FORMAT, MOMENT),
        ("2026-01-12T18:00:00 02:00", FORMAT, MOMENT),
        ("2026-01-12T24:00:00Z", FORMAT, MOMENT),
        ("2026-01-12T18:00:60Z", FORMAT, MOMENT),
        ("2026-01-12T18:00:00+24:00", FORMAT, MOMENT),
        ("2026-01-12Z", FORMAT, MOMENT),
        ("2026-01-12T18:00:00Z\n", FORMAT, MOMENT),
        ("\uff12\uff10\uff12\uff16-01-12", FORMAT, MOMENT),
        ("+02026-01-12", FORMAT, MOMENT),
        ("12026-01-12", FORMAT, MOMENT),
        ("0000-01-01", FORMAT, CALENDAR),
        ("2026-02-29", FORMAT, CALENDAR),
        ("2026-13-01", FORMAT, CALENDAR),
        ("0001-01-01T00:00:00Z", OUT_OF_RANGE, YEARS),
        ("0001-01-01T00:00:00+01:00", OUT_OF_RANGE, YEARS),
        ("9999-12-31T23:59:59.999999Z", OUT_OF_RANGE, YEARS),
        ("9999-12-31T23:59:59-00:01", OUT_OF_RANGE, YEARS),
    ],
    ids=str,
)
async def test_what_is_no_due_date(
    alice: RichCaller, value: object, code: str, constraint: str
) -> None:
    """Everything else is refused, numbers above all, and nothing is changed."""
    task = await alice.given()
    expected = (400, code, f"due_date {constraint}")

    created = await alice.client.post(alice.tasks, json={"title": "x", "due_date": value})
    changed = await alice.client.put(f"{alice.tasks}/{task['id']}", json={"due_date": value})

    assert refusal(created) == refusal(changed) == expected
    assert (await alice.listed())["tasks"] == [task]


async def test_put_changes_what_it_names(alice: RichCaller) -> None:
    """One field at a time, each keeps the others; null erases where there can be nothing."""
    task = await alice.given("Buy milk", description="Two", priority="high", due_date="2026-01-12")
    steps: list[dict[str, Any]] = [
        {"priority": "low"},
        {"title": "Buy oat milk"},
        {"completed": True},
        {"description": None},
        {"due_date": "2026-02-01"},
        {"due_date": None},
        {},
        {"completed": False, "id": 5, "user_id": "bob", "created_at": "2020-01-01", "x": 1},
    ]

    for step in steps:
        changed = await alice.put(task, **step)
        expected = {name: step[name] for name in step.keys() & CHANGEABLE}
        if step.get("due_date"):
            expected["due_date"] = "2026-02-01T00:00:00Z"
        assert changed == task | expected | {"updated_at": changed["updated_at"]}
        assert (changed["updated_at"] > task["updated_at"]) == bool(step)
        task = changed


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ({"title": None}, FORMAT, "title must not be null"),
        ({"completed": None}, FORMAT, "completed must not be null"),
        ({"priority": None}, FORMAT, "priority must not be null"),
        ({"priority": "urgent"}, FORMAT, "priority must be 'low', 'medium' or 'high'"),
        ({"priority": "High"}, FORMAT, "priority must be 'low', 'medium' or 'high'"),
        ({"priority": 3}, FORMAT, "priority must be 'low', 'medium' or 'high'"),
        ({"completed": "true"}, FORMAT, "completed must be true or false"),
        (
            {"title": "a" * 201},
            "VALIDATION_FIELD_TOO_LONG",
            "title must be between 1 and 200 characters",
        ),
        (
            {"description": "a" * 1001},
            "VALIDATION_FIELD_TOO_LONG",
            "description must be at most 1000 characters",
        ),
        (
            {"due_date": 5, "title": "  "},
            "VALIDATION_REQUIRED_FIELD",
            "title must be between 1 and 200 characters; due_date must be a string",
        ),
    ],
    ids=str,
)
async def test_put_refuses(alice: RichCaller, body: dict[str, Any], code: str, detail: str) -> None:
    """Every offending field is named, and the first one decides the code."""
    task = await alice.given()

    response = await alice.client.put(f"{alice.tasks}/{task['id']}", json=body)

    assert refusal(response) == (400, code, detail)
    assert (await alice.listed())["tasks"] == [task]


async def test_longest_texts(alice: RichCaller) -> None:
    """Both limits are counted in code points."""
    task = await alice.given("🥛" * 200, description="🥛" * 1000)

    assert (len(task["title"]), len(task["description"])) == (200, 1000)


async def test_completion(alice: RichCaller) -> None:
    """Without a body or with an empty one it is turned round; otherwise set, once or twice."""
    task = await alice.given()
    path = f"{alice.tasks}/{task['id']}/complete"

    first = await alice.client.patch(path)
    bodies: tuple[Task, ...] = ({}, {"completed": True}, {"completed": True}, {"completed": False})
    answers = [first, *[await alice.client.patch(path, json=body) for body in bodies]]
    found = [answer.json()["completed"] for answer in answers]

    assert found == [True, False, True, True, False]


async def test_versions_of_a_task(alice: RichCaller) -> None:
    """Its tag lets a change through once, and spares reading it again."""
    created = await alice.client.post(alice.tasks, json={"title": "x"})
    path, tag = created.headers["location"], created.headers["etag"]

    unread = await alice.client.get(path, headers={"if-none-match": tag})
    changed = await alice.client.put(path, json={"priority": "high"}, headers={"if-match": tag})
    stale = await alice.client.delete(path, headers={"if-match": tag})

    assert (unread.status_code, unread.content) == (304, b"")
    assert changed.status_code == 200
    assert refusal(stale) == (
        412,
        "RESOURCE_CONFLICT",
        "The task has changed since the version that If-Match names",
    )
