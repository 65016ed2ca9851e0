"""A token that was refused, with everything that its explanation may look at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from todo_backend import credentials
from todo_backend.auth import public_keys
from todo_backend.auth.claims import ClaimRules
from todo_backend.auth.public_keys import KeySet
from todo_backend.auth.secret_ring import Secrets
from todo_backend.doctor.anatomy import Anatomy
from todo_backend.doctor.pasted import Pasted
from todo_backend.model.errors import DatabaseUnavailable, KeysUnavailable, Unauthenticated
from todo_backend.settings import Settings

Refusal = Unauthenticated | DatabaseUnavailable | KeysUnavailable


class Words(NamedTuple):
    """What is wrong, and the setting or the line of the front end that mends it."""

    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Published:
    """What the issuer's key service says at the moment; `keys` is None where `why` says why."""

    address: str
    keys: KeySet | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """`now` is in Unix seconds; `published` is None where no key service was asked."""

    settings: Settings
    secrets: Secrets = field(repr=False)
    pasted: Pasted = field(repr=False)
    anatomy: Anatomy
    refusal: Refusal
    now: float
    published: Published | None = None

    @property
    def reason(self) -> str:
        """What the server's log says."""
        return self.refusal.reason

    @property
    def rules(self) -> ClaimRules:
        """What is expected of the claims of a token that is signed like this one."""
        if self.anatomy.alg in public_keys.ALGORITHMS and credentials.key_address(self.settings):
            return credentials.rules_of_issuer(self.settings)
        return credentials.rules_of_secret(self.settings)

    def number(self, name: str) -> float | None:
        """Read a claim that should be a moment."""
        value = self.anatomy.claims.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        return None


Explain = Callable[[Case], Words]
