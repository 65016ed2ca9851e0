"""What the terminal shows once requests are accepted."""

from dataclasses import dataclass
from typing import Final

from todo_backend.contracts import CONTRACTS
from todo_backend.settings import Settings

DEVELOPMENT_USER: Final = "user_123"


@dataclass(frozen=True, slots=True)
class Started:
    """A server that has started. `address` is what a client on this machine types.

    `obstacle` is what keeps the database away, `token` the development user's; both may be None.
    """

    settings: Settings
    address: str
    is_everywhere: bool
    database: str
    obstacle: str | None
    token: str | None


def banner(started: Started) -> str:
    """Write the address, the docs, the contracts and a request to paste."""
    address = started.address
    where = " and every other address of this machine" if started.is_everywhere else ""
    lines = [
        f"Todo backend at {address}{where}",
        f"  docs       {address}/docs",
        f"  contracts  {', '.join(started.settings.api_contracts)}",
        f"  database   {started.database}",
    ]
    if started.obstacle:
        lines.append(f"  answers are 503 for now: {started.obstacle}")
    if started.token:
        lines += _request(started, started.token)
    return "\n".join(lines)


def _request(started: Started, token: str) -> list[str]:
    contract = CONTRACTS[started.settings.api_contracts[0]]
    path = next(route.path for route in contract.routes if route.method == "GET")
    return [
        "",
        f"Try it as {DEVELOPMENT_USER}, with a token for development that is good for a day:",
        "",
        f"  curl {started.address}{path.format(user_id=DEVELOPMENT_USER)} \\",
        f"    -H 'Authorization: Bearer {token}'",
        "",
        "Ctrl-C stops it.",
    ]
