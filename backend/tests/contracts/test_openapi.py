"""What `/openapi.json` tells those who generate a client from it, for the envelope contract.

A change of the document is a change of the product. When it is meant, renew the snapshot:

    cd backend && .venv/bin/python -m tests.contracts.test_openapi
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jsonschema_rs
import pytest
import schemathesis

from tests.support.server import Served, environment
from todo_backend import __version__
from todo_backend.app import create_app
from todo_backend.contracts import CONTRACTS
from todo_backend.settings import load

SNAPSHOT = Path(__file__).parents[1] / "data" / "openapi-envelope.json"
UTILITY = {"getServerInfo", "getHealth", "getLiveness"}
ANYWHERE = {405, 413, 414, 431, 500}
WITH_TOKEN = ANYWHERE | {401, 403, 422, 503}
WITH_BODY = {400, 415}
STATUSES = {
    "listTasks": {200, 304} | WITH_TOKEN,
    "createTask": {201} | WITH_TOKEN | WITH_BODY,
    "getTask": {200, 304, 404} | WITH_TOKEN,
    "updateTask": {200, 404, 412} | WITH_TOKEN | WITH_BODY,
    "deleteTask": {200, 404, 412} | WITH_TOKEN,
    "setTaskCompletion": {200, 404, 412} | WITH_TOKEN | WITH_BODY,
    "getServerInfo": {200} | ANYWHERE,
    "getHealth": {200, 503} | ANYWHERE,
    "getLiveness": {200} | ANYWHERE,
}
# Beside X-Request-ID; of the good answers those of single tasks and of lists alone have a version.
HEADERS = {
    201: {"ETag", "Location"},
    304: {"ETag"},
    401: {"WWW-Authenticate"},
    405: {"Allow"},
    415: {"Accept"},
    503: {"Retry-After"},
}
VERSIONED = {"listTasks", "getTask", "updateTask", "setTaskCompletion"}


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    said: dict[str, Any]

    @property
    def id(self) -> str:
        found: str = self.said["operationId"]
        return found


def document() -> dict[str, Any]:
    """Describe the deployment `API_CONTRACTS=envelope`."""
    env = environment("postgresql://somebody@localhost/todo", API_CONTRACTS="envelope")
    return create_app(load(env, env_file=None, contracts=tuple(CONTRACTS))).openapi()


def written(described: dict[str, Any]) -> str:
    text = json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.replace(f'"version": "{__version__}"', '"version": "*"')


@pytest.fixture(scope="module", name="openapi")
def _openapi() -> dict[str, Any]:
    return document()


@pytest.fixture(scope="module", name="operations")
def _operations(openapi: dict[str, Any]) -> list[Operation]:
    return [
        Operation(method, path, said)
        for path, item in openapi["paths"].items()
        for method, said in item.items()
    ]


def test_the_document_is_the_one_agreed_upon(openapi: dict[str, Any]) -> None:
    """No change comes by accident, from a library neither (the module says how to renew it)."""
    assert written(openapi) == SNAPSHOT.read_text(encoding="utf-8")


async def test_the_server_sends_the_document(served: Served, anonymous: httpx.AsyncClient) -> None:
    """`/openapi.json` and `todo-backend openapi` are one."""
    response = await anonymous.get("/openapi.json")

    assert response.json() == served.app.openapi()


def test_the_document_is_valid(openapi: dict[str, Any]) -> None:
    """It obeys OpenAPI 3.1, its schemas obey JSON Schema, and no reference leads nowhere."""
    schemathesis.openapi.from_dict(openapi).validate()
    for schema in openapi["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    assert openapi["openapi"].startswith("3.1.")
    assert {ref for ref in references(openapi) if resolved(openapi, ref) is None} == set()


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from references(each)


def resolved(openapi: dict[str, Any], ref: str) -> Any:
    found: Any = openapi
    for part in ref.removeprefix("#/").split("/"):
        found = found.get(part, {})
    return found or None


def test_operations_have_stable_readable_names(operations: list[Operation]) -> None:
    """A generated client calls `listTasks()`; a renamed operation would break its users."""
    ids = [operation.id for operation in operations]

    assert sorted(ids) == sorted(STATUSES)
    assert all(
        re.fullmatch("(get|list|create|update|delete|set)([A-Z][a-z]+)+", id_) for id_ in ids
    )
    assert all(operation.said["summary"] and operation.said["tags"] for operation in operations)
    assert {operation.method for operation in operations} == {
        "get",
        "post",
        "put",
        "patch",
        "delete",
    }


def test_only_what_belongs_to_nobody_is_open(
    openapi: dict[str, Any], operations: list[Operation]
) -> None:
    """An operation wants a token unless it says that it doesn't, and these three say so."""
    assert openapi["security"] == [{"bearerAuth": []}]
    assert openapi["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"
    assert {each.id for each in operations if not each.said["security"]} == UTILITY


def test_every_status_is_documented(operations: list[Operation]) -> None:
    """Each operation names all that can happen, errors in the contract's schema with examples."""
    said = {each.id: {int(status) for status in each.said["responses"]} for each in operations}

    assert said == STATUSES
    for operation in operations:
        for status, response in operation.said["responses"].items():
            if status == "304":
                assert "content" not in response
                continue
            content = response["content"]["application/json"]
            assert content.get("example") or content["examples"], (operation.id, status)
            if int(status) >= 400 and (operation.id, status) != ("getHealth", "503"):
                assert content["schema"] == {"$ref": "#/components/schemas/Failure"}


def test_the_headers_of_answers_are_documented(operations: list[Operation]) -> None:
    """What a client may want to read, it finds where it is sent."""
    for operation in operations:
        for status, response in operation.said["responses"].items():
            expected = {"X-Request-ID"} | HEADERS.get(int(status), set())
            if status == "200" and operation.id in VERSIONED:
                expected.add("ETag")

            assert response["headers"].keys() == expected, (operation.id, status)


def test_everything_is_described(openapi: dict[str, Any], operations: list[Operation]) -> None:
    """Nothing that a reader meets is a name alone."""
    described = [
        openapi["info"],
        *openapi["servers"],
        *openapi["tags"],
        *openapi["components"]["headers"].values(),
        *openapi["components"]["schemas"].values(),
        *openapi["components"]["securitySchemes"].values(),
        *(operation.said for operation in operations),
        *(parameter for each in operations for parameter in each.said.get("parameters", ())),
        *(response for each in operations for response in each.said["responses"].values()),
    ]

    assert [each for each in described if not each.get("description")] == []
    tagged = {tag for operation in operations for tag in operation.said["tags"]}
    assert tagged == {tag["name"] for tag in openapi["tags"]}


def test_every_example_is_what_its_schema_says(
    openapi: dict[str, Any], operations: list[Operation]
) -> None:
    """A reader who copies an example copies something true."""
    pairs = [*examples_of(openapi), *(pair for each in operations for pair in bodies_of(each))]

    wrong = [
        (example, error.message)
        for schema, example in pairs
        for error in jsonschema_rs.Draft202012Validator(
            {**schema, "components": openapi["components"]}, validate_formats=True
        ).iter_errors(example)
    ]

    assert len(pairs) > 100
    assert wrong == []


def bodies_of(operation: Operation) -> Iterator[tuple[dict[str, Any], Any]]:
    for response in operation.said["responses"].values():
        for content in response.get("content", {}).values():
            if "example" in content:
                yield content["schema"], content["example"]
            for example in content.get("examples", {}).values():
                yield content["schema"], example["value"]


def examples_of(node: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Give every schema with each of its own examples, and with its parameter's."""
    if isinstance(node, dict):
        if "in" in node and "example" in node:
            yield node["schema"], node["example"]
        if isinstance(node.get("examples"), list):
            yield from ((node, example) for example in node["examples"])
        for key, each in node.items():
            if key not in {"example", "examples"}:
                yield from examples_of(each)
    elif isinstance(node, list):
        for each in node:
            yield from examples_of(each)


def test_types_are_precise(openapi: dict[str, Any], operations: list[Operation]) -> None:
    """A generator learns what fits into its language's integers, times and optional fields."""
    schemas = openapi["components"]["schemas"]
    task = schemas["Task"]["properties"]
    ids = [
        parameter["schema"]
        for operation in operations
        for parameter in operation.said.get("parameters", ())
        if parameter["name"] == "id"
    ]

    assert len(ids) == 4
    for schema in (*ids, task["id"]):
        assert (schema["type"], schema["format"], schema["minimum"]) == ("integer", "int64", 1)
    assert task["created_at"]["format"] == task["updated_at"]["format"] == "date-time"
    assert task["description"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    # What is absent is left alone, so there is no default that a client could send in its place.
    for name in ("UpdateTask", "SetCompletion"):
        assert "default" not in schemas[name]["properties"]["completed"]
    assert schemas["FieldProblem"]["properties"]["value"].keys() == {"description"}
    assert len(schemas["Error"]["properties"]["code"]["enum"]) > 10


def test_path_parameters_stand_in_the_order_of_the_path(operations: list[Operation]) -> None:
    """Generated functions take their arguments in this order."""
    for operation in operations:
        parameters = operation.said.get("parameters", ())
        names = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]

        assert names == re.findall(r"\{(\w+)\}", operation.path)


if __name__ == "__main__":
    SNAPSHOT.write_text(written(document()), encoding="utf-8")
