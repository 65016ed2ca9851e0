"""The `rich` contract: bare tasks with priority and due date; lists by filter, word and order."""

from importlib import resources
from typing import Final

from todo_backend.contracts.rich.errors import describe, present
from todo_backend.contracts.rich.routes import ROUTES
from todo_backend.database.functions import Shape
from todo_backend.web.contract import Contract

RICH: Final = Contract(
    name="rich",
    family="/api/{user_id}",
    shape=Shape("rich", resources.files(__package__).joinpath("task.sql").read_text("utf-8")),
    present=present,
    describe=describe,
    routes=ROUTES,
)
