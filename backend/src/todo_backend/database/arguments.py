"""How values are handed to the task functions."""

from collections.abc import Mapping, Sequence
from typing import Final

from todo_backend.model.task import Status

COMPLETED: Final[Mapping[Status, bool | None]] = {
    Status.ALL: None,
    Status.PENDING: False,
    Status.COMPLETED: True,
}
"""What `completed` is in the tasks of a status; None for any."""


def array(numbers: Sequence[int] | None) -> str | None:
    """Write an array as PostgreSQL reads it: the driver would first ask what an array is."""
    return None if numbers is None else "{" + ",".join(map(str, map(int, numbers))) + "}"
