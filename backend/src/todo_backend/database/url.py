"""A database address, as people write it, turned into what asyncpg wants to be called with.

The rules are those of libpq (PostgreSQL documentation, section 34.1.1.2). No parser at hand keeps
them: `urlsplit` deletes tabs and line ends, SQLAlchemy's `make_url` knows one host only and reads
`+` as a blank, and asyncpg's own sends a parameter that it does not know to the server.
"""

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

DEFAULT_PORT: Final = 5432

Tls = ssl.SSLContext | Literal["allow", "prefer", False]

_SCHEMES: Final = frozenset({"postgres", "postgresql"}) | {
    f"postgresql+{driver}" for driver in ("asyncpg", "psycopg", "psycopg2")
}
_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": (
        "any",
        "primary",
        "standby",
        "prefer-standby",
        "read-write",
        "read-only",
    ),
}
_TEXTS: Final = frozenset(
    {
        "application_name",
        "connect_timeout",
        "dbname",
        "host",
        "options",
        "password",
        "port",
        "sslcert",
        "sslkey",
        "sslrootcert",
        "user",
    }
)
# SQLAlchemy's asyncpg dialect spells `sslmode` as `ssl`, and libpq reads JDBC's `ssl=true`.
_SSL_ALIAS: Final = {"true": "require", "false": "disable"}

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?:/(?P<path>[^?]*))?"
    r"(?:\?(?P<query>.*))?"
)
_HOST_SPEC: Final = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>.*))?")
_HOST: Final = re.compile(r"/[^\x00]*|[\w.:%-]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_SECONDS: Final = re.compile(r"-?[0-9]{1,9}")
# What parameters are called: one in other letters is as likely to be a piece of a password.
_NAME: Final = re.compile(r"[a-z_]{1,40}")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNWRITABLE: Final = re.compile(r"[\x00-\x20\x7f\ud800-\udfff]")


class DatabaseUrlError(ValueError):
    """The address cannot be used. The sentence names parts and parameters, never their values."""


@dataclass(frozen=True, slots=True)
class ConnectArgs:
    """What `asyncpg.connect` is called with.

    `hosts` is empty where the address names none: then asyncpg tries the usual socket folders and
    localhost. A host that starts with `/` is a socket folder. `ports` has one entry for each host.
    `ssl` is a context where TLS is a must. `connect_timeout_seconds` is None where the address
    sets no limit.
    """

    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    ssl: Tls
    server_settings: Mapping[str, str] = field(repr=False)
    target_session_attrs: str
    connect_timeout_seconds: int | None

    def kwargs(self) -> dict[str, Any]:
        """Return fresh keyword arguments for `asyncpg.connect`."""
        found: dict[str, Any] = {
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "ssl": self.ssl,
            "server_settings": dict(self.server_settings),
            "target_session_attrs": self.target_session_attrs,
        }
        if self.hosts:
            found["host"] = list(self.hosts)
        if self.ports:
            found["port"] = list(self.ports)
        if self.connect_timeout_seconds is not None:
            found["timeout"] = self.connect_timeout_seconds
        return found

    @property
    def redacted(self) -> str:
        """Where it leads, fit for a terminal: hosts, ports and database, without credentials."""
        # Quoted, because an escape in the address can hold what a terminal obeys.
        places = [
            f"{f'[{host}]' if ':' in host and host[0] != '/' else quote(host)}:{port}"
            for host, port in zip(self.hosts, self.ports, strict=False)
        ]
        where = ",".join(places) or "local default"
        return f"{where}/{quote(self.database)}" if self.database else where


def parse(url: str) -> ConnectArgs:
    """Read a database address with libpq's parameters.

    Certificate files that it names are loaded here. asyncpg has no SCRAM-SHA-256-PLUS
    (asyncpg/protocol/scram.pyx), so `channel_binding=require` verifies the server's certificate
    in full instead, which keeps the same stranger out of the middle.
    Raises: DatabaseUrlError.
    """
    parts = _split(url)
    userinfo, _, hostlist = parts["authority"].rpartition("@")
    user, _, password = userinfo.partition(":")
    params = _parameters(parts["query"] or "")
    hosts, ports = _addresses(hostlist, params)
    return ConnectArgs(
        hosts=hosts,
        ports=ports,
        user=params.get("user") or _decode(user, "the user name") or None,
        password=params.get("password") or _decode(password, "the password") or None,
        database=params.get("dbname") or _decode(parts["path"] or "", "the database name") or None,
        ssl=_tls(params, hosts),
        server_settings={
            name: params[name] for name in ("application_name", "options") if params.get(name)
        },
        target_session_attrs=params.get("target_session_attrs", "any"),
        connect_timeout_seconds=_seconds(params.get("connect_timeout", "0")),
    )


def _split(url: str) -> re.Match[str]:
    if _UNWRITABLE.search(url):
        raise DatabaseUrlError("it holds white space or a control character; percent-encode it")
    found = _URL.fullmatch(url)
    if found is None or found["scheme"].lower() not in _SCHEMES:
        raise DatabaseUrlError("it must start with postgresql:// or postgres://")
    # libpq cuts at the first @, others at the last; and where a password holds / or ?, its rest
    # would pass for a database or parameter name and be shown.
    if "#" in url or url.count("@") > 1 or "@" in (found["path"] or "") + (found["query"] or ""):
        raise DatabaseUrlError(
            "a user name, password or parameter holds @, /, ? or # as it is; "
            "write %40, %2F, %3F or %23"
        )
    return found


def _decode(text: str, part: str) -> str:
    if _STRAY_PERCENT.search(text):
        raise DatabaseUrlError(f"{part} holds a % that starts no escape; write %25")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise DatabaseUrlError(f"{part} is not UTF-8 behind its percent-encoding") from None
    if "\0" in decoded:
        raise DatabaseUrlError(f"{part} holds a zero byte")
    return decoded


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for position, piece in enumerate(query.split("&") if query else (), start=1):
        raw_name, separator, raw_value = piece.partition("=")
        # A password with an unescaped & leaves its second half where a name is expected.
        is_name = _NAME.fullmatch(raw_name) and separator and "password" not in query
        label = f"the parameter {raw_name}" if is_name else f"parameter {position}"
        name = "sslmode" if raw_name == "ssl" else raw_name
        if name not in _CHOICES and name not in _TEXTS:
            raise DatabaseUrlError(f"{label} is not supported")
        if not separator:
            raise DatabaseUrlError(f"{label} has no value")
        if name in found:
            raise DatabaseUrlError(f"{label} is given twice")
        value = _decode(raw_value, label)
        value = _SSL_ALIAS.get(value, value) if raw_name == "ssl" else value
        if name in _CHOICES and value not in _CHOICES[name]:
            raise DatabaseUrlError(f"{label} must be one of {', '.join(_CHOICES[name])}")
        found[name] = value
    return found


def _addresses(hostlist: str, params: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    specs = [_host_spec(spec) for spec in hostlist.split(",")] if hostlist else []
    hosts = [host for host, _ in specs]
    ports = [port for _, port in specs]
    if params.get("host"):
        hosts = [host.removeprefix("[").removesuffix("]") for host in params["host"].split(",")]
    elif len(hosts) == 1 and not hosts[0]:
        hosts = []
    if params.get("port"):
        ports = [_port(port) for port in params["port"].split(",")]
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise DatabaseUrlError("a host must be a name, an IP address or the path of a folder")
    if hosts and len(ports) <= 1:
        ports = (ports or [DEFAULT_PORT]) * len(hosts)
    if hosts and len(ports) != len(hosts):
        raise DatabaseUrlError("it names another number of ports than of hosts")
    return tuple(hosts), tuple(ports)


def _host_spec(spec: str) -> tuple[str, int]:
    found = _HOST_SPEC.fullmatch(spec)
    if found is None:
        raise DatabaseUrlError("a host cannot be read; an IPv6 address stands in brackets")
    host = _decode(found["v6"] or found["name"] or "", "a host")
    return host, _port(_decode(found["port"], "a port") if found["port"] else str(DEFAULT_PORT))


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - the last TCP port
        raise DatabaseUrlError("a port must be a number from 1 to 65535")
    return int(text)


def _seconds(text: str) -> int | None:
    if not _SECONDS.fullmatch(text):
        raise DatabaseUrlError("the parameter connect_timeout must be a whole number of seconds")
    return max(int(text), 0) or None


def _tls(params: Mapping[str, str], hosts: Sequence[str]) -> Tls:
    mode = params.get("sslmode")
    sockets = [host for host in hosts if host.startswith("/")]
    if params.get("channel_binding") == "require":
        if mode in {"disable", "allow", "prefer"}:
            raise DatabaseUrlError(f"channel_binding=require contradicts sslmode={mode}")
        if sockets or not hosts:
            raise DatabaseUrlError("channel_binding=require needs a host that is reached by TCP")
        mode = "verify-full"
    elif hosts and len(sockets) == len(hosts):
        return False
    if params.get("sslrootcert") == "system":
        # As in libpq: everybody can have a certificate that the system trusts, for another name.
        if mode not in {None, "verify-full"}:
            raise DatabaseUrlError("sslrootcert=system needs sslmode=verify-full")
        mode = "verify-full"
    if mode == "disable":
        return False
    mode = mode or "prefer"
    if mode in {"allow", "prefer"}:
        if files := [name for name in ("sslrootcert", "sslcert", "sslkey") if params.get(name)]:
            raise DatabaseUrlError(f"{files[0]} needs sslmode=require, verify-ca or verify-full")
        return "allow" if mode == "allow" else "prefer"
    return _context(mode, params)


def _context(mode: str, params: Mapping[str, str]) -> ssl.SSLContext:
    root, certificate, key = (params.get(name) for name in ("sslrootcert", "sslcert", "sslkey"))
    # Not create_default_context: from Python 3.13 on that one refuses private authorities which
    # libpq accepts (VERIFY_X509_STRICT).
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    if root and root != "system":
        try:
            context.load_verify_locations(cafile=root)
        except OSError:
            raise DatabaseUrlError("sslrootcert must be a readable file of certificates") from None
    elif mode == "verify-full":
        context.load_default_certs()
    elif mode == "verify-ca":
        raise DatabaseUrlError("sslmode=verify-ca needs sslrootcert; or use sslmode=verify-full")
    else:
        context.verify_mode = ssl.CERT_NONE
    _load_client_certificate(context, certificate, key)
    return context


def _load_client_certificate(
    context: ssl.SSLContext, certificate: str | None, key: str | None
) -> None:
    if key and not certificate:
        raise DatabaseUrlError("sslkey needs sslcert")
    if not certificate:
        return
    try:
        # An empty password, or OpenSSL would ask the terminal for the one of a locked key.
        context.load_cert_chain(certificate, key or None, password="")
    except OSError:
        raise DatabaseUrlError("sslcert and sslkey must be readable and unlocked") from None
