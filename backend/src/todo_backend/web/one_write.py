"""A connection that sends a response's head with the write after it, and can hold what comes in.

uvicorn writes the head of a response and its body apart, and each write wakes the client's side of
the connection, which costs more than the bytes do (docs/adr/0005).
"""

import asyncio
import socket
from contextlib import suppress
from typing import Any, Final

from todo_backend.web.limits import WAITING_BYTES

_HEAD: Final = b"HTTP/1."
# Otherwise the kernel takes up to 4 MB of a list for each client that reads slowly.
_KERNEL_BYTES: Final = 128 * 1024


class OneWriteTransport(asyncio.Transport):
    """Joins a response's head to the write after it, if that comes in the same step of the loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head = b""
        self._is_holding = False
        self._wants_reading = True
        transport.set_write_buffer_limits(high=WAITING_BYTES)
        _keep_unsent_here(transport)
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

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._wants_reading = False
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._wants_reading = True
        if not self._is_holding:
            self._transport.resume_reading()

    def hold(self) -> None:
        """Read nothing until `let_go`, whoever asks for it."""
        self._is_holding = True
        self._transport.pause_reading()

    def let_go(self) -> None:
        self._is_holding = False
        if self._wants_reading:
            self._transport.resume_reading()


def _keep_unsent_here(transport: asyncio.Transport) -> None:
    """Let the kernel have what a client will soon take; what waits stays where it is counted."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if connection is not None and option is not None:
        with suppress(OSError):  # a socket of another family
            connection.setsockopt(socket.IPPROTO_TCP, option, _KERNEL_BYTES)
