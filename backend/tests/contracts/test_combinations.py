"""Which contracts a deployment may serve together, by the registry that it is built from."""

from pathlib import Path

import pytest

from tests.contracts.drivers import ACCOUNTS, ENVELOPE, PLAIN, RICH
from tests.support import command
from todo_backend.contracts import CONTRACTS
from todo_backend.serving import settings_from_environment
from todo_backend.settings import DEFAULT_CONTRACTS, SettingsError

SHARED = "wants at most one of the contracts that share their URLs"
UNKNOWN = "wants no other names than accounts, envelope, plain, rich"
NONE = "wants at least one of accounts, envelope, plain, rich"
OF_ONE_FAMILY = [ENVELOPE.name, PLAIN.name, RICH.name]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("API_CONTRACTS", "DATABASE_URL", "BETTER_AUTH_SECRET", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("listed", "problems"),
    [
        *(
            (f"{one},{other}", [SHARED])
            for one in OF_ONE_FAMILY
            for other in OF_ONE_FAMILY
            if one != other
        ),
        ("plain,accounts,rich", [SHARED]),
        ("envelope,plain,rich,accounts", [SHARED]),
        ("", [NONE]),
        (",", [NONE]),
        ("graphql", [UNKNOWN]),
        ("envelope,graphql", [UNKNOWN]),
        ("Envelope", [UNKNOWN]),
        ("accounts,accounts", ["wants each name once"]),
        ("rich,plain,plain,soap", [UNKNOWN, "wants each name once", SHARED]),
    ],
)
def test_what_cannot_be_served_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, listed: str, problems: list[str]
) -> None:
    """Two of one family, a stranger, nothing and a repetition: a line each, naming the variable."""
    monkeypatch.setenv("API_CONTRACTS", listed)

    with pytest.raises(SettingsError) as caught:
        settings_from_environment()

    assert caught.value.problems == tuple(f"API_CONTRACTS {problem}" for problem in problems)


@pytest.mark.parametrize("first", [*OF_ONE_FAMILY, None])
@pytest.mark.parametrize("is_last", [True, False])
def test_accounts_go_with_any_of_the_others(
    monkeypatch: pytest.MonkeyPatch, first: str | None, *, is_last: bool
) -> None:
    """In either order, or alone: who comes first answers where no route is."""
    listed = (first, ACCOUNTS.name) if first else (ACCOUNTS.name,)
    expected = listed if is_last else listed[::-1]
    monkeypatch.setenv("API_CONTRACTS", ", ".join(expected))

    assert settings_from_environment().api_contracts == expected


def test_the_default_can_be_served() -> None:
    """Whoever sets nothing gets both ways to sign in."""
    assert settings_from_environment().api_contracts == DEFAULT_CONTRACTS
    assert set(DEFAULT_CONTRACTS) <= set(CONTRACTS)


def test_the_command_says_so_and_ends(tmp_path: Path) -> None:
    """One line, and the status of a wrong configuration, before a database is looked for."""
    env = command.environment(tmp_path / "data", API_CONTRACTS="plain,rich")

    ended = command.run("serve", env=env)

    assert ended.status == 2
    assert ended.complaint == f"API_CONTRACTS {SHARED}"
    assert not (tmp_path / "data").exists()
