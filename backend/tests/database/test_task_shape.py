"""What a contract's SQL writes is JSON; that of `envelope`, what its OpenAPI document shows."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
import pytest
import pytest_asyncio

from tests.database.databases import ALL, opened, user
from tests.support.server import Served
from tests.support.users import Caller
from todo_backend.contracts import CONTRACTS
from todo_backend.database.url import ConnectArgs
from todo_backend.model.task import NewTask, Priority

TITLES: Final = (
    "Buy milk",
    "\\ \" ' / <script>alert(1)</script> \u2028 \u2029",
    "\x01\x08\x09\x0a\x0b\x0c\x0d\x1f\x7f tabs and bells",
    "🍞👩\u200d👧 e\u0301 \u202eright to left \U0010ffff",
    "%s {} $1 NULL null ,}]",
    "x" * 255,
)
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
JSON_TYPES: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "integer",
    str: "string",
    type(None): "null",
}
operations = pytest.mark.parametrize(
    "operation_id", ["createTask", "getTask", "updateTask", "setTaskCompletion", "listTasks"]
)


@pytest_asyncio.fixture(scope="session")
async def document(served: Served) -> dict[str, Any]:
    return served.app.openapi()


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within the document."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document
    for name in schema["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def task_schema(document: dict[str, Any], operation_id: str) -> dict[str, Any]:
    """Return the schema of the task in an operation's good answer."""
    (operation,) = [
        operation
        for path in document["paths"].values()
        for operation in path.values()
        if operation.get("operationId") == operation_id
    ]
    (good,) = [answer for code, answer in operation["responses"].items() if code[0] == "2"]
    body = resolved(document, good["content"]["application/json"]["schema"])
    data = resolved(document, body["properties"]["data"])
    if "tasks" in data["properties"]:
        data = resolved(document, data["properties"]["tasks"]["items"])
    return data


def types_of(schema: dict[str, Any]) -> set[str]:
    """Return the JSON types that a property may have."""
    options = schema.get("anyOf", [schema])
    return {option["type"] for option in options}


async def answered(caller: Caller, operation_id: str, title: str, text: str | None) -> bytes:
    """Have a task written by the operation: the whole answer."""
    body = {"title": title, "description": text}
    if operation_id == "createTask":
        return (await caller.client.post(caller.tasks, json=body)).content
    task = await caller.given_task(title, description=text)
    path = f"{caller.tasks}/{task['id']}"
    match operation_id:
        case "getTask":
            return (await caller.client.get(path)).content
        case "updateTask":
            return (await caller.client.put(path, json=body | {"completed": True})).content
        case "setTaskCompletion":
            return (await caller.client.patch(f"{path}/complete")).content
    return (await caller.client.get(caller.tasks)).content


def task_in(answer: bytes) -> dict[str, Any]:
    data = orjson.loads(answer)["data"]
    found: dict[str, Any] = data["tasks"][0] if "tasks" in data else data
    return found


@operations
@pytest.mark.parametrize("text", [None, "", "Two bottles"])
async def test_a_task_has_the_fields_of_its_schema(
    alice: Caller, document: dict[str, Any], operation_id: str, text: str | None
) -> None:
    """The same names in the same order, all of them required, each of a type that it may have."""
    schema = task_schema(document, operation_id)

    task = task_in(await answered(alice, operation_id, "Buy milk", text))

    assert list(task) == list(schema["properties"])
    assert set(schema["required"]) == set(schema["properties"])
    for name, value in task.items():
        assert JSON_TYPES[type(value)] in types_of(schema["properties"][name]), name


@operations
async def test_a_type_in_the_schema_is_one_that_occurs(
    alice: Caller, document: dict[str, Any], operation_id: str
) -> None:
    """Nothing is documented as nullable, or as another type, that never is."""
    schema = task_schema(document, operation_id)

    tasks = [
        task_in(await answered(alice, operation_id, "Buy milk", text)) for text in (None, "text")
    ]

    for name, wanted in schema["properties"].items():
        assert {JSON_TYPES[type(task[name])] for task in tasks} == types_of(wanted), name


@operations
async def test_times_are_utc_with_a_z(
    alice: Caller, document: dict[str, Any], operation_id: str
) -> None:
    """As documented (date-time), and in the one spelling."""
    schema = task_schema(document, operation_id)

    task = task_in(await answered(alice, operation_id, "Buy milk", None))

    times = [name for name, of in schema["properties"].items() if of.get("format") == "date-time"]
    assert times == ["created_at", "updated_at"]
    assert all(TIME.fullmatch(task[name]) for name in times)


@operations
@pytest.mark.parametrize("title", TITLES, ids=range(len(TITLES)))
async def test_any_text_comes_back_as_it_was(alice: Caller, operation_id: str, title: str) -> None:
    """JSON that is written by hand in SQL is valid JSON, and the text is the client's."""
    task = task_in(await answered(alice, operation_id, title, title * 3))

    assert (task["title"], task["description"]) == (title.strip(), title * 3)


@pytest.mark.parametrize("title", TITLES, ids=range(len(TITLES)))
@pytest.mark.parametrize("name", CONTRACTS)
async def test_any_text_comes_back_in_every_contract(
    address: ConnectArgs, name: str, title: str
) -> None:
    """Alone and in a list, whoever's SQL writes the JSON; no name comes twice."""
    owner = user("alice")
    async with opened(address, pool_size=1) as db:
        tasks = db.tasks(CONTRACTS[name].shape)
        made = await tasks.create(owner, NewTask(title, title * 3, Priority.HIGH))
        page = await tasks.page(owner, ALL, known_versions=None)

    written = [made.body, (page.items or "")[1:-1]]
    for pairs in (json.loads(text, object_pairs_hook=list) for text in written):
        assert [value for key, value in pairs if key == "title"] == [title]
        assert [value for key, value in pairs if key == "description"] == [title * 3]
        assert len(dict(pairs)) == len(pairs)


def test_a_contract_says_how_a_task_looks_alone_and_in_a_list() -> None:
    """The two functions that the shared SQL calls, and nothing that reaches a table."""
    for contract in CONTRACTS.values():
        sql = re.sub(r"--.*", "", contract.shape.sql)
        made = re.findall(r"CREATE FUNCTION (\w+)\(task tasks\) RETURNS text", sql)

        assert {"task_json", "item_json"} <= set(made)
        assert not re.search(r"\b(FROM|INSERT|UPDATE|DELETE|EXECUTE|SECURITY)\b", sql)
