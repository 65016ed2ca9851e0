"""What `/openapi.json` has to say of each contract, and how to find one's way in the document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tests.contracts.drivers import ACCOUNTS, DRIVERS, Driver
from tests.support.server import environment
from todo_backend.app import create_app
from todo_backend.contracts import CONTRACTS
from todo_backend.settings import DEFAULT_CONTRACTS, load

DEPLOYMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: (name,) for name in CONTRACTS},
    "default": DEFAULT_CONTRACTS,
}
"""Which contracts are described together, by the name of the snapshot."""

UTILITY: Final = {"getServerInfo", "getHealth", "getLiveness"}
OPEN: Final = UTILITY | {"signUp", "signIn", "refreshTokens"}
"""What wants no token."""

_TASKS: Final = ("list", "create", "get", "update", "delete", "complete")
_IDS: Final = (
    "listTasks",
    "createTask",
    "getTask",
    "updateTask",
    "deleteTask",
    "setTaskCompletion",
)
_IDS_OF_ACCOUNTS: Final = (
    "listMyTasks",
    "createMyTask",
    "getMyTask",
    "updateMyTask",
    "deleteMyTask",
    "toggleMyTask",
)
_VERSIONED: Final = {"list", "get", "update", "complete"}
_ANYWHERE: Final = {405, 413, 414, 431, 500}


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    said: dict[str, Any]

    @property
    def id(self) -> str:
        found: str = self.said["operationId"]
        return found


@dataclass(frozen=True, slots=True)
class Described:
    """The document of a deployment, and the drivers of what it serves, the first one first."""

    drivers: tuple[Driver, ...]
    openapi: dict[str, Any]

    @property
    def schemas(self) -> dict[str, Any]:
        found: dict[str, Any] = self.openapi["components"]["schemas"]
        return found

    @property
    def operations(self) -> list[Operation]:
        return [
            Operation(method, path, said)
            for path, item in self.openapi["paths"].items()
            for method, said in item.items()
        ]

    def driver_of(self, operation: Operation) -> Driver:
        """Return the driver of the contract that says the operation's errors."""
        for driver in self.drivers:
            if operation.id in statuses_of(driver):
                return driver
        return self.drivers[0]

    def error_schema(self, driver: Driver) -> str:
        return CONTRACTS[driver.name].describe.model.__name__

    def resolved(self, ref: str) -> Any:
        found: Any = self.openapi
        for part in ref.removeprefix("#/").split("/"):
            found = found.get(part, {})
        return found or None

    def body_schemas(self) -> Iterator[dict[str, Any]]:
        """Give the schema of every body that a client sends."""
        for operation in self.operations:
            for content in operation.said.get("requestBody", {}).get("content", {}).values():
                yield self.resolved(content["schema"]["$ref"])


def document(*contracts: str) -> Described:
    """Describe the deployment that serves these."""
    env = environment("postgresql://somebody@localhost/todo", API_CONTRACTS=",".join(contracts))
    app = create_app(load(env, env_file=None, contracts=tuple(CONTRACTS)))
    drivers = {driver.name: driver for driver in DRIVERS}
    return Described(tuple(drivers[name] for name in contracts), app.openapi())


def names_of(driver: Driver) -> dict[str, str]:
    """Return the operations on tasks by what they do."""
    ids = _IDS if driver.has_owner_in_path else _IDS_OF_ACCOUNTS
    return dict(zip(_TASKS, ids, strict=True))


def versioned(driver: Driver) -> set[str]:
    """Return the operations whose good answer has a version."""
    return {id_ for act, id_ in names_of(driver).items() if act in _VERSIONED}


def statuses_of(driver: Driver) -> dict[str, set[int]]:
    """Return every status of every operation of a contract."""
    always = _ANYWHERE | {401, 429, 503} | ({403} if driver.has_owner_in_path else set())
    invalid = {driver.refusals.wrong_format.status}
    body = {400, 415} | invalid
    one = always | {404} | invalid
    by_act = {
        "list": always | {200, 304} | (invalid if driver.parameters else set()),
        "create": always | body | {201, 409, 422},
        "get": one | {200, 304},
        "update": one | body | {200, 412},
        "delete": one | {driver.deleted_status, 412},
        "complete": one | body | {200, 412},
    }
    found = {id_: by_act[act] for act, id_ in names_of(driver).items()}
    if driver is ACCOUNTS:
        auth = _ANYWHERE | body | {429, 503}
        found |= {
            "signUp": auth | {201, 409},
            "signIn": auth | {200, 401},
            "refreshTokens": auth | {200, 401},
            "signOut": auth | {200, 401},
        }
    return found


def statuses_of_all(drivers: tuple[Driver, ...]) -> dict[str, set[int]]:
    """Return the same of a whole deployment."""
    found = {
        "getServerInfo": _ANYWHERE | {200},
        "getHealth": _ANYWHERE | {200, 503},
        "getLiveness": _ANYWHERE | {200},
    }
    for driver in drivers:
        found |= statuses_of(driver)
    return found


# Any document --------------------------------------------------------------------------


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from references(each)


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


def is_task(schema: dict[str, Any]) -> bool:
    return {"id", "completed", "updated_at"} <= set(schema.get("properties", {}))
