"""HOST and PORT: every address of a name, one port for all of them, and whose it is."""

import socket

import pytest

from todo_backend.listening import PortError, address_of, is_everywhere, listening
from todo_backend.settings import SettingsError


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "address", "client"),
    [
        ("127.0.0.1", "http://127.0.0.1:{}", "127.0.0.1"),
        ("localhost", "http://localhost:{}", "localhost"),
        ("0.0.0.0", "http://127.0.0.1:{}", "127.0.0.1"),  # noqa: S104 - on a port of its own
        pytest.param("::1", "http://[::1]:{}", "::1", marks=needs_ipv6),
        pytest.param("::", "http://[::1]:{}", "::1", marks=needs_ipv6),
    ],
)
def test_address_shown_is_one_to_connect_to(host: str, address: str, client: str) -> None:
    """Port 0 is shown as the port it became, and nobody can connect to `everywhere`."""
    with listening(host, 0) as sockets:
        port = sockets[0].getsockname()[1]

        assert port != 0
        assert {each.getsockname()[1] for each in sockets} == {port}
        assert address_of(host, sockets) == address.format(port)
        assert is_everywhere(host) == (host not in {client, "localhost"})
        socket.create_connection((client, port)).close()


def test_port_of_somebody_who_does_not_listen_yet() -> None:
    """Two starts at the same moment: the second is told before it has started anything."""
    with listening("127.0.0.1", 0) as sockets:
        port = sockets[0].getsockname()[1]

        with pytest.raises(PortError, match=f"127.0.0.1:{port}, somebody else does"):
            listening("127.0.0.1", port).__enter__()


def test_port_is_free_again() -> None:
    """A server that has just ended leaves its connections to time out, and not its port."""
    with listening("127.0.0.1", 0) as sockets:
        port = sockets[0].getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        sockets[0].accept()[0].close()
    client.close()

    with listening("127.0.0.1", port) as again:
        assert again[0].getsockname()[1] == port


@pytest.mark.parametrize("host", ["canary51c7.invalid", "203.0.113.5", "999.1.1.1"])
def test_host_that_is_not_here(host: str) -> None:
    """A wrong HOST is a problem of the configuration, told without its value."""
    with pytest.raises(SettingsError) as caught:
        listening(host, 0).__enter__()

    assert caught.value.problems == ("HOST wants an address of this machine, or a name of one",)
