"""What the answers that clients got, and the servers' logs, say of each other at the end of a run.

Each answer has an id of its own, and each id one line in the log.
"""

import io
import re
from collections import Counter
from typing import Final

import httpx

from tests.support.server import Served

_OWN_ID: Final = re.compile(r"[0-9a-f]{32}")
"""An id that a server has made; those of clients may come twice."""
_LINE: Final = re.compile(r'"request_id":"([0-9a-f]{32})"')
_IS_REQUEST: Final = '"event":"request"'


class Records:
    """Answers as they are noted, and the logs of their servers."""

    def __init__(self) -> None:
        self._answered: Counter[str] = Counter()
        self._logs: dict[int, io.StringIO] = {}

    def note(self, served: Served, response: httpx.Response) -> None:
        request_id = response.headers["x-request-id"]
        if _OWN_ID.fullmatch(request_id):
            self._answered[request_id] += 1
            self._logs[id(served.log)] = served.log

    def problems(self) -> list[str]:
        """Name the ids that were given twice, and those without exactly one line."""
        logged = Counter(
            found[1]
            for log in self._logs.values()
            for line in log.getvalue().splitlines()
            if _IS_REQUEST in line and (found := _LINE.search(line))
        )
        return [f"{each} was given {n} times" for each, n in self._answered.items() if n > 1] + [
            f"{each} has {logged[each]} lines" for each in self._answered if logged[each] != 1
        ]


SUITE: Final = Records()
"""The one of the whole run."""


def note(served: Served, response: httpx.Response) -> None:
    SUITE.note(served, response)
