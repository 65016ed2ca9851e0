"""Database addresses: every spelling, libpq's parameters, and errors that show no value."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.database.url import ConnectArgs, DatabaseUrlError, parse

CANARY = "canary51c7"


@pytest.mark.parametrize(
    "scheme",
    [
        "postgres",
        "postgresql",
        "postgresql+psycopg",
        "postgresql+psycopg2",
        "postgresql+asyncpg",
        "PostgreSQL",
    ],
)
def test_every_spelling_of_the_scheme_means_the_same(scheme: str) -> None:
    """An address copied from any Python or Node project works."""
    found = parse(f"{scheme}://ada:pw@db.example:6432/todo")

    assert found == ConnectArgs(
        hosts=("db.example",),
        ports=(6432,),
        user="ada",
        password="pw",
        database="todo",
        ssl="prefer",
        server_settings={},
        target_session_attrs="any",
        connect_timeout_seconds=None,
    )


@pytest.mark.parametrize(
    ("url", "hosts", "ports"),
    [
        ("postgresql://", (), ()),
        ("postgresql:///todo", (), ()),
        ("postgresql://ada@/todo", (), ()),
        ("postgresql://:6000/todo", (), (6000,)),
        ("postgresql://h", ("h",), (5432,)),
        ("postgresql://h:/todo", ("h",), (5432,)),
        ("postgresql://127.0.0.1:1", ("127.0.0.1",), (1,)),
        ("postgresql://[::1]/todo", ("::1",), (5432,)),
        ("postgresql://[fe80::1%25eth0]:65535", ("fe80::1%eth0",), (65535,)),
        ("postgresql://a:1,b,[::1]:3/todo", ("a", "b", "::1"), (1, 5432, 3)),
        ("postgresql:///todo?host=a,b&port=1,2", ("a", "b"), (1, 2)),
        ("postgresql:///todo?host=a,b&port=7", ("a", "b"), (7, 7)),
        ("postgresql:///todo?host=::1", ("::1",), (5432,)),
        ("postgresql:///todo?host=[::1]", ("::1",), (5432,)),
        ("postgresql://u:pw@/todo?host=/run/postgresql", ("/run/postgresql",), (5432,)),
        ("postgresql://u:pw@/todo?host=/cloudsql/a:b:c", ("/cloudsql/a:b:c",), (5432,)),
        ("postgresql://u:pw@%2Frun%2Fpg/todo", ("/run/pg",), (5432,)),
        ("postgresql://h:6000/todo?host=/run", ("/run",), (6000,)),
        ("postgresql://h:6000/todo?port=7000", ("h",), (7000,)),
    ],
)
def test_hosts_and_ports(url: str, hosts: tuple[str, ...], ports: tuple[int, ...]) -> None:
    """One host, several, an IPv6 address, a socket folder or none, each with its port."""
    found = parse(url)

    assert (found.hosts, found.ports) == (hosts, ports)


@pytest.mark.parametrize(
    ("url", "user", "password", "database"),
    [
        ("postgresql://h", None, None, None),
        ("postgresql://ada@h/", "ada", None, None),
        ("postgresql://ada:@h", "ada", None, None),
        ("postgresql://:pw@h", None, "pw", None),
        ("postgresql://a%40b:p%3Aw%2F%3F%23%25@h/d%20b", "a@b", "p:w/?#%", "d b"),
        ("postgresql://ada:p:w+x@h/a+b", "ada", "p:w+x", "a+b"),
        ("postgresql://ädä:pẅ@h/dé", "ädä", "pẅ", "dé"),
        ("postgresql://ada:pw@h/db?user=eve&password=q%26&dbname=x", "eve", "q&", "x"),
    ],
)
def test_credentials_and_database(
    url: str, user: str | None, password: str | None, database: str | None
) -> None:
    """Each part is percent-decoded once, and + is a plus."""
    found = parse(url)

    assert (found.user, found.password, found.database) == (user, password, database)


@given(
    user=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    password=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    database=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_any_credentials_survive_percent_encoding(user: str, password: str, database: str) -> None:
    """What is encoded as RFC 3986 says comes back as it was."""
    parts = [quote(text, safe="") for text in (user, password, database)]
    found = parse("postgresql://{}:{}@h:1/{}".format(*parts))

    assert (found.user, found.password, found.database) == (user, password, database)
    assert (found.hosts, found.ports) == (("h",), (1,))


@given(
    head=st.text(st.characters(codec="utf-8"), max_size=6),
    separator=st.sampled_from("@/?#&=%:+ \t\n[],"),
    tail=st.text(st.characters(codec="utf-8"), max_size=6),
)
def test_a_password_without_percent_encoding_never_shows(
    head: str, separator: str, tail: str
) -> None:
    """A raw password is read or refused; no error, banner or repr holds a piece of it."""
    password = f"{head}{CANARY}{separator}{CANARY}{tail}"
    try:
        found = parse(f"postgresql://ada:{password}@h:1/db?sslmode=disable")
        shown = found.redacted + repr(found)
    except DatabaseUrlError as error:
        shown = str(error)

    assert CANARY not in shown


@pytest.mark.parametrize(
    "url",
    [
        f"{CANARY}://{CANARY}",
        f"postgresql:{CANARY}",
        f"{CANARY}",
        f" postgresql://u:{CANARY}@h",
        f"postgresql://u:{CANARY}\n@h",
        f"postgresql://u:{CANARY}\ud800@h",
        f"postgresql://u:{CANARY}%@h",
        f"postgresql://u:{CANARY}%zz@h",
        f"postgresql://u:{CANARY}%ff@h",
        f"postgresql://u:{CANARY}%00@h",
        f"postgresql://u:{CANARY}@{CANARY}@h",
        f"postgresql://u:1/{CANARY}@h",
        f"postgresql://u:1?{CANARY}@h",
        f"postgresql://u:1?{CANARY}=1@h",
        f"postgresql://u:1#{CANARY}@h",
        f"postgresql://h:{CANARY}/db",
        f"postgresql://h:0/{CANARY}",
        f"postgresql://h:65536/{CANARY}",
        f"postgresql://h:٣/{CANARY}",
        f"postgresql://[{CANARY}/db",
        f"postgresql://{CANARY}]:1/db",
        f"postgresql://::1/{CANARY}",
        f"postgresql://{CANARY},,h/db",
        f"postgresql://{CANARY}%20x/db",
        f"postgresql:///db?host={CANARY},b&port=1,2,3",
        f"postgresql://h?{CANARY}",
        f"postgresql://h?password=a&{CANARY}=b",
        f"postgresql://h?password=a&{CANARY}",
        f"postgresql://h?password={CANARY}&password={CANARY}",
        f"postgresql://h?sslmode={CANARY}",
        f"postgresql://h?sslmode=require&ssl={CANARY}",
        f"postgresql://h?connect_timeout={CANARY}",
        f"postgresql://h?target_session_attrs={CANARY}",
        f"postgresql://h?channel_binding={CANARY}",
        f"postgresql://h?gssencmode={CANARY}",
        f"postgresql://h?application_name={CANARY}%",
        f"postgresql://h?sslmode=verify-full&sslrootcert=/{CANARY}",
        f"postgresql://h?sslmode=require&sslcert=/{CANARY}",
        f"postgresql://h?sslmode=require&sslkey=/{CANARY}",
        f"postgresql://h?sslcert=/{CANARY}",
        f"postgresql://h?sslmode=prefer&sslrootcert=/{CANARY}",
    ],
)
def test_what_is_refused_is_refused_without_showing_it(url: str) -> None:
    """Every refusal is a sentence about parts and parameters, without what stands in them."""
    with pytest.raises(DatabaseUrlError) as caught:
        parse(url)

    assert CANARY not in str(caught.value)
    assert len(str(caught.value).split()) >= 3


@pytest.mark.parametrize("name", ["sslmod", "pgbouncer", "keepalives", "statement_cache_size"])
def test_an_unknown_parameter_is_named(name: str) -> None:
    """A parameter that would be ignored is an error that says which."""
    with pytest.raises(DatabaseUrlError) as caught:
        parse(f"postgresql://u:pw@h/db?sslmode=require&{name}={CANARY}")

    assert name in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["S3cr3tPW", "SSLMODE", "secret1", "se.cret", "é", "x" * 41])
def test_what_may_be_a_piece_of_a_password_is_not_named(name: str) -> None:
    """A password with & and = in it ends where a name is expected; its place is told."""
    with pytest.raises(DatabaseUrlError) as caught:
        parse(f"postgresql://u@h/db?sslmode=require&{name}={CANARY}")

    assert str(caught.value) == "parameter 2 is not supported"


@pytest.mark.parametrize(("seconds", "expected"), [("10", 10), ("0", None), ("-1", None), ("1", 1)])
def test_connect_timeout(seconds: str, expected: int | None) -> None:
    """As in libpq, nothing above zero means no limit."""
    found = parse(f"postgresql://h?connect_timeout={seconds}")

    assert found.connect_timeout_seconds == expected
    assert found.kwargs().get("timeout") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://ada:pw@db.example/todo?sslmode=disable", "db.example:5432/todo"),
        ("postgresql://ada:pw@a:1,[::1]:2/todo", "a:1,[::1]:2/todo"),
        ("postgresql://ada:pw@/todo?host=/run/pg", "/run/pg:5432/todo"),
        ("postgresql://ada:pw@%2Frun%3A%1B%5B2J/to%0Ado", "/run%3A%1B%5B2J:5432/to%0Ado"),
        ("postgresql:///todo", "local default/todo"),
        ("postgresql://h", "h:5432"),
    ],
)
def test_the_banner_shows_the_place_alone(url: str, expected: str) -> None:
    """Hosts, ports and database are shown, without credentials or what a terminal obeys."""
    assert parse(url).redacted == expected
