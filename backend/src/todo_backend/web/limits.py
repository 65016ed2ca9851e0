"""What is too much, too many and too slow.

A request past the first of these is refused before anything else is looked at. The others are for
what is no request yet: web/transport.py and web/crowd.py hold them.
"""

from typing import Final

from todo_backend.model.errors import ContentTooLarge, HeadersTooLarge, TargetTooLong
from todo_backend.web import body
from todo_backend.web.body import BODY_MAX_BYTES
from todo_backend.web.call import Call

# RFC 9110, section 4.1, asks for 8,000 octets at least.
TARGET_MAX_BYTES: Final = 8 * 1024
# As much as common proxies pass on.
HEADERS_MAX_BYTES: Final = 32 * 1024
# int() would also take blanks and underscores; the server in front has let only digits through.
_LENGTH_DIGITS: Final = 18

HEAD_MAX_BYTES: Final = 48 * 1024
"""Of a request line and headers, as they arrive. What is smaller gets the refusals of `check`."""
FRAMING_RATIO: Final = 16
"""How many octets of chunk sizes, extensions and trailers may come for each one of a body."""

REQUEST_SECONDS: Final = 30.0
"""From the first octet of a request to its last, and from a connection to its first request."""
STALL_SECONDS: Final = 60.0
"""How long a client may take nothing of an answer that waits for it."""

CONNECTIONS_MAX: Final = 2048
"""Of one process, if it may open so many files; beyond it, who has waited longest goes."""
SPARE_FILES: Final = 64
"""Files that are no connections of clients: the database's, the log, listening sockets."""
UNFINISHED_MAX_BYTES: Final = 2 * 1024 * 1024
"""Of all requests that are not there to their ends, together."""
UNSENT_MAX_BYTES: Final = 4 * 1024 * 1024
"""Of all answers that their clients don't take, together."""


async def check(call: Call) -> None:
    """Raises: TargetTooLong, HeadersTooLarge, ContentTooLarge."""
    scope = call.scope
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > TARGET_MAX_BYTES:
        raise TargetTooLong
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_MAX_BYTES:
        raise HeadersTooLarge
    announced = call.field(b"content-length")
    if announced is not None and (
        len(announced) > _LENGTH_DIGITS or int(announced) > BODY_MAX_BYTES
    ):
        raise ContentTooLarge(BODY_MAX_BYTES)
    if call.field(b"transfer-encoding") is not None:
        # Its length is known when it has been read.
        await body.read(call)
