"""The calls of the `accounts` contract that are about accounts and their tokens."""

from typing import Annotated, Final

from fastapi import Body
from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema

from todo_backend.contracts.accounts import errors
from todo_backend.contracts.accounts.auth_schemas import (
    SIGNED_IN_EXAMPLE,
    SIGNED_OUT_EXAMPLE,
    TOKENS_EXAMPLE,
    RefreshTokens,
    SignedIn,
    SignedOut,
    SignIn,
    SignOut,
    SignUp,
    TokensRefreshed,
)
from todo_backend.web.answer import Answer, json_answer
from todo_backend.web.client_address import subscriber
from todo_backend.web.openapi import AUTH, documented
from todo_backend.web.operation import Route
from todo_backend.web.rate_limits import REFRESH, SIGN_IN, SIGN_OUT, SIGN_UP
from todo_backend.web.security import Happened
from todo_backend.web.signature import Accounts, Leaver, Noted

_TAGS: Final = (AUTH,)
_SIGNED_OUT: Final = json_answer(200, SIGNED_OUT_EXAMPLE)


async def sign_up(body: Annotated[SignUp, Body()], accounts: Accounts, noted: Noted) -> Answer:
    """Open an account, and a first session in it."""
    account, tokens = await accounts.sign_up(
        email=body.email,
        password=body.password,
        name=body.name,
        client=subscriber(noted.client),
    )
    noted.note(Happened.SIGNED_UP, user_id=account.user_id)
    return _written(201, SignedIn.of(account, tokens))


async def sign_in(body: Annotated[SignIn, Body()], accounts: Accounts, noted: Noted) -> Answer:
    """Open a session in an account."""
    account, tokens = await accounts.sign_in(
        email=body.email, password=body.password, client=subscriber(noted.client)
    )
    noted.note(Happened.SIGNED_IN, user_id=account.user_id)
    return _written(200, SignedIn.of(account, tokens))


async def refresh_tokens(
    body: Annotated[RefreshTokens, Body()], accounts: Accounts, noted: Noted
) -> Answer:
    """Go on with a session whose access token has expired, or is about to.

    A refresh token is good for one use. Whoever uses it again, other than to repeat a request that
    got no answer, ends the session: one of the two was a thief.
    """
    tokens = await accounts.refresh(body.refresh_token)
    noted.note(Happened.SESSION_RENEWED, user_id=tokens.user_id)
    return _written(200, TokensRefreshed.of(tokens))


async def sign_out(
    caller: Leaver,
    accounts: Accounts,
    noted: Noted,
    body: Annotated[SignOut | SkipJsonSchema[None], Body()] = None,
) -> Answer:
    """End the session of the access token. To do it twice is no error."""
    await accounts.sign_out(caller, None if body is None else body.refresh_token)
    noted.note(Happened.SIGNED_OUT)
    return _SIGNED_OUT


def _written(status: int, said: BaseModel) -> Answer:
    return Answer(status, said.model_dump_json().encode())


ROUTES: Final = (
    Route(
        "POST",
        "/api/auth/signup",
        sign_up,
        operation_id="signUp",
        answers=documented(
            201,
            SignedIn,
            description="The new account, and the tokens of its first session.",
            example=SIGNED_IN_EXAMPLE,
        )
        | errors.SIGN_UP,
        status=201,
        tags=_TAGS,
        budget=SIGN_UP,
    ),
    Route(
        "POST",
        "/api/auth/signin",
        sign_in,
        operation_id="signIn",
        answers=documented(
            200,
            SignedIn,
            description="The account, and the tokens of a new session.",
            example=SIGNED_IN_EXAMPLE,
        )
        | errors.SIGN_IN,
        tags=_TAGS,
        budget=SIGN_IN,
    ),
    Route(
        "POST",
        "/api/auth/refresh",
        refresh_tokens,
        operation_id="refreshTokens",
        answers=documented(
            200,
            TokensRefreshed,
            description="The next tokens of the session.",
            example=TOKENS_EXAMPLE,
        )
        | errors.REFRESH,
        tags=_TAGS,
        budget=REFRESH,
    ),
    Route(
        "POST",
        "/api/auth/signout",
        sign_out,
        operation_id="signOut",
        answers=documented(
            200, SignedOut, description="The session has ended.", example=SIGNED_OUT_EXAMPLE
        )
        | errors.SIGN_OUT,
        tags=_TAGS,
        budget=SIGN_OUT,
    ),
)
