"""What is wrong with a deployment, in a sentence each, and how to mend it."""

from todo_backend.doctor.examination import (
    database,
    embedded,
    examine,
    misconfiguration,
    of_server,
    settings,
)
from todo_backend.doctor.finding import Finding, Level

__all__ = [
    "Finding",
    "Level",
    "database",
    "embedded",
    "examine",
    "misconfiguration",
    "of_server",
    "settings",
]
