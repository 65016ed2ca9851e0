"""The `envelope` contract: every answer is `{"success", "data", "message"}` or `{… "error"}`."""

from importlib import resources
from typing import Final

from todo_backend.contracts.envelope.errors import describe, present
from todo_backend.contracts.envelope.routes import ROUTES
from todo_backend.database.functions import Shape
from todo_backend.web.contract import Contract

ENVELOPE: Final = Contract(
    name="envelope",
    family="/api/{user_id}",
    shape=Shape("envelope", resources.files(__package__).joinpath("task.sql").read_text("utf-8")),
    present=present,
    describe=describe,
    routes=ROUTES,
)
