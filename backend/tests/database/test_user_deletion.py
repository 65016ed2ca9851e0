"""A user who is deleted by the database's operator while they work."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Final

import asyncpg

from tests.docs.snippets import snippets
from tests.support.users import Caller

PAGE: Final = Path(__file__).parents[3] / "docs" / "operations.md"
DELETIONS: Final = 5
AT_ONCE: Final = 4


def deletion(user_id: str) -> str:
    """Read the commands that docs/operations.md gives, for this user."""
    [found] = [each for each in snippets(PAGE) if each.heading == "Delete a user"]
    assert "'user_123'" in found.text
    return found.text.replace("user_123", user_id)


async def delete(superuser: asyncpg.Connection, user_id: str) -> None:
    while True:
        try:
            await superuser.execute(deletion(user_id))
        except asyncpg.DeadlockDetectedError:
            await superuser.execute("ROLLBACK")
        else:
            return


async def test_fa_41_nothing_of_a_deleted_user_stays(
    alice: Caller, superuser: asyncpg.Connection
) -> None:
    """No row names them any more; with the next task they are new."""
    await alice.client.post(
        alice.tasks, json={"title": "Buy milk"}, headers={"idempotency-key": "once"}
    )
    await delete(superuser, alice.user_id)

    for table, column in (
        ("users", "id"),
        *((name, "user_id") for name in ("tasks", "task_counters", "idempotency_keys")),
    ):
        left = await superuser.fetchval(
            f"SELECT count(*) FROM {table} WHERE {column} = $1",  # noqa: S608 - names of ours
            alice.user_id,
        )
        assert left == 0, table
    task = await alice.given_task()
    listed = (await alice.client.get(alice.tasks)).json()["data"]
    assert [each["id"] for each in listed["tasks"]] == [task["id"]]
    assert listed["total"] == 1


async def test_fa_41_who_is_deleted_while_they_work_is_new(
    alice: Caller, superuser: asyncpg.Connection
) -> None:
    """Each change is made, or its task is gone; none fails, and the counters are right."""
    statuses: Counter[tuple[str, int]] = Counter()
    is_over = asyncio.Event()

    async def works() -> None:
        while not is_over.is_set():
            made = await alice.client.post(alice.tasks, json={"title": "Buy milk"})
            statuses["POST", made.status_code] += 1
            path = f"{alice.tasks}/{made.json()['data']['id']}"
            done = await alice.client.patch(f"{path}/complete", json={"completed": True})
            statuses["PATCH", done.status_code] += 1
            if statuses.total() % 3:
                gone = await alice.client.delete(path)
                statuses["DELETE", gone.status_code] += 1

    workers = [asyncio.create_task(works()) for _ in range(AT_ONCE)]
    for _ in range(DELETIONS):
        await delete(superuser, alice.user_id)
        await asyncio.sleep(0.1)
    is_over.set()
    await asyncio.gather(*workers)

    assert {status for method, status in statuses if method == "POST"} == {201}
    assert {status for _, status in statuses} <= {200, 201, 404}
    counted = await superuser.fetchrow(
        "SELECT c.total, c.completed, count(t.id), count(t.id) FILTER (WHERE t.completed)"
        " FROM task_counters c LEFT JOIN tasks t USING (user_id)"
        " WHERE c.user_id = $1 GROUP BY c.total, c.completed",
        alice.user_id,
    )
    assert counted is None or tuple(counted)[:2] == tuple(counted)[2:]
