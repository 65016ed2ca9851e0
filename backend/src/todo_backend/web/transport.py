"""uvicorn's HTTP/1.1, as this backend speaks it.

uvicorn writes the head of a response and its body apart, and each write wakes the client's side of
the connection, which costs more than the bytes do (docs/adr/0005).
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from todo_backend.web.answer import CUT

_HEAD: Final = b"HTTP/1."


class HttpProtocol(HttpToolsProtocol):
    """Sends a response in one write, and answers in our words what is no request.

    The application says those by its `answer_malformed`, if it has one: a whole response.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(_OneWriteTransport(transport, self.loop))
        self.app_state = {**self.app_state, CUT: transport.abort}

    def send_400_response(self, msg: str) -> None:
        answer_malformed = getattr(self.app, "answer_malformed", None)
        if answer_malformed is None:
            super().send_400_response(msg)
            return
        self.transport.write(answer_malformed())
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: whoever may send a request could fill the log with it."""


class _OneWriteTransport(asyncio.Transport):
    """Joins a response's head to the write after it, if that comes in the same step of the loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head = b""
        self.is_closing = transport.is_closing  # type: ignore[method-assign] # a call less on the hot path

    def write(self, data: "bytes | bytearray | memoryview[int]") -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif bytes(data[: len(_HEAD)]) == _HEAD:
            # A stream may be long in coming, and HEAD has no body: the head doesn't wait for them.
            self._head = bytes(data)
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()
