"""uvicorn's HTTP/1.1, as this backend speaks it.

uvicorn takes what comes as it comes. Here a connection brings one request at a time, within bounds
of size and time, and what is no request is answered like one.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from todo_backend.model.errors import (
    HeadersTooLarge,
    Overloaded,
    RequestMalformed,
    TargetTooLong,
    TodoError,
)
from todo_backend.web import crowd, pieces
from todo_backend.web.answer import CUT, LINGER_SECONDS
from todo_backend.web.body import BODY_MAX_BYTES
from todo_backend.web.limits import (
    FRAMING_MAX_BYTES,
    FRAMING_RATIO,
    HEAD_MAX_BYTES,
    HEADER_BYTES,
    HEADERS_MAX,
    REQUEST_SECONDS,
    STALL_SECONDS,
    TARGET_MAX_BYTES,
)
from todo_backend.web.old_clients import until_closed
from todo_backend.web.one_write import OneWriteTransport

_OFFER: Final = b"upgrade"


class HttpProtocol(HttpToolsProtocol):
    """One connection of a client.

    The application says what is wrong with bytes that are no request by its `answer_unread`, if it
    has one: a whole response. `since` and the properties below it are for web/crowd.py.
    """

    transport: OneWriteTransport

    def __init__(self, *positional: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*positional, **named)
        self.since = self.loop.time()
        self.url, self.headers = b"", []
        self._held = b""
        self._is_refused = self._has_offer = self._has_ended = self._in_body = False
        self._arrived = self._head_bytes = self._body_bytes = 0
        self._tail = b""
        self._arrival: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        return self._in_body and not self.pipeline

    @property
    def unfinished_bytes(self) -> int:
        cycle = self.cycle
        is_kept = self._arrived and not (self._in_body and cycle.response_started)
        there = self._arrived + HEADER_BYTES * len(self.headers) if is_kept else 0
        return len(self._held) + there

    @property
    def unsent_bytes(self) -> int:
        return self.transport.get_write_buffer_size()

    def drop(self) -> None:
        self.connections.discard(self)
        self.transport.abort()
        # Many may have to go before the next step of the loop, in which transports end.
        self._is_refused = True
        self._held = b""
        self.parser = None  # type: ignore[assignment] # as uvicorn does at the end
        if self._in_body:
            self.cycle.body = bytearray()
        elif self.waits and self.headers:
            self.headers.clear()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(OneWriteTransport(transport, self.loop))
        self.app_state = {**self.app_state, CUT: transport.abort}
        self._arrival = self.loop.call_later(REQUEST_SECONDS, self.transport.close)
        is_full = len(self.connections) > crowd.connections_max()
        if is_full and not crowd.has_made_room(self, self._all()):
            self._refuse(Overloaded())

    def _all(self) -> list["HttpProtocol"]:
        return [each for each in self.connections if isinstance(each, HttpProtocol)]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._held = b""
        for timer in (self._arrival, self._stall, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        self._arrival = self._stall = self.timeout_keep_alive_task = None

    # What comes in ----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._held:
            self._held += data
            return
        self._take(data)

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's says None, which is False
        """Stay until what has come whole is answered, though the client says no more.

        What is not there to its end has no answer; then the connection ends, as an idle one does.
        """
        self._has_ended = not (self._is_refused or self.waits)
        return self._has_ended

    def _take(self, data: bytes) -> None:
        at = 0
        while at < len(data) and not self._is_refused:
            if not self.waits:
                # The next request of a client that does not wait for its answers.
                self._held = data[at:]
                self.transport.hold()
                return
            end = self._end_of_piece(data, at)
            self._take_piece(data[at:end])
            at = end
        if self._is_refused:
            return
        if not self.waits:
            self._set_arrival(None)
        else:
            if self._arrival is None:
                self._set_arrival(REQUEST_SECONDS)
            if self._arrived and crowd.is_time_to_look(len(data)):
                crowd.relieve_input(self._all())

    def _end_of_piece(self, data: bytes, at: int) -> int:
        """Find the end of what can hold no more than the end of one request, or of its head."""
        most = len(data)
        if self._in_body:
            for name, value in self.headers:
                if name == b"content-length":
                    return min(most, at + int(value) - self._body_bytes)
            # After what is too large no other request is answered (web/body.py).
            if not self.cycle.keep_alive or self._body_bytes > BODY_MAX_BYTES:
                return min(most, at + pieces.UNREAD_BYTES)
        return pieces.end_of_blank_line(data, at, min(most, at + pieces.BYTES), tail=self._tail)

    def _take_piece(self, piece: bytes) -> None:
        self._arrived += len(piece)
        super().data_received(piece)
        self._tail = (self._tail + piece[-3:])[-3:] if self._arrived else b""
        if not self._arrived or self._is_refused:
            return
        if self._in_body:
            framing = self._arrived - self._head_bytes - self._body_bytes
            if framing > FRAMING_MAX_BYTES + FRAMING_RATIO * self._body_bytes:
                self._refuse(HeadersTooLarge())
        elif self._arrived > HEAD_MAX_BYTES or len(self.headers) > HEADERS_MAX:
            is_target = len(self.url) > TARGET_MAX_BYTES
            self._refuse(TargetTooLong() if is_target else HeadersTooLarge())

    def _set_arrival(self, seconds: float | None) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
        self._arrival = None
        if seconds is not None:
            self._arrival = self.loop.call_later(seconds, self.transport.close)

    # What the parser finds --------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._has_offer:
            self.since = self.loop.time()
            self._set_arrival(None)

    def on_header(self, name: bytes, value: bytes) -> None:
        # What follows a body is no header: it must not vouch for one (RFC 9110, section 6.5.1).
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        is_connect = self.parser.get_method() == b"CONNECT"
        self._has_offer = self.parser.should_upgrade() and not is_connect
        if self._has_offer:
            return
        super().on_headers_complete()
        self._in_body = True
        self._head_bytes = self._arrived
        # After CONNECT the parser takes what comes next for a request; other servers don't.
        if is_connect or getattr(self.app, "is_draining", bool)():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._has_offer:
            return
        self._in_body = False
        self._arrived = self._body_bytes = 0
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Read a request without its offer to speak another protocol: the parser skips its body.

        Nothing is logged: whoever may send a request could fill the log with it.
        """
        if not self._has_offer:
            return
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += (b"%b: %b" % field for field in self.headers if field[0] != _OFFER)
        self.parser = httptools.HttpRequestParser(self)
        super().data_received(b"\r\n".join([*lines, b"", b""]))

    # What goes out ----------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        is_old = cycle.scope["http_version"] < "1.1"
        super()._start_asgi_task(cycle, until_closed(app, cycle) if is_old else app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.since = self.loop.time()
        if self.cycle.response_complete:
            self.cycle.body = bytearray()  # which nobody may have read
        held, self._held = self._held, b""
        if held and not self.transport.is_closing():
            self.transport.let_go()
            self._take(held)
        if self._has_ended and self.waits:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.since = self.loop.time()
        self._watch_writing(self.transport.get_write_buffer_size())
        crowd.relieve_output(self._all())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _watch_writing(self, unsent: int) -> None:
        self._stall = self.loop.call_later(STALL_SECONDS, self._look_at_writing, unsent)

    def _look_at_writing(self, unsent: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left >= unsent:
            self.transport.abort()
        else:
            self._watch_writing(left)

    # Refusals ---------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        del msg  # the server's own words
        self._refuse(RequestMalformed())

    def _refuse(self, error: TodoError) -> None:
        """Answer once more, then end the connection when the client has done so, or soon.

        One that is closed while there is something to read is reset, and the client may lose the
        answer with it (RFC 9112, section 9.6).
        """
        self._is_refused = True
        if not self._in_body:
            self.headers.clear()  # there may be many, and the connection stays for a while
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        answer: Callable[[TodoError], bytes] | None = getattr(self.app, "answer_unread", None)
        if answer is None or (cycle is not None and cycle.disconnected and cycle.response_started):
            self.transport.abort()
            return
        self.transport.write(answer(error))
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._set_arrival(LINGER_SECONDS)
