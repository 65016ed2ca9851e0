"""How tests speak with a contract, whichever it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

Task = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a contract says one thing that can go wrong; None where its errors have no code."""

    status: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Refusals:
    """One contract's words for what goes wrong in all of them.

    `wrong_user` is None where no path names a user.
    """

    too_large: Refusal
    headers_too_large: Refusal
    target_too_long: Refusal
    no_route: Refusal
    no_method: Refusal
    no_token: Refusal
    bad_token: Refusal
    expired_token: Refusal
    bad_signature: Refusal
    wrong_user: Refusal | None
    media_type: Refusal
    malformed: Refusal
    required: Refusal
    too_long: Refusal
    wrong_format: Refusal
    no_task: Refusal
    strangers_task: Refusal
    stale: Refusal
    limited: Refusal
    bad_key: Refusal
    key_in_use: Refusal
    key_reused: Refusal
    database_away: Refusal
    defect: Refusal


@dataclass(frozen=True, slots=True, eq=False)
class Driver:
    """How to address a contract and how to read its answers; bodies are parsed JSON.

    `collection` is the path of a user's tasks with the id percent-encoded as `{user_id}`, where
    the contract has the user in its paths; `parameters` are what its query may hold. `id_name` is
    what a task's number is called in a path. `completion` is the last segment of the path that
    sets or toggles. `put_needs_title`: the other fields of a task can't be changed without it.
    `streams_lists`: a list has no end, so a long one comes in chunks. `fields_of` names what a
    validation error names, the first offender first, and with `names_every_field` the others too.
    `own_fields` are those that tasks have here alone, with values that no new task has.
    """

    name: str
    collection: str
    id_name: str
    completion: str
    title_max: int
    description_max: int
    deleted_status: int
    put_needs_title: bool
    streams_lists: bool
    names_every_field: bool
    parameters: frozenset[str]
    task_of: Callable[[Any], Task]
    tasks_of: Callable[[Any], list[Task]]
    code_of: Callable[[Any], str | None]
    fields_of: Callable[[Any], list[str]]
    refusals: Refusals
    own_fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def has_owner_in_path(self) -> bool:
        return "{user_id}" in self.collection

    def tasks_path(self, user_id: str) -> str:
        return self.collection.replace("{user_id}", quote(user_id, safe=""))


def bare_task(body: Any) -> Task:
    """Read a task that is the whole body."""
    task: Task = body
    assert isinstance(task["id"], int)
    assert isinstance(task["user_id"], str)
    return task
