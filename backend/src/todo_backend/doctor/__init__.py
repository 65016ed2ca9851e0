"""What is wrong with a deployment, in a sentence each, and how to mend it."""

from todo_backend.doctor.addresses import of_origin
from todo_backend.doctor.examination import (
    database,
    embedded,
    examine,
    misconfiguration,
    of_server,
    settings,
    sources,
)
from todo_backend.doctor.finding import Finding, Level
from todo_backend.doctor.pasted import PASTED_MAX
from todo_backend.doctor.tokens import asks_database, token

__all__ = [
    "PASTED_MAX",
    "Finding",
    "Level",
    "asks_database",
    "database",
    "embedded",
    "examine",
    "misconfiguration",
    "of_origin",
    "of_server",
    "settings",
    "sources",
    "token",
]
