"""Who is asking."""

from dataclasses import dataclass

USER_ID_MAX = 255


@dataclass(frozen=True, slots=True)
class Principal:
    """A user that a trusted issuer vouches for.

    `user_id` is opaque and case-sensitive: 1 to 255 code points, never normalised. `email` and
    `name` are what the credential claims, unverified; they never identify anybody. `session_id` is
    that of a session of this backend's own accounts.
    """

    user_id: str
    email: str | None = None
    name: str | None = None
    session_id: str | None = None
