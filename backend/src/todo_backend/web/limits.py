"""What is too much, too many and too slow, and what only looks like a request.

A request past the first of these is refused before anything else is looked at. The others are for
what is no request yet: web/transport.py and web/crowd.py hold them.
"""

from typing import Final

from todo_backend.model.errors import (
    ContentTooLarge,
    HeadersTooLarge,
    RequestMalformed,
    TargetTooLong,
)
from todo_backend.web import body
from todo_backend.web.body import BODY_MAX_BYTES
from todo_backend.web.call import Call

# RFC 9110, section 4.1, asks for 8,000 octets at least.
TARGET_MAX_BYTES: Final = 8 * 1024
# As much as common proxies pass on.
HEADERS_MAX_BYTES: Final = 32 * 1024
HEADERS_MAX: Final = 100
# int() would also take blanks and underscores; the server in front has let only digits through.
_LENGTH_DIGITS: Final = 18

HEAD_MAX_BYTES: Final = 48 * 1024
"""Of a request line and headers, as they arrive. What is smaller gets the refusals of `check`."""
FRAMING_MAX_BYTES: Final = 1024
"""Of chunk sizes, extensions and trailers, beyond FRAMING_RATIO for each octet of the body."""
FRAMING_RATIO: Final = 2

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
HEADER_BYTES: Final = 160
"""What each of their headers counts beside its octets: two objects in a pair in a list."""
WAITING_BYTES: Final = 4 * 1024
"""An answer with more than this to be sent waits for its client."""
UNSENT_MAX_BYTES: Final = 4 * 1024 * 1024
"""Of all answers that wait for their clients, together."""
WAITING_LIST_BYTES: Final = 56 * 1024
"""What each of them counts beside the octets to be sent. A list has a request under way, and the
next 100 short tasks as text and as octets."""


async def check(call: Call) -> None:
    """Raises: RequestMalformed, TargetTooLong, HeadersTooLarge, ContentTooLarge."""
    scope = call.scope
    if not _is_sound(call):
        raise RequestMalformed
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > TARGET_MAX_BYTES:
        raise TargetTooLong
    headers = scope["headers"]
    if len(headers) > HEADERS_MAX or (
        sum(len(name) + len(value) for name, value in headers) > HEADERS_MAX_BYTES
    ):
        raise HeadersTooLarge
    announced = call.field(b"content-length")
    if announced is not None and (
        len(announced) > _LENGTH_DIGITS or int(announced) > BODY_MAX_BYTES
    ):
        raise ContentTooLarge(BODY_MAX_BYTES)
    if call.field(b"transfer-encoding") is not None:
        # Its length is known when it has been read.
        await body.read(call)


def _is_sound(call: Call) -> bool:
    """Whether it is what RFC 9112 wants where the parser in front is content with less.

    That takes a line without a version, HTTP/2 on a line, any number of hosts (section 3.2), and
    whatever a body is said to be in beside chunks (section 6.1), of which HTTP/1.0 knows nothing.
    """
    version = call.scope["http_version"]
    if version not in ("1.1", "1.0"):
        # A server that speaks the later ones has them in another spelling than a line would.
        return version in ("2", "3")
    hosts = len(call.field_values(b"host"))
    if hosts > 1 or (version == "1.1" and not hosts):
        return False
    if call.field(b"transfer-encoding") is None:
        return True
    codings = [value.lower() for value in call.field_values(b"transfer-encoding")]
    return version == "1.1" and codings == [b"chunked"]
