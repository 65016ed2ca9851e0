"""HTTP/1.0, which a few proxies and health checks still speak."""

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def until_closed(app: ASGIApp, cycle: RequestResponseCycle) -> Any:  # noqa: ANN401 - uvicorn has types of its own for the same
    """Mark the end of an answer of unknown length by the connection's: HTTP/1.0 has no chunks."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        has_length = True

        async def send_plain(message: Message) -> None:
            nonlocal has_length
            if message["type"] == "http.response.start":
                has_length = any(name == b"content-length" for name, _ in message["headers"])
                cycle.chunked_encoding = None if has_length else False
            elif not has_length:
                # uvicorn wants to know of every octet beforehand.
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plain)

    return answered
