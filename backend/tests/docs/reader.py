"""Somebody who follows a page: runs each command in a shell and compares what comes back.

A page shows ids, times, versions and tokens of the day it was written. The first time such a value
is met, it is bound to the one that came instead; from then on the two stand for each other, in
answers and in commands. So a page holds only if it also is one story: the task that it creates is
the one that it reads.
"""

import asyncio
import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.docs.pages import SERVER, Example
from tests.support.users import token_for

Body = Any

_ID: Final = re.compile(r"[1-9]\d*|[\w-]{20,}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_TOKEN: Final = re.compile(r"eyJ[\w-]{7,}(…[\w-]+|\.[\w-]+\.[\w-]+)")
_OPAQUE: Final = re.compile(r"[\w.~+/=-]{12,}|[\w.-]{6,}…[\w.-]+")
# The members whose value is another one each time, and its form.
VOLATILE: Final[Mapping[str, re.Pattern[str]]] = {
    "id": _ID,
    "user_id": re.compile(r"\S+"),
    "created_at": _TIME,
    "updated_at": _TIME,
    "timestamp": _TIME,
    "access_token": _TOKEN,
    "refresh_token": _OPAQUE,
    "next_cursor": _OPAQUE,
}
# Likewise within a sentence or a header.
_WITHIN: Final = (
    re.compile(r'(?<=")[a-z]-[0-9a-f]{10,}(?=")'),
    re.compile(r"(?<=/tasks/)\d+"),
    re.compile(r"(?<=[Tt]ask with id )\d+"),
    re.compile(r"(?<=cursor=)[^&>]+"),
)
# Of no two answers the same, so it stands for nothing.
_UNBOUND: Final = {"timestamp"}
# Shorter ones mean other things as well.
_DISTINCT_MIN: Final = 10
_TOKEN_COMMAND: Final = re.compile(r'"?\$\(.*todo-backend token --user (\S+)\)"?')


class Reader:
    """Follows one page on the server at `url`, with `path` as the shell's PATH."""

    def __init__(self, url: str, *, path: str) -> None:
        self._url = url
        self._variables: dict[str, str] = {}
        self._path = path
        self._actual: dict[str, str] = {}
        self._shown: dict[str, str] = {}

    async def follow(self, example: Example) -> None:
        """Raises: AssertionError where the page does not hold."""
        for name, value in example.assignments:
            self._variables[name] = self._value(value)
        if not example.call:
            return
        output = await self._run(self._with_actual_values(example.call))
        try:
            self._compare(example.answer, output)
        except AssertionError as error:
            raise AssertionError(f"{example.where}: {error}\nit came:\n{output}") from None

    def _value(self, text: str) -> str:
        if token := _TOKEN_COMMAND.fullmatch(text):
            return token_for(token[1])
        [word] = shlex.split(text) or [""]
        return self._actual.get(word) or self._with_actual_values(word)

    def _with_actual_values(self, text: str) -> str:
        for shown, actual in self._actual.items():
            if len(shown) >= _DISTINCT_MIN:
                text = text.replace(shown, actual)
        return text.replace(SERVER, self._url)

    async def _run(self, call: str) -> str:
        environment = {**self._variables, "PATH": self._path}
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            call,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        return output.decode()

    def _compare(self, shown: str, came: str) -> None:
        shown_head, _, shown_body = shown.partition("\n\n")
        head, _, body = came.partition("\r\n\r\n")
        shown_status, *shown_headers = shown_head.strip().splitlines()
        status, *headers = head.split("\r\n")
        # Without the phrase, which changes from one Python to the next.
        assert shown_status.split()[:2] == status.split()[:2], shown_status
        for header in shown_headers:
            name = header.partition(":")[0].lower()
            [found] = [each for each in headers if each.lower().startswith(f"{name}:")] or [""]
            self._agree(header.partition(":")[2].strip(), found.partition(":")[2].strip(), name)
        if not shown_body.strip():
            assert body == "", "the page shows no body"
            return
        self._agree(json.loads(shown_body), json.loads(body), "body")

    def _agree(self, shown: Body, came: Body, name: str) -> None:
        assert type(shown) is type(came), f"{name}: {shown!r} is not {came!r}"
        if isinstance(shown, dict):
            assert list(shown) == list(came), f"{name} has {list(came)}"
            for key, value in shown.items():
                self._agree(value, came[key], key)
        elif isinstance(shown, list):
            assert len(shown) == len(came), f"{name} has {len(came)}"
            for one, other in zip(shown, came, strict=True):
                self._agree(one, other, name)
        elif name in VOLATILE and shown is not None:
            self._bind(str(shown), str(came), name)
        elif isinstance(shown, str):
            self._agree_on_text(shown, came, name)
        else:
            assert shown == came, f"{name}: {shown!r} is not {came!r}"

    def _bind(self, shown: str, came: str, name: str) -> None:
        form = VOLATILE[name]
        assert form.fullmatch(shown), f"{name}: {shown} is no example of one"
        assert form.fullmatch(came), f"{name}: {came}"
        if name not in _UNBOUND:
            self._identify(shown, came, name)

    def _identify(self, shown: str, came: str, name: str) -> None:
        assert self._actual.setdefault(shown, came) == came, f"{name}: {shown} was another one"
        assert self._shown.setdefault(came, shown) == shown, f"{name}: {shown} was {came} before"

    def _agree_on_text(self, shown: str, came: str, name: str) -> None:
        for pattern in _WITHIN:
            for one, other in zip(pattern.findall(shown), pattern.findall(came), strict=False):
                self._identify(one, other, name)
            shown = pattern.sub(lambda found: self._actual.get(found[0], found[0]), shown)
        assert shown == came, f"{name}: {shown!r} is not {came!r}"


def path_with(folder: Path) -> str:
    """Return a PATH on which `folder` comes last."""
    return os.pathsep.join([os.environ["PATH"], str(folder)])
