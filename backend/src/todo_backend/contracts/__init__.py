"""How it is said: one package for each wire contract, and the registry that names them all."""

from collections.abc import Mapping
from typing import Final

from todo_backend.contracts.accounts import ACCOUNTS
from todo_backend.contracts.envelope import ENVELOPE
from todo_backend.contracts.plain import PLAIN
from todo_backend.contracts.rich import RICH
from todo_backend.web.contract import Contract

CONTRACTS: Final[Mapping[str, Contract]] = {
    contract.name: contract for contract in (ENVELOPE, PLAIN, RICH, ACCOUNTS)
}
