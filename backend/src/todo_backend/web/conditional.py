"""Conditional requests: versions as entity tags (RFC 9110, section 13)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from todo_backend.web.answer import Answer, Header

# What stands between tags is not in it: each start of a run of blanks would be tried to its end.
_TAG: Final = re.compile(rb'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
# A bigint in the one spelling that strong() and weak() use.
_VERSION: Final = re.compile(rb"[1-9a-f][0-9a-f]{0,14}|0")
_PRIVATE: Final[tuple[Header, ...]] = (
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization"),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """The versions that a conditional header names. `is_any` is `*`: whatever version there is."""

    versions: tuple[int, ...]
    is_any: bool = False

    def holds(self, version: int) -> bool:
        return self.is_any or version in self.versions


@dataclass(frozen=True, slots=True)
class EntityTags:
    """Writes and reads the tags of one contract.

    `prefix` keeps them apart from another contract's, whose bytes for the same version differ.
    """

    prefix: str

    def strong(self, version: int) -> tuple[Header, ...]:
        """Return the headers of a single task at `version`."""
        return (b"etag", b'"%b-%x"' % (self.prefix.encode(), version)), *_PRIVATE

    def weak(self, version: int) -> tuple[Header, ...]:
        """Return the headers of a list at `version`."""
        return (b"etag", b'W/"%b-%x"' % (self.prefix.encode(), version)), *_PRIVATE

    def if_match(self, values: Sequence[bytes]) -> Sequence[int] | None:
        """Read `If-Match` by the strong comparison; None is no condition.

        A tag that this contract never wrote is one that matches nothing.
        """
        condition = self._read(values, weak_too=False)
        return None if condition is None or condition.is_any else condition.versions

    def if_none_match(self, values: Sequence[bytes]) -> Condition | None:
        """Read `If-None-Match` by the weak comparison; None where there is no such header."""
        return self._read(values, weak_too=True)

    def not_modified(self, values: Sequence[bytes], version: int) -> Answer | None:
        """Answer 304 where `If-None-Match` names the task's version; None where it doesn't."""
        condition = self.if_none_match(values)
        if condition and condition.holds(version):
            return Answer(304, headers=self.strong(version))
        return None

    def _read(self, values: Sequence[bytes], *, weak_too: bool) -> Condition | None:
        if not values:
            return None
        if [value.strip(b" \t") for value in values] == [b"*"]:
            return Condition((), is_any=True)
        head = f"{self.prefix}-".encode()
        versions = []
        for weak, opaque in _TAG.findall(b",".join(values)):
            digits = opaque.removeprefix(head)
            if digits != opaque and _VERSION.fullmatch(digits) and (weak_too or not weak):
                versions.append(int(digits, 16))
        return Condition(tuple(versions))
