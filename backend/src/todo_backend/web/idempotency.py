"""The header `Idempotency-Key`: a creation that is sent again creates nothing more."""

import re
from typing import Final

from todo_backend.model.attempt import Attempt
from todo_backend.model.errors import IdempotencyKeyMalformed
from todo_backend.model.task import Rendered
from todo_backend.web.answer import Header
from todo_backend.web.call import Call

KEY_MAX: Final = 255
"""How many characters a key may have, all of them visible and in ASCII."""

_HEADER: Final = b"idempotency-key"
_KEY: Final = re.compile(rb"[!-~]{1,%d}" % KEY_MAX)
_REPLAYED: Final[Header] = (b"idempotent-replayed", b"true")


def read(call: Call) -> Attempt | None:
    """Read the key of a call whose body has been read; None where it has none.

    A key in quotes is one with quotes: it is taken as it stands. Raises: IdempotencyKeyMalformed.
    """
    values = call.field_values(_HEADER)
    if not values:
        return None
    key = values[0].strip(b" \t")
    if len(values) > 1 or not _KEY.fullmatch(key):
        raise IdempotencyKeyMalformed
    request = b"%b\n%b" % (call.record.route.encode(), call.content or b"")
    return Attempt(key.decode("ascii"), request)


def created(task: Rendered, location: str) -> tuple[Header, ...]:
    """Return the headers of a creation: where the task is, and whether it was there before."""
    found = ((b"location", location.encode()),)
    return (*found, _REPLAYED) if task.is_replayed else found
