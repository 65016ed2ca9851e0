"""What must never come out: the suite's secrets, and the places where one could.

Every server of the suite hands its log to `SUITE`, and with it what its clients send and get as a
credential. tests/conftest.py asks at the end of the run whether any of it is where it must not be.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from todo_backend.model.errors import TodoError

NOWHERE: Final = ("$argon2id$",)
"""What belongs neither in a log nor in an answer, whoever the server is."""

NOT_IN_LOGS: Final = ("Buy milk", "Buy oat milk", "Two bottles", "hunter2-canary")
"""Texts of tasks, and of errors, that tests use all over: parameters of statements."""


# A shorter text, or one of few characters, stands in a log by chance.
_LENGTH_MIN: Final = 12
_DISTINCT_MIN: Final = 6
_GRAM: Final = 8
_JWT_PARTS: Final = 3
_SESSION_PARTS: Final = 2
_AUTHORIZATION: Final = b"authorization"
_COOKIE: Final = b"cookie"
# What every line has anew. Without it most lines are alike.
_VOLATILE: Final = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|duration_ms\W{1,2}[\d.]+|\b[0-9a-f]{32}\b|127\.0\.0\.1:\d+"
)
_CREDENTIALS: Final = ("password", "access_token", "refresh_token")
_AUTH: Final = "/api/auth/"


class Collector:
    """Gathers secrets and logs, and finds the ones in the others."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._not_in_logs: set[str] = {*NOWHERE, *NOT_IN_LOGS}
        self._logs: list[tuple[str, Callable[[], str]]] = []
        self._complaints: list[str] = []

    def keep(self, *texts: str) -> list[str]:
        """Remember secrets, and return those that are long enough to be told from chance."""
        kept = [
            part
            for text in texts
            for part in (text, *_parts(text))
            if len(part) >= _LENGTH_MIN and len(set(part)) >= _DISTINCT_MIN
        ]
        self._secrets.update(kept)
        return kept

    def watch(self, name: str, read: Callable[[], str]) -> None:
        """Look into this log at the end; `name` says whose it is."""
        self._logs.append((name, read))

    def complain(self, sentence: str) -> None:
        self._complaints.append(sentence)

    def leaks(self) -> list[str]:
        """Say what came out, with the secret itself taken out."""
        logs = [(name, read()) for name, read in self._logs]
        unlike = {_VOLATILE.sub("", line) for _, log in logs for line in log.splitlines()}
        text = "\n".join(sorted(unlike))
        grams = {text[at : at + _GRAM] for at in range(len(text))}
        secrets = {form for secret in self._secrets | self._not_in_logs for form in _forms(secret)}
        leaked = [each for each in secrets if each[:_GRAM] in grams and each in text]
        leaked.sort(key=len, reverse=True)
        return self._complaints + [
            f"{name}: {_without(leaked, line)}"
            for name, log in logs
            for line in (log.splitlines() if leaked else ())
            if any(secret in line for secret in leaked)
        ]


SUITE: Final = Collector()
"""The one of the whole run."""


def is_free(text: str) -> bool:
    """Whether a test may use it where it is logged: generators also try what stands in sources."""
    return not any(never in text for never in (*NOWHERE, *NOT_IN_LOGS))


class Witness:
    """An application whose requests and answers a collector sees; it changes nothing of either."""

    def __init__(self, app: ASGIApp, collector: Collector, *, secrets: Iterable[str]) -> None:
        self._app = app
        self._collector = collector
        self._never = [text.encode() for text in (*NOWHERE, *collector.keep(*secrets))]

    @property
    def answer_unread(self) -> Callable[[TodoError], bytes] | None:
        """What the protocol in front asks an application for."""
        found: Callable[[TodoError], bytes] | None = getattr(self._app, "answer_unread", None)
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, self._collector, self._never)

        async def heard() -> Message:
            message = await receive()
            exchange.hear(message)
            return message

        async def said(message: Message) -> None:
            exchange.say(message)
            await send(message)

        await self._app(scope, heard, said)


class _Exchange:
    """One request and its answer, of which nothing is kept that is long."""

    def __init__(self, scope: Scope, collector: Collector, never: list[bytes]) -> None:
        self._collector = collector
        self._name = f"{scope['method']} {scope['path'][:60]!r}"
        self._is_about_accounts = scope["path"].startswith(_AUTH)
        self._asked, self._told, self._tail = b"", b"", b""
        sent = collector.keep(*_sent(scope["headers"]))
        self._never = never + [text.encode() for text in sent]

    def hear(self, message: Message) -> None:
        if not self._is_about_accounts or message["type"] != "http.request":
            return
        self._asked += message.get("body", b"")
        if not message.get("more_body"):
            sent = _members(self._asked)
            others = [value for key, value in sent.items() if key not in _CREDENTIALS]
            secrets = [text for text in _credentials(sent) if text not in " ".join(others)]
            self._never += [text.encode() for text in self._collector.keep(*secrets)]

    def say(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            octets = b"\n".join(value for _, value in message["headers"]) + b"\n"
        else:
            octets = message.get("body", b"")
            self._remember_what_is_given(octets, is_last=not message.get("more_body"))
        seen = self._tail + octets
        if any(secret in seen for secret in self._never):
            self._collector.complain(f"{self._name} is answered with a secret")
        # A secret may be cut in two by the pieces of a stream.
        self._tail = seen[-max(map(len, self._never)) :]

    def _remember_what_is_given(self, octets: bytes, *, is_last: bool) -> None:
        if self._is_about_accounts:
            self._told += octets
            if is_last:
                self._collector.keep(*_credentials(_members(self._told)))


def _without(secrets: Iterable[str], line: str) -> str:
    for secret in secrets:
        line = line.replace(secret, "[what must not be here]")
    return line


def _sent(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the credentials of a request: bearer tokens, and every cookie, encoded and not."""
    found: list[str] = []
    for name, value in headers:
        text = value.decode("latin-1")
        if name == _AUTHORIZATION:
            found.append(text.partition(" ")[2].strip() or text)
        elif name == _COOKIE:
            values = [pair.partition("=")[2].strip(' "') for pair in text.split(";")]
            found += [form for each in values for form in (each, unquote(each))]
    return found


def _parts(text: str) -> list[str]:
    """Return what is secret of a token in itself.

    Of a JWT the claims and the signature; of a signed session token the token and the signature.
    """
    parts = text.split(".")
    if len(parts) == _SESSION_PARTS:
        return parts
    return parts[1:] if len(parts) == _JWT_PARTS else []


def _forms(secret: str) -> set[str]:
    """Return how a secret stands in a log: as it is, or as JSON escapes it."""
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}


def _members(body: bytes) -> Mapping[str, str]:
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    members = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in members if isinstance(value, str)}


def _credentials(members: Mapping[str, str]) -> list[str]:
    return [members[name] for name in _CREDENTIALS if name in members]
