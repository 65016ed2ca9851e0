"""Whether the user in an address is the one that a token names, and how they differ."""

import unicodedata
from typing import Final
from urllib.parse import unquote

from todo_backend.auth.claims import quoted
from todo_backend.doctor.finding import Finding, Level

_PLACEHOLDERS: Final = frozenset(
    {"undefined", "null", "nan", "[object object]", "{user_id}", ":user_id", "{userid}", "me"}
)


def named(user_id: str) -> str:
    """Show a user's id. One that is an e-mail address is not shown."""
    return "(an e-mail address, not shown)" if "@" in user_id else quoted(user_id)


def of_path(segment: str, user_id: str, *, email: object = None) -> Finding:
    """Compare the user of an address with the token's, as the server does.

    `segment` stands between `/api/` and `/tasks`, percent-encoded or not.
    """
    in_path = unquote(segment, errors="surrogateescape")
    if in_path == user_id:
        return Finding(Level.OK, f"the user in the address is the token's: {named(user_id)}")
    sentence = (
        f"the address names the user {named(in_path)} and the token {named(user_id)}: the answer "
        f"is 403. {_difference(in_path, user_id, email)}"
    )
    remedy = (
        "take the id for the address from the session that the token was made for: "
        "`/api/${encodeURIComponent(session.user.id)}/tasks`"
    )
    return Finding(Level.PROBLEM, sentence, remedy)


def _difference(in_path: str, user_id: str, email: object) -> str:
    cases = (
        (in_path.lower() in _PLACEHOLDERS, "The first is what stands where an id was to be put"),
        (in_path == email, "The first is the user's e-mail address"),
        (in_path.strip() == user_id.strip(), "They differ by blanks around them"),
        (in_path.strip("\"'") == user_id, "The first has quotes around it"),
        (unquote(in_path) == user_id, "The first is percent-encoded twice"),
        (in_path == unquote(user_id), "The second has a percent sign that the address decodes"),
        (in_path.casefold() == user_id.casefold(), "They differ by upper and lower case"),
        (
            _normal(in_path) == _normal(user_id),
            "They look alike, but are different code points (Unicode normalisation)",
        ),
        (
            user_id.startswith(in_path) or in_path.startswith(user_id),
            "One is the other's beginning",
        ),
    )
    how = next((sentence for holds, sentence in cases if holds), "They are different users")
    return f"{how}; they part at {_place(in_path, user_id)}"


def _place(in_path: str, user_id: str) -> str:
    pairs = enumerate(zip(in_path, user_id, strict=False))
    shorter = min(len(in_path), len(user_id))
    at = next((at for at, (ours, theirs) in pairs if ours != theirs), shorter)
    return f"character {at + 1}: {_point(in_path, at)} and {_point(user_id, at)}"


def _point(text: str, at: int) -> str:
    return f"U+{ord(text[at]):04X}" if at < len(text) else "nothing"


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
