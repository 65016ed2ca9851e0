"""Reads a request's body: its size, then its media type, then its syntax."""

from typing import Final

from starlette.requests import ClientDisconnect

from todo_backend.model.errors import ContentTooLarge, MediaTypeUnsupported
from todo_backend.web import json_body
from todo_backend.web.call import Call

BODY_MAX_BYTES: Final = 64 * 1024


class NoBody:
    """The type of `NO_BODY`: nothing was sent, as against `null`."""


NO_BODY: Final = NoBody()


async def read_json(call: Call) -> object:
    """Return the parsed body, or NO_BODY.

    Raises: ContentTooLarge as soon as the limit is passed; MediaTypeUnsupported, BodyMalformed.
    """
    body = await read(call)
    if not body:
        return NO_BODY
    if call.field(b"content-encoding") is not None:
        raise MediaTypeUnsupported
    if not json_body.json_type_ok(call.field(b"content-type")):
        raise MediaTypeUnsupported
    if len(set(call.field_values(b"content-type"))) > 1:
        # Whoever has looked at the request before may have gone by another one.
        raise MediaTypeUnsupported
    return json_body.parse(body)


async def read(call: Call) -> bytes:
    """Return the body as it was sent. Raises: ContentTooLarge as soon as the limit is passed."""
    if call.content is None:
        call.content = await _received(call)
    return call.content


async def _received(call: Call) -> bytes:
    message = await call.receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= BODY_MAX_BYTES:
        message = await call.receive()
        body += message.get("body", b"")
    call.has_arrived = not message.get("more_body")
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    if len(body) > BODY_MAX_BYTES:
        raise ContentTooLarge(BODY_MAX_BYTES)
    return body
