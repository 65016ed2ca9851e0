"""Whether an answer is one that the server's own OpenAPI document announces.

Held against it are the status, the media type, and the body against its schema.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import httpx
import jsonschema_rs

from tests.contracts import oracles
from tests.support.server import Served
from todo_backend.app import TodoApp

Operation = Mapping[str, Any]

_PARAMETER: Final = re.compile(r"\\\{\w+\\\}")
_DOTS: Final = {".", ".."}


def check(served: Served, method: str, target: str, response: httpx.Response) -> None:
    """Assert it of an answer to `method` at `target`, unless that is nothing documented."""
    operation = _Document.of(served.app).operation(method, target)
    if operation is None:
        return
    said: Operation | None = operation["responses"].get(str(response.status_code))
    assert said is not None, f"{method} {target[:80]}: {response.status_code} is not documented"
    if not response.content:
        return
    media_type = response.headers["content-type"].partition(";")[0]
    assert media_type in said["content"], f"{media_type} is not documented"
    if media_type == "application/json":
        body = oracles.strict_json(response.content)
        _Document.of(served.app).validate(said["content"][media_type]["schema"], body)


class _Document:
    """The document of one application, with its paths and schemas made ready."""

    def __init__(self, openapi: Mapping[str, Any]) -> None:
        self._components = openapi["components"]
        # Those without parameters first: of the others, some match them as well.
        paths = sorted(openapi["paths"].items(), key=lambda item: item[0].count("{"))
        self._paths = [(_pattern(path), operations) for path, operations in paths]
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    @staticmethod
    @cache
    def of(app: TodoApp) -> "_Document":
        return _Document(app.openapi())

    def operation(self, method: str, target: str) -> Operation | None:
        path = target.partition("?")[0].removesuffix("/") or "/"
        if not _DOTS.isdisjoint(path.split("/")):
            return None
        named = "get" if method == "HEAD" else method.lower()
        for pattern, operations in self._paths:
            if pattern.fullmatch(path):
                # Methods are case-sensitive: `get` is none.
                found: Operation | None = operations.get(named) if method.isupper() else None
                return found
        return None

    def validate(self, schema: Mapping[str, Any], body: Any) -> None:
        name = str(schema)
        if name not in self._validators:
            whole = {**schema, "components": self._components}
            self._validators[name] = jsonschema_rs.validator_for(whole)
        self._validators[name].validate(body)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub("[^/]+", re.escape(path)))
