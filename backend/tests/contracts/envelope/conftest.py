"""Users of the envelope contract, as the default deployment serves it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.server import Served
from tests.support.users import Caller, fresh_caller


@pytest_asyncio.fixture
async def odd_user(served: Served) -> AsyncIterator[Caller]:
    """A user whose id needs escaping, whoever writes it."""
    async with fresh_caller(served.url, 'quote" slash/ \u00e9 ') as caller:
        yield caller
