"""What `/openapi.json` tells those who generate a client from it, for each contract and by default.

A change of a document is a change of the product. When it is meant, renew the snapshots:

    cd backend && .venv/bin/python -m tests.contracts.test_openapi
"""

import json
import re
from pathlib import Path

import httpx
import jsonschema_rs
import pytest
import schemathesis

from tests.contracts.described import (
    DEPLOYMENTS,
    OPEN,
    Described,
    bodies_of,
    document,
    examples_of,
    is_task,
    names_of,
    references,
    statuses_of_all,
    versioned,
)
from tests.contracts.drivers import DRIVERS
from tests.support.server import Served
from todo_backend import __version__

DATA = Path(__file__).parents[1] / "data"
# Beside X-Request-ID; of the good answers those of tasks alone have a version.
HEADERS = {
    304: {"ETag"},
    401: {"WWW-Authenticate"},
    405: {"Allow"},
    415: {"Accept"},
    429: {"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"},
    503: {"Retry-After"},
}
# What a list says beside its version, where it has pages to go on to.
LINKED = {"rich": {"Link"}}
VERBS = "get|list|create|update|delete|set|toggle|sign|refresh"


def written(described: Described) -> str:
    text = json.dumps(described.openapi, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.replace(f'"version": "{__version__}"', '"version": "*"')


def snapshot(name: str) -> Path:
    return DATA / f"openapi-{name}.json"


@pytest.fixture(scope="module", params=DEPLOYMENTS, name="name")
def _name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def described(name: str) -> Described:
    return document(*DEPLOYMENTS[name])


def test_the_document_is_the_one_agreed_upon(name: str, described: Described) -> None:
    """No change comes by accident, from a library neither (the module says how to renew it)."""
    assert written(described) == snapshot(name).read_text(encoding="utf-8")


def test_there_is_no_other_snapshot() -> None:
    """One that nobody compares would be believed."""
    assert set(DATA.glob("openapi-*.json")) == {snapshot(name) for name in DEPLOYMENTS}


async def test_the_server_sends_the_document(served: Served, anonymous: httpx.AsyncClient) -> None:
    """`/openapi.json` and `todo-backend openapi` are one."""
    response = await anonymous.get("/openapi.json")

    assert response.json() == served.app.openapi() == document(*DEPLOYMENTS["default"]).openapi


def test_the_document_is_valid(described: Described) -> None:
    """It obeys OpenAPI 3.1, its schemas obey JSON Schema, and no reference leads nowhere."""
    schemathesis.openapi.from_dict(described.openapi).validate()
    for schema in described.schemas.values():
        jsonschema_rs.meta.validate(schema)
    assert described.openapi["openapi"].startswith("3.1.")
    refs = set(references(described.openapi))
    assert {ref for ref in refs if described.resolved(ref) is None} == set()
    unused = {f"#/components/schemas/{name}" for name in described.schemas} - refs
    assert unused == set()


def test_operations_have_stable_readable_names(described: Described) -> None:
    """A generated client calls `listTasks()`; a renamed operation would break its users."""
    operations = described.operations
    ids = [operation.id for operation in operations]

    assert sorted(ids) == sorted(statuses_of_all(described.drivers))
    assert all(re.fullmatch(f"({VERBS})([A-Z][a-z]+)+", id_) for id_ in ids)
    assert all(operation.said["summary"] and operation.said["tags"] for operation in operations)
    methods = {operation.method for operation in operations}
    assert methods == {"get", "post", "put", "patch", "delete"}


def test_types_have_names_of_their_own(described: Described) -> None:
    """A generator makes a class of each, so none is named by the module where it stands."""
    assert [name for name in described.schemas if not re.fullmatch("([A-Z][a-z]+)+", name)] == []


def test_a_contract_is_described_alike_wherever_it_is_served() -> None:
    """The default deployment says of an operation what its contract says alone."""
    together = document(*DEPLOYMENTS["default"])

    for alone in map(document, DEPLOYMENTS["default"]):
        own = {each.id: each for each in alone.operations if "utility" not in each.said["tags"]}
        assert {each.id: each for each in together.operations if each.id in own} == own
        shared = {name: schema for name, schema in alone.schemas.items() if name not in UTILITY}
        assert shared.items() <= together.schemas.items()


UTILITY = {"Index"}
"""What has the deployment itself for an example."""


def test_is_28_only_what_belongs_to_nobody_is_open(described: Described) -> None:
    """An operation wants a token unless it says that it doesn't, and only these say so."""
    schemes = described.openapi["components"]["securitySchemes"]
    ids = {each.id for each in described.operations}

    assert described.openapi["security"] == [{"bearerAuth": []}]
    assert schemes["bearerAuth"]["scheme"] == "bearer"
    assert {each.id for each in described.operations if not each.said["security"]} == OPEN & ids


def test_every_status_is_documented(described: Described) -> None:
    """Each operation names all that can happen, errors in the contract's schema with examples."""
    operations = described.operations
    said = {each.id: {int(status) for status in each.said["responses"]} for each in operations}

    assert said == statuses_of_all(described.drivers)
    for operation in operations:
        error = described.error_schema(described.driver_of(operation))
        for status, response in operation.said["responses"].items():
            if status in {"204", "304"}:
                assert "content" not in response
                continue
            content = response["content"]["application/json"]
            assert content.get("example") or content["examples"], (operation.id, status)
            if int(status) >= 400 and (operation.id, status) != ("getHealth", "503"):
                assert content["schema"] == {"$ref": f"#/components/schemas/{error}"}


def test_the_headers_of_answers_are_documented(described: Described) -> None:
    """What a client may want to read, it finds where it is sent."""
    for operation in described.operations:
        driver = described.driver_of(operation)
        acts = names_of(driver)
        good = {"200": {"ETag"} if operation.id in versioned(driver) else set()}
        if operation.id == acts["create"]:
            good["201"] = {"ETag", "Location", "Idempotent-Replayed"}
            good["409"] = {"Retry-After"}
        if operation.id == acts["list"]:
            good["200"] |= LINKED.get(driver.name, set())
        for status, response in operation.said["responses"].items():
            expected = {"X-Request-ID"} | good.get(status, HEADERS.get(int(status), set()))

            assert response["headers"].keys() == expected, (operation.id, status)


def test_everything_is_described(described: Described) -> None:
    """Nothing that a reader meets is a name alone."""
    openapi, operations = described.openapi, described.operations
    met = [
        openapi["info"],
        *openapi["servers"],
        *openapi["tags"],
        *openapi["components"]["headers"].values(),
        *described.schemas.values(),
        *openapi["components"]["securitySchemes"].values(),
        *(operation.said for operation in operations),
        *(parameter for each in operations for parameter in each.said.get("parameters", ())),
        *(response for each in operations for response in each.said["responses"].values()),
    ]

    assert [each for each in met if not each.get("description")] == []
    tagged = {tag for operation in operations for tag in operation.said["tags"]}
    assert tagged == {tag["name"] for tag in openapi["tags"]}


def test_every_example_is_what_its_schema_says(described: Described) -> None:
    """A reader who copies an example copies something true."""
    pairs = list(examples_of(described.openapi))
    pairs += [pair for each in described.operations for pair in bodies_of(each)]
    components = described.openapi["components"]

    wrong = [
        (example, error.message)
        for schema, example in pairs
        for error in jsonschema_rs.Draft202012Validator(
            {**schema, "components": components}, validate_formats=True
        ).iter_errors(example)
    ]

    assert len(pairs) > 100
    assert wrong == []


def test_every_parameter_is_there(described: Described) -> None:
    """A list can be asked for what its contract has, and for no more."""
    for driver in described.drivers:
        (listing,) = [each for each in described.operations if each.id == names_of(driver)["list"]]
        parameters = listing.said.get("parameters", ())

        assert {each["name"] for each in parameters if each["in"] == "query"} == driver.parameters


def test_types_are_precise(described: Described) -> None:
    """A generator learns what fits into its language's integers, times and optional fields."""
    drivers = {operation.id: described.driver_of(operation) for operation in described.operations}
    ids = [
        parameter["schema"]
        for operation in described.operations
        for parameter in operation.said.get("parameters", ())
        if parameter["name"] == drivers[operation.id].id_name
    ]
    tasks = [schema for schema in described.schemas.values() if is_task(schema)]

    assert len(ids) == 4 * len(described.drivers)
    assert len(tasks) >= len(described.drivers)
    for schema in (*ids, *(task["properties"]["id"] for task in tasks)):
        assert (schema["type"], schema["format"], schema["minimum"]) == ("integer", "int64", 1)
    for task in (task["properties"] for task in tasks):
        assert task["created_at"]["format"] == task["updated_at"]["format"] == "date-time"
        assert task["description"]["anyOf"] == [{"type": "string"}, {"type": "null"}]


def test_what_is_left_out_has_no_default(described: Described) -> None:
    """What is absent is left alone: there is no value that a client could send in its place."""
    completions = [
        schema["properties"]["completed"]
        for schema in described.body_schemas()
        if "completed" in schema["properties"]
    ]

    assert len(completions) == 2 * len(described.drivers)
    assert [each for each in completions if "default" in each] == []


def test_every_code_of_an_error_is_listed(described: Described) -> None:
    """A program that handles all of these handles all there is."""
    listed = {
        code
        for node in described.schemas.values()
        for name, field in node.get("properties", {}).items()
        if name in {"code", "error_code"}
        for code in field["enum"]
    }
    refusals = [getattr(driver.refusals, name) for driver in described.drivers for name in REFUSALS]

    codes = {refusal.code for refusal in refusals if refusal and refusal.code}
    assert codes <= listed
    assert bool(listed) == bool(codes)


REFUSALS = DRIVERS[0].refusals.__slots__


def test_path_parameters_stand_in_the_order_of_the_path(described: Described) -> None:
    """Generated functions take their arguments in this order."""
    for operation in described.operations:
        parameters = operation.said.get("parameters", ())
        names = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]

        assert names == re.findall(r"\{(\w+)\}", operation.path)


if __name__ == "__main__":
    for each, contracts in DEPLOYMENTS.items():
        snapshot(each).write_text(written(document(*contracts)), encoding="utf-8")
