"""A fifth contract takes the files of this folder and a line in a registry, and none of the rest.

docs/contracts/your-own.md shows these files.
"""

from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.contracts.toy.errors import present
from tests.contracts.toy.routes import TOY
from tests.database.databases import database, url_of
from tests.support.client import client_for
from tests.support.server import Served, environment, serving
from tests.support.users import Caller, caller
from todo_backend.contracts import CONTRACTS
from todo_backend.database.embedded import EmbeddedPostgres
from todo_backend.database.url import parse
from todo_backend.model import errors as facts

REGISTRY: Final = {**CONTRACTS, TOY.name: TOY}


@pytest_asyncio.fixture(scope="module", name="toys")
async def _toys(postgres: EmbeddedPostgres) -> AsyncIterator[Served]:
    """A deployment, on a new database, of the toy beside a contract that ships."""
    async with database(parse(postgres.url)) as fresh:
        env = environment(url_of(fresh), API_CONTRACTS="toy,envelope")
        async with serving(env, contracts=REGISTRY) as served:
            yield served


@pytest_asyncio.fixture(name="carol")
async def _carol(toys: Served) -> AsyncIterator[Caller]:
    """A user that the database has never seen."""
    async with caller(toys.url, f"carol-{token_hex(6)}") as found:
        yield found


def items_of(user: Caller) -> str:
    return f"/toy/{user.user_id}/items"


async def given_item(user: Caller, text: str = "Buy milk") -> dict[str, Any]:
    response = await user.client.post(items_of(user), json={"text": text})
    assert response.status_code == 201, response.text
    item: dict[str, Any] = response.json()
    return item


def test_it_is_no_part_of_the_product() -> None:
    """Nothing under `src` knows the toy, so what it took is all here."""
    assert TOY.name not in CONTRACTS
    assert TOY.family not in {contract.family for contract in CONTRACTS.values()}


async def test_an_item_is_created_in_the_words_of_the_contract(carol: Caller) -> None:
    """201, the bytes of its own SQL, and where the item is."""
    response = await carol.client.post(items_of(carol), json={"text": "  Buy milk "})

    no = response.json()["no"]
    assert response.status_code == 201
    assert response.text == f'{{"no":{no},"text":"Buy milk","done":false}}'
    assert response.headers["location"] == f"{items_of(carol)}/{no}"


async def test_items_are_listed_newest_first(carol: Caller) -> None:
    """The list is the contract's own, too."""
    older = await given_item(carol, "Buy milk")
    newer = await given_item(carol, "Drink it")

    response = await carol.client.get(items_of(carol))

    assert response.status_code == 200
    assert response.json() == {"items": [newer, older]}


async def test_an_item_is_read_changed_ticked_and_deleted(carol: Caller) -> None:
    """Every call works on the row that the calls before it left."""
    item = await given_item(carol)
    path = f"{items_of(carol)}/{item['no']}"

    read = await carol.client.get(path)
    changed = await carol.client.put(path, json={"text": "Buy oat milk"})
    ticked = await carol.client.patch(f"{path}/done")
    deleted = await carol.client.delete(path)
    gone = await carol.client.get(path)

    assert (read.status_code, read.json()) == (200, item)
    assert (changed.status_code, changed.json()) == (200, item | {"text": "Buy oat milk"})
    assert (ticked.status_code, ticked.json()) == (200, changed.json() | {"done": True})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (gone.status_code, gone.json()) == (404, {"error": "No such item"})


async def test_what_all_contracts_promise_comes_without_a_line_of_its_own(
    toys: Served, carol: Caller
) -> None:
    """The order of checks, versions, ids and the limits of text belong to the product."""
    item = await given_item(carol)
    path = f"{items_of(carol)}/{item['no']}"

    async with client_for(toys.url) as nobody:
        unknown = await nobody.post(items_of(carol), content=b"{")
    strangers = await carol.client.get("/toy/somebody-else/items")
    stale = await carol.client.put(path, json={"text": "x"}, headers={"if-match": '"t-1"'})
    empty = await carol.client.post(items_of(carol), json={"text": "\u200b"})
    odd = await carol.client.get(f"{items_of(carol)}/01")

    assert (unknown.status_code, unknown.json()) == (401, {"error": "Send a good token"})
    assert unknown.headers["www-authenticate"] == "Bearer"
    assert (strangers.status_code, strangers.json()) == (403, {"error": "These are not your items"})
    assert (stale.status_code, stale.json()) == (412, {"error": "It has changed meanwhile"})
    assert (empty.status_code, empty.json()) == (
        422,
        {"error": "text must have a visible character"},
    )
    assert odd.status_code == 422


async def test_it_shares_the_rows_with_the_contract_beside_it(carol: Caller) -> None:
    """One product, two ways to say it; each address answers in its own words."""
    item = await given_item(carol)

    same = await carol.client.get(f"{carol.tasks}/{item['no']}")
    missing = await carol.client.get(f"{carol.tasks}/{2**62}")
    nowhere = await carol.client.get("/nowhere")

    assert same.json()["data"]["title"] == item["text"]
    assert missing.json()["error"]["code"] == "RESOURCE_NOT_FOUND"
    assert nowhere.json() == {"error": "Nothing here"}


async def test_it_is_documented_like_the_others(toys: Served, carol: Caller) -> None:
    """`/openapi.json` and `/` name what the deployment serves."""
    document = (await carol.client.get("/openapi.json")).json()
    about = (await carol.client.get("/")).json()

    operations = {
        said["operationId"]: said["responses"].keys()
        for path, item in document["paths"].items()
        if path.startswith("/toy/")
        for said in item.values()
    }
    assert operations.keys() == {route.operation_id for route in TOY.routes}
    assert all({"401", "403", "503"} <= statuses for statuses in operations.values())
    assert about["contracts"] == ["toy", "envelope"]
    assert toys.app.openapi() == document


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (facts.SignatureInvalid("forged"), 401),
        (facts.StrangersTask(1), 404),
        (facts.RequestMalformed(), 400),
        (facts.ContentTooLarge(1), 413),
        (facts.Overloaded(), 503),
        (facts.Unexpected(None), 500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_has_a_sentence_for_whatever_goes_wrong(fact: facts.TodoError, status: int) -> None:
    """A kind of a fact is said like the fact, and what nobody thought of is a mistake of ours."""
    answer = present(fact)

    assert answer.status == status
    assert answer.body.startswith(b'{"error":"')
