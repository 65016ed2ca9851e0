"""The commands beside `serve`: tokens, migrations, the description."""

import json
import time
from pathlib import Path

import pytest

from tests.database.databases import SHAPE, opened, session, url_of, user
from tests.support.command import environment, run
from tests.support.server import SECRET
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.shared_secret import SharedSecret
from todo_backend.database.inspection import known_revisions
from todo_backend.database.url import ConnectArgs
from todo_backend.model.attempt import Attempt
from todo_backend.model.task import NewTask

NEWEST = known_revisions()[-1]
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://todo:pw@db.example/todo",
    "ALLOWED_ORIGINS": "https://app.example",
}


def test_token_is_one_that_the_server_accepts(no_data: Path) -> None:
    """It names the user, and is good for as long as was asked."""
    ended = run("token", "--user", "Zoë", "--minutes", "5", env=environment(no_data))

    assert ended.status == 0
    key = SharedSecret(SECRET, rules=ClaimRules())
    verified = key.verify(ended.out.strip(), now=time.time())
    assert verified.principal.user_id == "Zoë"
    assert verified.valid_until - time.time() <= 5 * 60 + 60


def test_production_signs_no_token(no_data: Path) -> None:
    """There they come from Better Auth, and from nobody who can read the server's secret."""
    ended = run("token", "--user", "u", env=environment(no_data, **PRODUCTION))

    assert "ENVIRONMENT is production" in ended.complaint
    assert ended.out == ""


def test_token_for_nobody(no_data: Path) -> None:
    """A user id that no request could name is refused in a line."""
    ended = run("token", "--user", " ", env=environment(no_data))

    assert ended.status == 1
    assert ended.complaint


async def test_migrations_up_and_down(empty: ConnectArgs, no_data: Path) -> None:
    """Each way once; the status tells a script whether there is something to do."""
    env = environment(no_data, DATABASE_URL=url_of(empty))
    before = run("migrate", "status", env=env)
    up = run("migrate", "up", env=env)
    down = run("migrate", "down", "base", env=env)

    assert (before.status, before.out.splitlines()[0]) == (
        1,
        f"at revision none, the newest is {NEWEST}",
    )
    assert (up.status, up.out) == (0, f"at revision {NEWEST}, the newest\n")
    assert down.status == 0
    async with session(empty) as connection:
        assert await connection.fetchval("SELECT to_regclass('tasks')") is None


@pytest.mark.slow
async def test_revision_of_a_later_release(migrated: ConnectArgs, no_data: Path) -> None:
    """It is left alone, and a way back that this release doesn't know is refused in a line."""
    env = environment(no_data, DATABASE_URL=url_of(migrated))
    async with session(migrated) as connection:
        await connection.execute("UPDATE todo_alembic_version SET version_num = '9999'")

    up = run("migrate", "up", env=env)
    down = run("migrate", "down", "0001", env=env)

    assert (up.status, up.out) == (0, f"at revision 9999, after this release's {NEWEST}\n")
    assert "knows no such revision" in down.complaint


async def test_pruning(migrated: ConnectArgs, no_data: Path) -> None:
    """What has expired goes, whosever it is, and the line says how much; then there is nothing."""
    env = environment(no_data, DATABASE_URL=url_of(migrated))
    async with opened(migrated, pool_size=1) as db:
        for name in ("alice", "bob"):
            await db.tasks(SHAPE).create_once(
                user(name), NewTask("Buy milk", None), Attempt("a-key", b"a request")
            )
    async with session(migrated) as truth:
        await truth.execute("UPDATE idempotency_keys SET expires_at = now()")
        await truth.execute(
            "INSERT INTO sessions (user_id, id, expires_at) SELECT id, 'one', now() FROM users"
        )

    first = run("prune", env=env)
    second = run("prune", env=env)

    said = "{0} expired idempotency keys dropped\n{0} expired sessions dropped\n"
    assert (first.status, first.out) == (0, said.format(2))
    assert (second.status, second.out) == (0, said.format(0))


def test_pruning_of_a_database_that_is_away(no_data: Path) -> None:
    """A cron job fails in a line."""
    env = environment(no_data, DATABASE_URL="postgresql://u:canary51c7@127.0.0.1:1/db")

    ended = run("prune", env=env)

    assert ended.status == 1
    assert "the database" in ended.complaint
    assert "canary51c7" not in ended.err


def test_migration_of_a_database_that_stays_away(no_data: Path) -> None:
    """The wait is as long as was asked, and what is in the way is told."""
    env = environment(no_data, DATABASE_URL="postgresql://u:canary51c7@127.0.0.1:1/db")

    ended = run("migrate", "up", "--wait", "0.2", env=env)

    assert ended.status == 1
    assert "nothing listens at the database's address" in ended.complaint
    assert "canary51c7" not in ended.err


def test_description_of_a_configuration(no_data: Path) -> None:
    """It is JSON, it needs no database, and it leaves nothing behind."""
    env = environment(no_data)
    del env["BETTER_AUTH_SECRET"]

    ended = run("openapi", env=env)

    assert ended.status == 0
    assert "/api/{user_id}/tasks" in json.loads(ended.out)["paths"]
    assert not no_data.exists()


def test_configuration_in_a_file(tmp_path: Path) -> None:
    """`.env` in the folder of the command counts, and complaints about it name no value."""
    (tmp_path / ".env").write_text("PORT=canary51c7\n")
    env = environment(tmp_path / "data")
    del env["PORT"]

    refused = run("serve", env=env)

    assert refused.status == 2
    assert refused.complaint.startswith("PORT wants")
