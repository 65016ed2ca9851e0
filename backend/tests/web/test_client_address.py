"""Which address a request counts as: the peer's, or what our own proxies have seen."""

import pytest

from todo_backend.web.client_address import (
    ClientAddress,
    client_address_behind,
    subscriber,
    trusted_network,
)

PROXIES = ("10.0.0.0/8", "192.0.2.7", "2001:db8:ffff::/48", "unix")


def behind(*proxies: str) -> ClientAddress:
    return client_address_behind([p if p == "unix" else trusted_network(p) for p in proxies])


def address(
    of: ClientAddress, peer: str | None, *headers: tuple[str, str], port: int = 1234
) -> str | None:
    client = None if peer is None else (peer, port)
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return of({"type": "http", "client": client, "headers": raw})


def forwarded(*values: str) -> list[tuple[str, str]]:
    return [("X-Forwarded-For", value) for value in values]


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP"]
)
@pytest.mark.parametrize("proxies", [(), PROXIES], ids=["no proxies", "others' proxies"])
def test_au_30_header_of_an_untrusted_peer_counts_for_nothing(
    proxies: tuple[str, ...], header: str
) -> None:
    """Anybody can write a header: who is no proxy of ours is who it connects as."""
    found = address(behind(*proxies), "198.51.100.4", (header, "203.0.113.9"))

    assert found == "198.51.100.4"


@pytest.mark.parametrize("header", ["X-Real-IP", "Forwarded", "CF-Connecting-IP"])
def test_au_30_trusted_proxy_speaks_by_one_header_alone(header: str) -> None:
    """What a proxy doesn't set, it passes on from the client."""
    assert address(behind(*PROXIES), "10.0.0.1", (header, "203.0.113.9")) == "10.0.0.1"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(["203.0.113.9"], "203.0.113.9", id="one hop"),
        pytest.param(["1.1.1.1, 203.0.113.9"], "203.0.113.9", id="AU-31 spoofed on the left"),
        pytest.param(["1.1.1.1", "203.0.113.9"], "203.0.113.9", id="AU-31 spoofed in a header"),
        pytest.param(["203.0.113.9, 10.0.0.2"], "203.0.113.9", id="two proxies"),
        pytest.param(["1.1.1.1, 203.0.113.9,10.9.9.9 , 192.0.2.7"], "203.0.113.9", id="blanks"),
        pytest.param(["10.0.0.3, 10.0.0.2"], "10.0.0.3", id="all of them ours"),
        pytest.param([], "10.0.0.1", id="no header"),
        pytest.param([""], "10.0.0.1", id="empty"),
        pytest.param(["203.0.113.9, unknown"], "10.0.0.1", id="malformed on the right"),
        pytest.param(["203.0.113.9, x, 10.0.0.2"], "10.0.0.2", id="malformed in the middle"),
        pytest.param(["203.0.113.9,, 10.0.0.2"], "203.0.113.9", id="nothing in the middle"),
        pytest.param(["203.0.113.9,"], "203.0.113.9", id="nothing on the right"),
        pytest.param(["203.0.113.9", " , \t"], "203.0.113.9", id="nothing in a header"),
        pytest.param(["203.0.113.9, x,, 10.0.0.2"], "10.0.0.2", id="nothing beside malformed"),
        pytest.param(["203.0.113.9" + "," * 3_000], "10.0.0.1", id="nothing, very often"),
        pytest.param(["203.0.113.9:8080"], "203.0.113.9", id="with a port"),
        pytest.param(["[2001:db8::9]:8080"], "2001:db8::9", id="IPv6 with a port"),
        pytest.param(["[2001:db8::9]"], "2001:db8::9", id="IPv6 in brackets"),
        pytest.param(["2001:DB8:0::9"], "2001:db8::9", id="IPv6 spelled otherwise"),
        pytest.param(["2001:db8:ffff::1, 2001:db8::9"], "2001:db8::9", id="an IPv6 hop"),
        pytest.param(["2001:db8::9, 2001:db8:ffff::1"], "2001:db8::9", id="an IPv6 proxy"),
        pytest.param(["::ffff:203.0.113.9"], "203.0.113.9", id="IPv4 as IPv6"),
        pytest.param(["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9", id="a proxy as IPv6"),
        pytest.param(["203.0.113.9:port"], "10.0.0.1", id="a port that is none"),
        pytest.param(["[203.0.113.9]"], "10.0.0.1", id="IPv4 in brackets"),
        pytest.param(["203.0.113.09"], "10.0.0.1", id="octal"),
        pytest.param(["3405803785"], "10.0.0.1", id="a number"),
        pytest.param(["203.0.113.9\xa0"], "10.0.0.1", id="not ASCII"),
        pytest.param(["9" * 30_000], "10.0.0.1", id="very long"),
        pytest.param(["1.1.1.1," + "10.0.0.2," * 3_000 + "10.0.0.3"], "10.0.0.2", id="very many"),
    ],
)
def test_right_most_address_that_is_not_ours_counts(values: list[str], expected: str) -> None:
    """Each of our proxies adds whom it has seen, so what it was told stands left of that."""
    assert address(behind(*PROXIES), "10.0.0.1", *forwarded(*values)) == expected


def test_peer_as_mapped_ipv6_is_its_ipv4_address() -> None:
    """A socket for both families shows IPv4 peers like that."""
    assert address(behind(), "::ffff:198.51.100.4") == "198.51.100.4"
    assert address(behind("10.0.0.0/8"), "::ffff:10.0.0.1", *forwarded("1.1.1.1")) == "1.1.1.1"
    assert address(behind("::ffff:10.0.0.0/104"), "10.0.0.1", *forwarded("1.1.1.1")) == "1.1.1.1"


@pytest.mark.parametrize("peer", [None, ""])
def test_peer_by_unix_socket_is_trusted_where_that_is_said(peer: str | None) -> None:
    """It has no address, and nobody but a program on this machine connects like that."""
    assert address(behind("unix"), peer, *forwarded("203.0.113.9")) == "203.0.113.9"
    assert address(behind("unix"), peer) is None
    assert address(behind("10.0.0.0/8"), peer, *forwarded("203.0.113.9")) is None


def test_peer_without_an_ip_address_is_who_it_says() -> None:
    """Other servers, and test clients, call their peers as they like."""
    assert address(behind(*PROXIES), "testclient", *forwarded("1.1.1.1")) == "testclient"
    assert subscriber("testclient") == "testclient"


@pytest.mark.parametrize("other", ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"])
def test_au_32_addresses_of_one_64_are_one_client(other: str) -> None:
    """A subscriber has 2^64 of them."""
    assert subscriber(other) == subscriber("2001:db8:1:2::")
    assert subscriber(other) != subscriber("2001:db8:1:3::")


def test_au_32_ipv4_through_a_translator_is_many_clients() -> None:
    """All of IPv4 is within one /64 there; nobody becomes a proxy of ours by that."""
    assert subscriber("64:ff9b::198.51.100.4") == subscriber("198.51.100.4")
    assert subscriber("64:ff9b::198.51.100.5") != subscriber("198.51.100.4")
    assert subscriber("64:ff9b:1::198.51.100.4") == subscriber("64:ff9b:1::1")
    peer = "64:ff9b::a00:1"
    assert address(behind("10.0.0.0/8"), peer, *forwarded("1.1.1.1")) == peer


def test_ipv4_addresses_are_clients_of_their_own() -> None:
    """Their neighbours are other people."""
    assert subscriber("198.51.100.4") != subscriber("198.51.100.5")
    assert subscriber(None) == subscriber(None)


@pytest.mark.parametrize("text", ["", "proxy.example", "10.0.0.0/33", "10.0.0.1/8", "0.0.0.0/0"])
def test_what_is_no_network_is_refused(text: str) -> None:
    """Neither is everybody: then clients would say who they are."""
    with pytest.raises(ValueError, match=r".*"):
        trusted_network(text)
