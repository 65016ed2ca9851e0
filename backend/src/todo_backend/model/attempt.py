"""Requests that a client may send more than once, and that are to happen once."""

import hashlib
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request under a name that its user has given it (`key`); `request` is all that it says."""

    key: str
    request: bytes

    def fingerprint(self, contract: str) -> bytes:
        """Tell the request from every other: to another contract the same bytes say another."""
        return hashlib.sha256(b"%b\n%b" % (contract.encode(), self.request)).digest()


class KeyTaken(Enum):
    """Why an attempt was turned away: its key's request hasn't ended, or was another one."""

    RUNNING = "running"
    REUSED = "reused"
