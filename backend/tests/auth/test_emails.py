"""E-mail addresses: which are valid, and which are one and the same (AU-02 to AU-09)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.auth import emails
from todo_backend.auth.emails import Address

KELVIN_SIGN, DOTLESS_I, LONG_S = "\u212a", "\u0131", "\u017f"
FULLWIDTH_A, FULLWIDTH_AT, FULLWIDTH_DOT = "\uff41", "\uff20", "\uff0e"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann@example.com", Address("ann@example.com", "ann@example.com")),
        ("Ann@X.Com", Address("Ann@X.Com", "ann@x.com")),
        (" \tann@example.com\t ", Address("ann@example.com", "ann@example.com")),
        ("ann+todo@example.com", Address("ann+todo@example.com", "ann+todo@example.com")),
        ("o'hara@sub.example.co", Address("o'hara@sub.example.co", "o'hara@sub.example.co")),
        ("ann@example.test", Address("ann@example.test", "ann@example.test")),
        ("ann@printer.local", Address("ann@printer.local", "ann@printer.local")),
        ("Ann@MÜNCHEN.de", Address("Ann@MÜNCHEN.de", "ann@xn--mnchen-3ya.de")),
    ],
)
def test_au_02_au_03_au_04_an_address_is_kept_as_typed(text: str, expected: Address) -> None:
    """Outer blanks go, case stays and doesn't count, a tag does."""
    assert emails.parse(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a@m\u00fcnchen.de", "a@xn--mnchen-3ya.de"),
        ("a@m\u00fcnchen.de", "a@mu\u0308nchen.de"),
        ("a@m\u00fcnchen.de", "A@XN--MNCHEN-3YA.DE"),
        ("a@b\u00fccher.example", "a@B\u00dcCHER.example"),
    ],
)
def test_au_07_an_international_domain_is_one_address(one: str, other: str) -> None:
    """Composed or not, in capitals or in its ASCII form, mail goes to the same place."""
    assert emails.parse(one).key == emails.parse(other).key


@pytest.mark.parametrize(
    "text",
    [
        f"{KELVIN_SIGN}ate@example.com",
        f"m{DOTLESS_I}ke@example.com",
        f"ro{LONG_S}e@example.com",
        f"{FULLWIDTH_A}nn@example.com",
        f"ann{FULLWIDTH_AT}example.com",
        f"ann@{KELVIN_SIGN}ate.com",
        f"ann@ro{LONG_S}e.com",
        f"ann@{FULLWIDTH_A}.com",
        f"ann@example{FULLWIDTH_DOT}com",
        "ann@example\u3002com",
        "ann@exam\u00adple.com",
        "ann@example.\u2102om",
        "caf\u00e9@example.com",
        "cafe\u0301@example.com",
        "\u0430nn@example.com",
        "ann\u200b@example.com",
    ],
)
def test_au_05_au_06_a_look_alike_is_no_address(text: str) -> None:
    """Nothing that only becomes somebody's address on the way gets there."""
    with pytest.raises(ValueError, match=emails.CONSTRAINT):
        emails.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ann",
        "@example.com",
        "ann@",
        "ann@localhost",
        "ann@com.",
        "ann@.com",
        "ann@exa..mple.com",
        ".ann@example.com",
        "ann@-example.com",
        "ann@example.c0m.1",
        "ann@192.0.2.1",
        "ann@[192.0.2.1]",
        "ann@[IPv6:2001:db8::1]",
        '"ann"@example.com',
        '"an n"@example.com',
        "ann(comment)@example.com",
        "ann@example.com(comment)",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        "ann@example.com, bob@example.com",
        "ann@example.com\0",
        "a\0nn@example.com",
        "ann@example.com\r\nBcc: bob@example.com",
        "ann@example.com\n",
        "an n@example.com",
        "ann@exam ple.com",
        "ann@@example.com",
        "ann@xn--a.com",
        "ann\ud800@example.com",
        "ann@\ud800.com",
    ],
)
def test_au_09_what_is_no_address_is_refused(text: str) -> None:
    """And the sentence says no more than the rule."""
    with pytest.raises(ValueError, match=r"\Amust be a valid e-mail address\Z"):
        emails.parse(text)


def test_au_08_the_longest_address_has_254_characters() -> None:
    """As many as fit into an envelope of SMTP, 64 of them before the @."""
    domain = f"{'a' * 61}.{'b' * 61}.{'c' * 61}.com"
    longest = f"{'d' * (254 - len(domain) - 1)}@{domain}"

    assert emails.parse(longest).typed == longest
    for too_long in (f"d{longest}", f"{'d' * 65}@example.com", "d" * 100_000 + "@example.com"):
        with pytest.raises(ValueError, match=emails.CONSTRAINT):
            emails.parse(too_long)


@given(st.text() | st.builds("{}@{}".format, st.text(max_size=9), st.text(max_size=9)))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """No text is more than the reader can take, and a key is ASCII and its own key."""
    try:
        found = emails.parse(text)
    except ValueError as refused:
        assert str(refused) == emails.CONSTRAINT  # noqa: PT017 - most texts are refused, and some are not
        return

    assert found.key.isascii()
    assert emails.parse(found.key).key == found.key
