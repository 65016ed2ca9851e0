"""The `plain` contract: every answer is the task or the list itself, or `{"detail", "code"}`."""

from importlib import resources
from typing import Final

from todo_backend.contracts.plain.errors import describe, present
from todo_backend.contracts.plain.routes import ROUTES
from todo_backend.database.functions import Shape
from todo_backend.web.contract import Contract

PLAIN: Final = Contract(
    name="plain",
    family="/api/{user_id}",
    shape=Shape(
        "plain",
        resources.files(__package__).joinpath("task.sql").read_text("utf-8"),
        tells_strangers=True,
    ),
    present=present,
    describe=describe,
    routes=ROUTES,
)
