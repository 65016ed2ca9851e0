"""The calls of the `toy` contract, and the contract itself."""

from pathlib import Path as File
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Body, Path

from tests.contracts.toy.errors import ALWAYS, BODY, KEYS, ONE, STALE, describe, present
from tests.contracts.toy.schemas import ITEM_EXAMPLE, Item, Items, ItemText
from todo_backend.core import tasks as core
from todo_backend.database.functions import Shape
from todo_backend.model.task import UNSET, Rendered, Status, TaskId, Window
from todo_backend.web.answer import JSON, NO_STORE, Answer, Header
from todo_backend.web.conditional import EntityTags
from todo_backend.web.contract import Contract
from todo_backend.web.idempotency import created
from todo_backend.web.openapi import CREATED, GONE, READ, Responses, documented
from todo_backend.web.operation import Route
from todo_backend.web.signature import IfMatch, Owner, Retriable, Tasks

_ITEMS: Final = "/toy/{user_id}/items"
_ITEM: Final = "/toy/{user_id}/items/{no}"
_TAGS: Final = EntityTags("t")
_NEWEST: Final = Window(Status.ALL, limit=100, offset=0)
_No = Annotated[TaskId, Path(alias="no", ge=1, description="The item's number.", examples=[1])]


async def list_items(owner: Owner, tasks: Tasks) -> Answer:
    """List the newest hundred."""
    page = await core.page(tasks, owner, _NEWEST)
    return Answer(200, f'{{"items":{page.items}}}'.encode())


async def create_item(
    owner: Owner, attempt: Retriable, body: Annotated[ItemText, Body()], tasks: Tasks
) -> Answer:
    """Add an item."""
    item = await core.create(tasks, owner, body.draft(), attempt=attempt)
    location = f"/toy/{quote(owner.user_id, safe='')}/items/{item.task_id}"
    return _one(201, item, *created(item, location))


async def get_item(owner: Owner, no: _No, tasks: Tasks) -> Answer:
    """Read an item."""
    return _one(200, await core.get(tasks, owner, no))


async def change_item(
    owner: Owner, no: _No, if_match: IfMatch, body: Annotated[ItemText, Body()], tasks: Tasks
) -> Answer:
    """Write something else."""
    versions = _TAGS.if_match(if_match)
    return _one(200, await core.change(tasks, owner, no, body.change(), if_versions=versions))


async def tick_item(owner: Owner, no: _No, if_match: IfMatch, tasks: Tasks) -> Answer:
    """Tick an item off, or on again."""
    versions = _TAGS.if_match(if_match)
    return _one(200, await core.complete(tasks, owner, no, completed=UNSET, if_versions=versions))


async def delete_item(owner: Owner, no: _No, if_match: IfMatch, tasks: Tasks) -> Answer:
    """Take an item off the list."""
    await core.delete(tasks, owner, no, if_versions=_TAGS.if_match(if_match))
    return Answer(204, headers=(NO_STORE,))


def _one(status: int, item: Rendered, *headers: Header) -> Answer:
    return Answer(status, item.body.encode(), (JSON, *_TAGS.strong(item.version), *headers))


def _item(status: int, headers: tuple[str, ...] = READ) -> Responses:
    return documented(status, Item, description="The item.", example=ITEM_EXAMPLE, headers=headers)


_LISTED: Final = documented(200, Items, description="The items.", example={"items": [ITEM_EXAMPLE]})

ROUTES: Final = (
    Route("GET", _ITEMS, list_items, "listItems", _LISTED | describe(*ALWAYS)),
    Route(
        "POST",
        _ITEMS,
        create_item,
        "createItem",
        _item(201, CREATED) | describe(*ALWAYS, *BODY, *KEYS),
        201,
    ),
    Route("GET", _ITEM, get_item, "getItem", _item(200) | describe(*ALWAYS, *ONE)),
    Route(
        "PUT", _ITEM, change_item, "updateItem", _item(200) | describe(*ALWAYS, *ONE, *BODY, STALE)
    ),
    Route(
        "PATCH", f"{_ITEM}/done", tick_item, "tickItem", _item(200) | describe(*ALWAYS, *ONE, STALE)
    ),
    Route("DELETE", _ITEM, delete_item, "deleteItem", GONE | describe(*ALWAYS, *ONE, STALE), 204),
)
TOY: Final = Contract(
    name="toy",
    family="/toy/{user_id}",
    shape=Shape("toy", File(__file__).with_name("task.sql").read_text("utf-8")),
    present=present,
    describe=describe,
    routes=ROUTES,
)
