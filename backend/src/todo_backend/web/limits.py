"""What is too much to read. A request past these is refused before anything else is looked at."""

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
