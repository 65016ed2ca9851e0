"""JSON bodies: what their media type has to say, and what is in them."""

import re
from typing import Final

from todo_backend.model import strict_json
from todo_backend.model.errors import BodyMalformed
from todo_backend.model.strict_json import JsonMalformed

MAX_DEPTH: Final = 64
"""How many arrays and objects may stand inside each other, the outermost included."""

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = rb'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+"'
_PARAMETER: Final = re.compile(
    rb"[ \t]*+;[ \t]*+(?:(?P<name>%b)=(?P<value>%b|%b))?" % (_TOKEN, _TOKEN, _QUOTED)
)
_JSON_TYPE: Final = b"application/json"
_COMMON_TYPES: Final = frozenset(
    {
        _JSON_TYPE,
        b"application/json;charset=utf-8",
        b"application/json; charset=utf-8",
        b"application/json;charset=UTF-8",
        b"application/json; charset=UTF-8",
    }
)


def parse(body: bytes) -> object:
    """Read one JSON text. Raises: BodyMalformed (see `strict_json.parse`)."""
    try:
        return strict_json.parse(body, depth_max=MAX_DEPTH)
    except JsonMalformed:
        raise BodyMalformed from None


def json_type_ok(content_type: bytes | None) -> bool:
    """Whether a Content-Type header says JSON in UTF-8 (RFC 9110, section 8.3.1)."""
    if content_type is None:
        return False
    return content_type in _COMMON_TYPES or _is_json_type(content_type.strip(b" \t"))


def _is_json_type(value: bytes) -> bool:
    end = len(_JSON_TYPE)
    if value[:end].lower() != _JSON_TYPE:
        return False
    while end < len(value):
        parameter = _PARAMETER.match(value, end)
        if parameter is None or not _charset_ok(parameter["name"], parameter["value"]):
            return False
        end = parameter.end()
    return True


def _charset_ok(name: bytes | None, value: bytes | None) -> bool:
    if name is None or value is None or name.lower() != b"charset":
        return True
    if value.startswith(b'"'):
        value = re.sub(rb"\\(.)", rb"\1", value[1:-1])
    return value.lower() == b"utf-8"
