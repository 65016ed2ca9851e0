"""A token for each user, as whoever issues them for a server would make it."""

import time
from collections.abc import Mapping
from typing import Final

import jwt

from bench import seed
from bench.cells import DataSet, Side
from bench.servers import Target

_LIFETIME_SECONDS: Final = 24 * 60 * 60


async def of_everybody(
    connection: seed.Connection, side: Side, data: DataSet, target: Target
) -> Mapping[str, str]:
    """Return the tokens that this server takes, by user id."""
    issued = int(time.time())
    expires = issued + _LIFETIME_SECONDS
    if side == "eddsa":
        make = target.issuer.token
        return {user: make(user, issued=issued, expires=expires) for user in data.user_ids}
    moments = {"iat": issued, "exp": expires}
    if side != "accounts":
        return {user: _signed(user, target.secret, moments) for user in data.user_ids}
    sessions = await seed.open_sessions(connection, data, seconds=_LIFETIME_SECONDS)
    return {
        user: _signed(user, target.secret, moments, sid=session)
        for user, session in sessions.items()
    }


def _signed(user_id: str, secret: str, moments: Mapping[str, int], **others: str) -> str:
    claims = {"user_id": user_id, "email": f"{user_id}@example.org", **others, **moments}
    return jwt.encode(claims, secret, algorithm="HS256")
