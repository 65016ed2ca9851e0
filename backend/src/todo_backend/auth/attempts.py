"""What is tried with accounts and fails, by account and by where it comes from."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

from todo_backend.auth import emails
from todo_backend.core.rate_limits import Limit, Meter, RateLimiter, Turn
from todo_backend.model.errors import CredentialsWrong, EmailTaken, TodoError

NETWORKS: Final = 20
"""So many times as often as from one network may a password be guessed from all together."""


class Attempts:
    """Counts attempts before they are made, and takes them back unless they fail.

    So those that are made at the same time are counted too, and the right password tells nobody
    anything once there were too many wrong ones. `client` is the network of whoever tries. From
    another one the account can still be opened: nobody is locked out by a stranger. Without meters
    nothing is counted.
    """

    __slots__ = ("_everywhere", "_here", "_taken")

    def __init__(
        self,
        here: Meter | None = None,
        everywhere: Meter | None = None,
        taken: Meter | None = None,
    ) -> None:
        self._here = here
        self._everywhere = everywhere
        self._taken = taken

    @classmethod
    def limited(
        cls, limiter: RateLimiter, *, wrong: Sequence[Limit], taken: Sequence[Limit]
    ) -> Self:
        """Allow `wrong` passwords per account and network, and `taken` addresses per network."""
        many = [Limit(each.amount * NETWORKS, each.seconds) for each in wrong]
        return cls(
            limiter.meter("wrong-passwords", wrong),
            limiter.meter("wrong-passwords-everywhere", many),
            limiter.meter("taken-addresses", taken),
        )

    @asynccontextmanager
    async def sign_in(self, email: str, *, client: str) -> AsyncIterator[None]:
        """Surround what raises CredentialsWrong. Raises: RateLimited instead."""
        account = _account(email)
        steps = ((self._here, f"{client} {account}"), (self._everywhere, account))
        async with _counted(steps, CredentialsWrong):
            yield

    @asynccontextmanager
    async def sign_up(self, *, client: str) -> AsyncIterator[None]:
        """Surround what raises EmailTaken, and so tells who has an account. Raises: RateLimited."""
        async with _counted(((self._taken, client),), EmailTaken):
            yield


@asynccontextmanager
async def _counted(
    steps: Sequence[tuple[Meter | None, str]], failure: type[TodoError]
) -> AsyncIterator[None]:
    turns: list[Turn] = []
    has_failed = False
    try:
        for meter, identity in steps:
            if meter is not None:
                turns.append(await meter.take(identity))
        yield
    except failure:
        has_failed = True
        raise
    finally:
        if not has_failed:
            for turn in turns:
                await turn.give_back()


def _account(email: str) -> str:
    """Return what all spellings of an address share; of what is none, what is left of it."""
    try:
        return emails.parse(email).key
    except ValueError:
        return email.strip().lower()[: emails.ADDRESS_MAX]
