"""What `/openapi.json` tells of the accounts contract, alone and beside others."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from tests.support.server import environment
from todo_backend.app import create_app
from todo_backend.contracts import CONTRACTS
from todo_backend.settings import load

ANYWHERE = {405, 413, 414, 431, 500}
BODY = {400, 415, 422}
TASK = ANYWHERE | {401, 429, 503}
STATUSES = {
    "signUp": {201, 409, 429, 503} | ANYWHERE | BODY,
    "signIn": {200, 401, 429, 503} | ANYWHERE | BODY,
    "refreshTokens": {200, 401, 429, 503} | ANYWHERE | BODY,
    "signOut": {200, 401, 429, 503} | ANYWHERE | BODY,
    "listMyTasks": {200, 304} | TASK,
    "createMyTask": {201, 409} | TASK | BODY,
    "getMyTask": {200, 304, 404, 422} | TASK,
    "updateMyTask": {200, 404, 412} | TASK | BODY,
    "deleteMyTask": {204, 404, 412, 422} | TASK,
    "toggleMyTask": {200, 404, 412} | TASK | BODY,
}
UTILITY = {"getServerInfo", "getHealth", "getLiveness"}


def document(contracts: str) -> dict[str, Any]:
    env = environment("postgresql://somebody@localhost/todo", API_CONTRACTS=contracts)
    return create_app(load(env, env_file=None, contracts=tuple(CONTRACTS))).openapi()


@pytest.fixture(scope="module", name="openapi")
def _openapi() -> dict[str, Any]:
    return document("accounts")


def operations(openapi: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations by their ids."""
    return {
        said["operationId"]: said for item in openapi["paths"].values() for said in item.values()
    }


def test_the_document_is_valid(openapi: dict[str, Any]) -> None:
    """It obeys OpenAPI 3.1, and its schemas obey JSON Schema."""
    schemathesis.openapi.from_dict(openapi).validate()
    for schema in openapi["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_status_is_documented(openapi: dict[str, Any]) -> None:
    """Each operation names all that can happen, and errors are in the contract's own form."""
    found = operations(openapi)
    said = {name: {int(status) for status in each["responses"]} for name, each in found.items()}

    assert {name: said[name] for name in said.keys() - UTILITY} == STATUSES
    for name in STATUSES:
        for status, response in found[name]["responses"].items():
            assert response["description"]
            if status in {"204", "304"}:
                assert "content" not in response
            elif int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}


def test_what_hands_out_tokens_wants_none(openapi: dict[str, Any]) -> None:
    """Who has no token yet, or no good one any more, finds out where to get it."""
    found = operations(openapi)

    is_open = {name for name, said in found.items() if not said["security"]}
    assert is_open == {"signUp", "signIn", "refreshTokens"} | UTILITY
    tagged = {name for name, said in found.items() if said["tags"] == ["auth"]}
    assert tagged == {"signUp", "signIn", "refreshTokens", "signOut"}


def test_list_has_no_parameters_and_is_an_array(openapi: dict[str, Any]) -> None:
    """All of the user's tasks; the one header is a condition."""
    said = operations(openapi)["listMyTasks"]

    assert [each["name"] for each in said["parameters"]] == ["If-None-Match"]
    schema = openapi["components"]["schemas"]["MyTasks"]
    assert (schema["type"], schema["items"]) == ("array", {"$ref": "#/components/schemas/MyTask"})


def test_limits_are_told(openapi: dict[str, Any]) -> None:
    """A form can be made of the schemas, and knows which field hides what is typed."""
    schemas = openapi["components"]["schemas"]
    sign_up = schemas["SignUp"]

    assert sign_up["required"] == ["email", "password", "name"]
    assert sign_up["properties"]["email"].items() >= {"format": "email", "maxLength": 254}.items()
    password = {"format": "password", "minLength": 8, "maxLength": 1024}
    assert sign_up["properties"]["password"].items() >= password.items()
    assert sign_up["properties"]["name"].items() >= {"minLength": 1, "maxLength": 255}.items()
    assert "minLength" not in schemas["SignIn"]["properties"]["password"]
    assert schemas["CreateMyTask"]["properties"]["title"]["maxLength"] == 200
    for name in ("title", "description", "completed"):
        assert "default" not in schemas["UpdateMyTask"]["properties"][name]


def test_every_example_is_what_its_schema_says(openapi: dict[str, Any]) -> None:
    """A reader who copies an example copies something true."""
    pairs = [
        (content["schema"], example)
        for said in operations(openapi).values()
        for response in said["responses"].values()
        for content in response.get("content", {}).values()
        for example in examples_of(content)
    ]
    schemas = openapi["components"]["schemas"].values()
    pairs += [(schema, each) for schema in schemas for each in schema.get("examples", ())]

    wrong = [
        (example, error.message)
        for schema, example in pairs
        for error in jsonschema_rs.Draft202012Validator(
            {**schema, "components": openapi["components"]}, validate_formats=True
        ).iter_errors(example)
    ]

    assert len(pairs) > 100
    assert wrong == []


def examples_of(content: dict[str, Any]) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    yield from (example["value"] for example in content.get("examples", {}).values())


# Beside others --------------------------------------------------------------------------

OTHERS = [name for name in CONTRACTS if name != "accounts"]


@pytest.mark.parametrize("other", OTHERS)
def test_names_are_nobody_elses(other: str) -> None:
    """Served together, each keeps the names that a generated client has for it alone."""
    alone, others, both = document("accounts"), document(other), document(f"{other},accounts")

    shared = operations(alone).keys() & operations(others).keys()
    assert shared == UTILITY
    assert operations(both).keys() == operations(alone).keys() | operations(others).keys()
    schemas = [each["components"]["schemas"] for each in (alone, others, both)]
    assert schemas[0] | schemas[1] == schemas[2]


def test_document_tells_where_tokens_come_from() -> None:
    """A deployment without accounts says nothing of them, and one with them says it."""
    without, alone, both = document("envelope"), document("accounts"), document("envelope,accounts")

    told = [each["info"]["description"] for each in (without, alone, both)]
    assert ["`signIn`" in each for each in told] == [False, True, True]
    assert ["`user_id` in a path" in each for each in told] == [True, False, True]
    assert all("Better Auth" in each for each in told)
    assert not any(re.search("[{}]", each) for each in told)
    tags = [[tag["name"] for tag in each["tags"]] for each in (without, alone, both)]
    assert tags == [
        ["tasks", "utility"],
        ["auth", "tasks", "utility"],
        ["auth", "tasks", "utility"],
    ]
