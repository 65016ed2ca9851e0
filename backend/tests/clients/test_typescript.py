"""The TypeScript client against a real server of each contract."""

import json
from contextlib import AsyncExitStack

from tests.clients import node
from tests.contracts.people import fresh_id
from tests.support.server import environment, serving
from tests.support.users import token_for
from todo_backend.contracts import CONTRACTS
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import ConnectArgs

# What no router, proxy or `URL` may take for something else.
NAME = "A/b?c#d%20 Ä😀"


async def test_the_client_speaks_every_contract(
    postgres: EmbeddedPostgres, address: ConnectArgs
) -> None:
    """Its own tests pass: types that are those of the documents, and calls that are answered."""
    del address  # migrated before the servers start
    async with AsyncExitStack() as stack:
        served = {
            name: await stack.enter_async_context(
                serving(environment(postgres.url, API_CONTRACTS=name))
            )
            for name in CONTRACTS
        }
        backends = {}
        for name, each in served.items():
            user_id = fresh_id(NAME)
            backends[name] = {"url": each.url, "userId": user_id, "token": token_for(user_id)}

        await node.run("npm", "test", env={"TODO_BACKENDS": json.dumps(backends)})

    created = {name for name, each in served.items() if '"status":201' in each.log.getvalue()}
    assert created == set(CONTRACTS)
