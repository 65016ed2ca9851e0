"""Who is asking: a Bearer token, verified by PyJWT on each request."""

import os
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

_bearer = HTTPBearer()
_SECRET = os.environ["BETTER_AUTH_SECRET"]


async def token_user(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(_bearer)],
) -> str:
    try:
        claims = jwt.decode(credentials.credentials, _SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise _unauthorized() from error
    user_id = claims.get("user_id")
    if not isinstance(user_id, str):
        raise _unauthorized()
    return user_id


async def path_user(user_id: str, token_user_id: Annotated[str, Depends(token_user)]) -> str:
    if user_id != token_user_id:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "The path names another user")
    return token_user_id


def _unauthorized() -> HTTPException:
    return HTTPException(
        status.HTTP_401_UNAUTHORIZED,
        "Could not validate credentials",
        headers={"WWW-Authenticate": "Bearer"},
    )


CurrentUser = Annotated[str, Depends(path_user)]
