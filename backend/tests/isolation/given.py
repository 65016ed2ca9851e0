"""What is there before a run: the users' credentials, of four kinds, and some long lists."""

import base64
import hmac
import time
from collections.abc import Sequence
from datetime import datetime
from secrets import token_hex
from typing import Final

import asyncpg

from tests.isolation.people import PRIORITIES, Known, User
from tests.isolation.world import World
from tests.support.canary import SUITE
from tests.support.server import SECRET
from tests.support.signing_keys import signing_key
from tests.support.users import token_for

SIGNER: Final = signing_key("EdDSA", "isolation")
"""The key pair that a run's issuer publishes a half of."""
PUBLISHED: Final = SIGNER.token({}).partition(".")[0]
"""What the tokens that it signs begin with."""
PAUSE_SECONDS: Final = 0.2
TASKS: Final = 230
_TOKEN_SECONDS: Final = 24 * 60 * 60
# Seven of them, and two look-alikes in each pair: so each kind has a look-alike of another one.
_KINDS: Final = ("secret", "keys", "secret", "session", "keys", "cookie", "secret")
_BETTER_AUTH: Final = """
CREATE SCHEMA better_auth;
CREATE TABLE better_auth."user" (id text PRIMARY KEY, email text, name text);
CREATE TABLE better_auth."session" (
    id text PRIMARY KEY, token text UNIQUE, "expiresAt" timestamptz,
    "userId" text REFERENCES better_auth."user"
)
"""
_SESSION: Final = """
WITH owner AS (INSERT INTO better_auth."user" VALUES ($1, $2 || '@example.test', $2) RETURNING id)
INSERT INTO better_auth."session" SELECT $3, $3, now() + interval '1 day', id FROM owner
"""
_OWNERS: Final = "INSERT INTO users (id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
# Eight in a row are of one moment, two of each owner: then their ids say which is newer.
_COLLECTIONS: Final = """
INSERT INTO tasks
        (user_id, title, description, completed, priority, due_date, created_at, updated_at)
    SELECT owner, title, description, completed, priority, due, at, at
    FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::boolean[], $5::smallint[], $6::timestamptz[]
    ) WITH ORDINALITY _ (owner, title, description, completed, priority, due, place),
    LATERAL (SELECT now() - interval '1 hour' + place / 8 * interval '1 ms') __ (at)
    ORDER BY place
    RETURNING id, user_id
"""
_COUNTERS: Final = """
INSERT INTO task_counters (user_id, total, completed, version)
    SELECT user_id, count(*), count(*) FILTER (WHERE completed), 7 FROM tasks
    WHERE user_id = ANY ($1) GROUP BY user_id
"""


async def proofs(users: Sequence[User], truth: asyncpg.Connection) -> None:
    """Give every user what they show: a token of either issuer, or one of a session."""
    await truth.execute(_BETTER_AUTH)
    for user in users:
        kind = _KINDS[user.number % len(_KINDS)]
        if kind == "secret":
            user.token = token_for(user.user_id, lifetime_seconds=_TOKEN_SECONDS)
        elif kind == "keys":
            user.token = _published(user.user_id)
        else:
            user.token = await _session(user, truth)
            user.is_in_cookie = kind == "cookie"


def _published(user_id: str) -> str:
    now = int(time.time())
    token = SIGNER.token({"sub": user_id, "iat": now, "exp": now + _TOKEN_SECONDS})
    SUITE.keep(token)
    return token


async def _session(user: User, truth: asyncpg.Connection) -> str:
    key = token_hex(16)
    await truth.execute(_SESSION, user.user_id, user.tag, key)
    mac = hmac.digest(SECRET.encode(), key.encode(), "sha256")
    token = f"{key}.{base64.b64encode(mac).decode()}"
    SUITE.keep(token)
    return token


async def collections(world: World, users: Sequence[User], truth: asyncpg.Connection) -> None:
    """Give each of them more tasks than anybody lists at once, in turns, so that they lie mixed."""
    owners = list(users) * TASKS
    given = [_known(user) for user in owners]
    ids = [user.user_id for user in users]
    async with truth.transaction():
        await truth.execute(_OWNERS, ids)
        rows = await truth.fetch(
            _COLLECTIONS,
            [user.user_id for user in owners],
            [known.title for known in given],
            [known.description for known in given],
            [known.completed for known in given],
            [PRIORITIES.index(known.priority) + 1 for known in given],
            [known.due and datetime.fromisoformat(known.due) for known in given],
        )
        await truth.execute(_COUNTERS, ids)
    for user, known, (task_id, user_id) in zip(owners, given, rows, strict=True):
        assert user_id == user.user_id
        world.owners[task_id] = user
        user.keep(task_id, known)
    for user in users:
        user.tasks_max += TASKS


def _known(user: User) -> Known:
    chance = user.chance
    return Known(
        user.text(),
        user.text() if chance.random() < 0.5 else None,
        chance.random() < 0.3,
        chance.choice(PRIORITIES),
        user.some_due(),
    )
