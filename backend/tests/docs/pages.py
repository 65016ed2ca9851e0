"""The pages of docs/contracts as a program reads them: commands, and the answers they promise."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import urlsplit

PAGES: Final = Path(__file__).parents[3] / "docs" / "contracts"
SERVER: Final = "http://127.0.0.1:8000"
"""Where the server of the pages is."""

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"([A-Z_]+)=(.*)")
_START: Final = re.compile(r"API_CONTRACTS=[a-z,]+ script/server\n")
# In a command that says no method (curl does the same).
_BODY_OPTIONS: Final = {"-d", "--data", "--data-binary"}


@dataclass(frozen=True, slots=True)
class Example:
    """Lines for a shell: assignments, then at most one call, whose answer the page shows.

    `where` is the page and the line; `answer` is '' where there is no call.
    """

    where: str
    assignments: tuple[tuple[str, str], ...]
    call: str
    answer: str

    def request(self, variables: Mapping[str, str]) -> tuple[str, str]:
        """Read the method and the path out of the call."""
        words = shlex.split(Template(self.call).safe_substitute(variables))
        address = next(word for word in words if word.startswith("http://"))
        method = "POST" if _BODY_OPTIONS.intersection(words) else "GET"
        if "-G" in words:
            method = "GET"
        if "-X" in words:
            method = words[words.index("-X") + 1]
        return method, urlsplit(address).path


def text_of(page: str) -> str:
    return (PAGES / f"{page}.md").read_text(encoding="utf-8")


def examples(page: str, text: str) -> Iterator[Example]:
    """Give the shell blocks of a page in order, each with the answer that follows it.

    Raises: AssertionError where a call has no answer, or a block is none that a reader could run.
    """
    blocks = [(found[1], found[2], found.start()) for found in _FENCE.finditer(text)]
    for number, (language, code, start) in enumerate(blocks):
        where = f"{page}.md:{text.count(chr(10), 0, start) + 1}"
        follower = blocks[number + 1][:2] if number + 1 < len(blocks) else ("", "")
        if language != "sh" or _START.fullmatch(code):
            continue
        assignments, call = _split(code)
        if call:
            assert call.startswith("curl -i "), f"{where}: {call}"
            assert call.count("curl ") == 1, f"{where}: one call at a time"
            assert follower[0] == "http", f"{where}: no answer"
        yield Example(where, assignments, call, follower[1] if call else "")


def _split(code: str) -> tuple[tuple[tuple[str, str], ...], str]:
    lines = code.splitlines()
    assignments = []
    while lines and (match := _ASSIGNMENT.fullmatch(lines[0])):
        assignments.append((match[1], match[2]))
        lines.pop(0)
    return tuple(assignments), "\n".join(lines)
