"""What a user of the `accounts` contract does with their session, and tries on others'."""

import asyncio
from typing import Final

from tests.contracts.drivers import ACCOUNTS
from tests.isolation import own
from tests.isolation.people import Account, User
from tests.isolation.world import Asking

SIGN_UP: Final = "/api/auth/signup"
SIGN_IN: Final = "/api/auth/signin"
REFRESH: Final = "/api/auth/refresh"
SIGN_OUT: Final = "/api/auth/signout"
_NOBODY: Final = ""
_PAUSE_SECONDS: Final = 0.5


async def sign_up(asking: Asking, email: str, password: str) -> None:
    """Make the user one of this contract's."""
    body = {"email": email, "password": password, "name": asking.user.tag}
    answer = await asking.ask("POST", SIGN_UP, body, token=_NOBODY)
    assert answer.status == 201, answer.body
    asking.user.account = Account(email, password, answer.json["refresh_token"])
    asking.user.user_id = answer.json["user"]["id"]
    asking.user.token = answer.json["access_token"]
    asking.user.is_in_cookie = False
    asking.world.numbers[asking.user.user_id.encode()] = asking.user.number


async def refresh(asking: Asking) -> None:
    account = asking.user.account
    if account is None or asking.driver is not ACCOUNTS:
        await own.whole_list(asking)
        return
    answer = await asking.ask(
        "POST", REFRESH, {"refresh_token": account.refresh_token}, token=_NOBODY
    )
    if asking.status(answer, 200):
        account.refresh_token = answer.json["refresh_token"]
        asking.user.token = answer.json["access_token"]
    await own.get(asking)


async def sign_in_again(asking: Asking) -> None:
    """End the session and open another: the token from before is good for nothing."""
    account = asking.user.account
    if account is None or asking.driver is not ACCOUNTS:
        await own.window(asking)
        return
    answer = await asking.ask("POST", SIGN_OUT, {"refresh_token": account.refresh_token})
    asking.status(answer, 200)
    answer = await asking.ask("POST", REFRESH, {"refresh_token": account.refresh_token})
    asking.refused(answer, 401)
    await _sign_in(asking, account)


async def _sign_in(asking: Asking, account: Account) -> None:
    body = {"email": account.email, "password": account.password}
    answer = await asking.ask("POST", SIGN_IN, body, token=_NOBODY)
    while answer.status == 503:  # more passwords wait than can be hashed in time
        await asyncio.sleep(_PAUSE_SECONDS)
        answer = await asking.ask("POST", SIGN_IN, body, token=_NOBODY)
    if asking.status(answer, 200):
        found = answer.json
        asking.require(found["user"]["id"] == asking.user.user_id, "somebody else", answer)
        account.refresh_token = found["refresh_token"]
        asking.user.token = found["access_token"]


async def end_others_session(asking: Asking) -> None:
    """Sign out with one's own token and somebody else's refresh token: theirs goes on.

    Whoever's session it is finds out with their next request, or at the end of the run.
    """
    victim = _with_account(asking)
    if victim is None:
        await own.whole_list(asking)
        return
    assert victim.account is not None
    if asking.user.account is not None:
        # A session of their own ends with this; the one after it is opened at once.
        await _sign_out_and_in(asking, victim.account.refresh_token)
        return
    body = {"refresh_token": victim.account.refresh_token}
    answer = await asking.ask("POST", SIGN_OUT, body)
    asking.status(answer, 200)


async def _sign_out_and_in(asking: Asking, others_token: str) -> None:
    account = asking.user.account
    assert account is not None
    answer = await asking.ask("POST", SIGN_OUT, {"refresh_token": others_token})
    asking.status(answer, 200)
    await _sign_in(asking, account)


async def other_kinds_of_token(asking: Asking) -> None:
    """A refresh token is no access token, nor the reverse, whosever it is."""
    victim = _with_account(asking)
    if victim is None:
        await own.whole_list(asking)
        return
    assert victim.account is not None
    answer = await asking.ask("GET", asking.path, token=victim.account.refresh_token)
    asking.refused(answer, 401)
    answer = await asking.ask("POST", REFRESH, {"refresh_token": asking.user.token})
    asking.refused(answer, 401)


def _with_account(asking: Asking) -> User | None:
    if asking.driver is not ACCOUNTS:
        return None
    found = asking.world.another(asking.user)
    return found if found.account is not None else None
