"""The bodies of the `accounts` contract that are about accounts and their tokens."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field

from todo_backend.auth import emails, passwords
from todo_backend.auth.accounts import Account, TokenPair
from todo_backend.web.fields import EmailAddress, Name, Password, Verbatim
from todo_backend.web.wire import Wire

NAME_MAX: Final = 255
# Ours are far shorter, and an access token by mistake should be told so, not its length.
_TOKEN_MAX: Final = 4096

_PASSPHRASE: Final = "three green parrots whistle"  # noqa: S105 - an example in the documentation
TOKENS_EXAMPLE: Final[dict[str, Any]] = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3YjBiZDJlNCJ9.c2lnbmF0dXJl",
    "refresh_token": "c2VjcmV0LW9mLXRoaXMtc2Vzc2lvbg",
    "token_type": "bearer",
    "expires_in": 900,
}
SIGNED_IN_EXAMPLE: Final[dict[str, Any]] = {
    "user": {
        "id": "7b0bd2e45f2c4a399d4b8c6f3b1f0a55",
        "email": "ann@example.com",
        "name": "Ann",
        "created_at": "2026-01-11T10:00:00.123456Z",
    },
    **TOKENS_EXAMPLE,
}
SIGNED_OUT_EXAMPLE: Final = {"detail": "Signed out"}


# In ------------------------------------------------------------------------------------


class SignUp(Wire):
    """Who wants an account. Its id is the server's to say."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "ann@example.com", "password": _PASSPHRASE, "name": "Ann"}]
        }
    )

    email: Annotated[str, EmailAddress()] = Field(
        description="An address with a dot in its domain. It is compared without regard to case."
    )
    password: Annotated[str, Password()] = Field(
        description="Any characters, and not one of the most common passwords. Nothing is trimmed.",
        repr=False,
    )
    name: Annotated[str, Name(NAME_MAX)] = Field(
        description="What to call them: one character at least is visible."
    )


class SignIn(Wire):
    """Who has an account."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ann@example.com", "password": _PASSPHRASE}]}
    )

    # A rule of sign-up that is broken here only means that there is no such account.
    email: Annotated[str, Verbatim(emails.ADDRESS_MAX)] = Field(
        description="The address, in any case."
    )
    password: Annotated[str, Verbatim(passwords.LENGTH_MAX)] = Field(
        description="The password, to the last blank.",
        json_schema_extra={"format": "password"},
        repr=False,
    )


class RefreshTokens(Wire):
    """What a new pair of tokens is had for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"refresh_token": TOKENS_EXAMPLE["refresh_token"]}]}
    )

    refresh_token: Annotated[str, Verbatim(_TOKEN_MAX)] = Field(
        description="The newest of the session. It can be used once.", repr=False
    )


class SignOut(Wire):
    """What else to end."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"refresh_token": TOKENS_EXAMPLE["refresh_token"]}]}
    )

    refresh_token: Annotated[str, Verbatim(_TOKEN_MAX)] | None = Field(
        default=None,
        description="Of a session of the same user, which ends too. Any other is ignored.",
        repr=False,
    )


# Out -----------------------------------------------------------------------------------


class User(Wire):
    """Somebody with an account."""

    id: str = Field(description="The `user_id` of their tasks.")
    email: str = Field(description="The address as it was typed.")
    name: str
    created_at: datetime = Field(description="In UTC.")

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            id=account.user_id,
            email=account.email,
            name=account.name,
            created_at=account.created_at,
        )


_AccessToken = Annotated[str, Field(description="For the header `Authorization`.", repr=False)]
_RefreshToken = Annotated[str, Field(description="For `refreshTokens`, once.", repr=False)]
_Lifetime = Annotated[
    int, Field(ge=1, description="How many seconds the access token is good for.")
]


class SignedIn(Wire):
    """A user and the tokens of their session."""

    user: User
    access_token: _AccessToken
    refresh_token: _RefreshToken
    token_type: Literal["bearer"]
    expires_in: _Lifetime

    @classmethod
    def of(cls, account: Account, tokens: TokenPair) -> Self:
        return cls(
            user=User.of(account),
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            token_type="bearer",  # noqa: S106 - RFC 6750's name for the kind of token
            expires_in=tokens.expires_in,
        )


class TokensRefreshed(Wire):
    """The next tokens of the session."""

    access_token: _AccessToken
    refresh_token: _RefreshToken
    token_type: Literal["bearer"]
    expires_in: _Lifetime

    @classmethod
    def of(cls, tokens: TokenPair) -> Self:
        return cls(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            token_type="bearer",  # noqa: S106 - RFC 6750's name for the kind of token
            expires_in=tokens.expires_in,
        )


class SignedOut(Wire):
    """The session has ended."""

    detail: Literal["Signed out"]
