"""Ids beyond what 32 bits hold: a table that has lived long goes on."""

from secrets import token_hex

from tests.database.databases import SHAPES, database, session, url_of
from tests.support.server import environment, serving
from tests.support.users import fresh_caller
from todo_backend import migrating
from todo_backend.database.url import ConnectArgs

LAST_OF_32_BITS = 2**31 - 1


async def test_fa_20_ids_outgrow_32_bits(address: ConnectArgs) -> None:
    """The next task is created, and found, changed and deleted under its number."""
    async with database(address) as old:
        await migrating.up(old, SHAPES)
        async with session(old) as operator:
            await operator.fetchval(
                "SELECT setval(pg_get_serial_sequence('tasks', 'id'), $1)", LAST_OF_32_BITS
            )
        async with (
            serving(environment(url_of(old))) as served,
            fresh_caller(served.url, token_hex(4)) as alice,
        ):
            task = await alice.given_task()
            path = f"{alice.tasks}/{task['id']}"
            found = await alice.client.get(path)
            changed = await alice.client.put(path, json={"title": "Buy oat milk"})
            deleted = await alice.client.delete(path)

    assert task["id"] == LAST_OF_32_BITS + 1
    assert found.json()["data"] == task
    assert (changed.status_code, deleted.status_code) == (200, 200)
