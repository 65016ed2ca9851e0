"""A server that is killed before it can say that a task has been made."""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.database.databases import session, until, until_blocked, url_of
from tests.support.client import client_for
from tests.support.command import environment, started
from tests.support.users import token_for
from todo_backend.database.url import ConnectArgs

pytestmark = pytest.mark.slow

BODY = {"title": "Buy milk"}
TASKS = "SELECT count(*) FROM tasks WHERE user_id = $1"


async def created(connection: asyncpg.Connection, user_id: str) -> int:
    count: int = await connection.fetchval(TASKS, user_id)
    return count


@pytest.mark.parametrize("is_kept", [True, False], ids=["after COMMIT", "before COMMIT"])
async def test_fa_36_a_retry_after_a_kill_finds_one_task(
    migrated: ConnectArgs, no_data: Path, *, is_kept: bool
) -> None:
    """Whether or not PostgreSQL finished what it was asked for: with the key there is one task."""
    env = environment(no_data, DATABASE_URL=url_of(migrated))
    headers = {"authorization": f"Bearer {token_for('alice')}", "idempotency-key": "a-key"}

    async with (
        session(migrated) as truth,
        session(migrated) as blocker,
        client_for("", headers=headers) as client,
    ):
        with started("serve", env=env) as process:
            await blocker.execute("BEGIN; LOCK TABLE tasks IN SHARE MODE")
            lost = asyncio.create_task(client.post(f"{process.url}/api/alice/tasks", json=BODY))
            await until_blocked(truth)
            os.kill(process.pid, signal.SIGKILL)
            with pytest.raises(httpx.HTTPError):
                await lost
            if not is_kept:
                await truth.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'todo-backend'"
                )
            await blocker.execute("COMMIT")
        if is_kept:
            await until(lambda: created(truth, "alice"))
        before = await created(truth, "alice")

        with started("serve", env=env) as process:
            found = [await client.post(f"{process.url}/api/alice/tasks", json=BODY) for _ in "ab"]
        after = await created(truth, "alice")

    assert (before, after) == (int(is_kept), 1)
    assert [each.status_code for each in found] == [201, 201]
    assert found[0].content == found[1].content
    replayed = ["idempotent-replayed" in each.headers for each in found]
    assert replayed == [is_kept, True]
