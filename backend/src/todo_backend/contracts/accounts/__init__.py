"""The `accounts` contract: sign-up and sign-in by this backend, and the tasks of who signed in."""

from importlib import resources
from typing import Final

from todo_backend.contracts.accounts.auth_routes import ROUTES as AUTH_ROUTES
from todo_backend.contracts.accounts.errors import describe, present
from todo_backend.contracts.accounts.routes import ROUTES
from todo_backend.database.functions import Shape
from todo_backend.web.contract import Contract

ACCOUNTS: Final = Contract(
    name="accounts",
    family="/api/tasks",
    shape=Shape("accounts", resources.files(__package__).joinpath("task.sql").read_text("utf-8")),
    present=present,
    describe=describe,
    routes=(*AUTH_ROUTES, *ROUTES),
)
