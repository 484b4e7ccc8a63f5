"""Reads the address of a database, and says each driver what it understands of it. Never shows a password.

The same file is in the port and in `legacy_bridge`, which share no code: the one must run without the
other. `tests/test_addresses.py` keeps the two alike.
"""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

_EXAMPLES = "write sqlite:////path/to/file.db or postgresql://user:password@host:5432/name"
_BACKENDS = {
    "sqlite": SQLITE,
    "sqlite+pysqlite": SQLITE,
    "sqlite+aiosqlite": SQLITE,
    "postgres": POSTGRESQL,
    "postgresql": POSTGRESQL,
    "postgresql+psycopg2": POSTGRESQL,
    "postgresql+psycopg": POSTGRESQL,
    "postgresql+asyncpg": POSTGRESQL,
}
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_TLS = (*_FILES, "sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version")
_WITHOUT_EFFECT = {
    # What libpq does anyway, or asyncpg never does.
    "channel_binding": ("prefer", "disable"),
    "gssencmode": ("prefer", "disable"),
    "client_encoding": ("utf8", "utf-8", "auto"),
    "sslcompression": ("0",),
}
_OWN = ("pgbouncer", "prepared_statement_cache_size")
"""Not libpq's: no other driver may see them."""
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class AddressError(ValueError):
    """The address can't be used. The text goes on after "the address" and says what to write instead."""


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address. `name` is a SQLite file, or a database of PostgreSQL."""

    backend: str
    name: str | None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    hosts: tuple[tuple[str, int | None], ...] = ()
    """In the order in which they are tried, with their ports."""
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What libpq calls them."""
    pgbouncer: bool = False
    """`pgbouncer=true`: a connection may reach another server with each transaction."""

    @property
    def file(self) -> str:
        """Of SQLite: the name without what is said about how to open it."""
        return (self.name or "").partition("?")[0]

    def display(self) -> str:
        """For messages: without any password."""
        if self.backend == SQLITE:
            return f"sqlite:///{self.name or ''}"
        shown = {k: v for k, v in self.parameters.items() if k != "sslpassword"}
        secret = "" if self.password is None else ":***"
        user = "" if self.user is None else f"{_quoted(self.user)}{secret}@"
        query = f"?{urlencode(shown, safe='/:,')}" if shown else ""
        return f"postgresql://{user}{_host_list(self.hosts)}/{self.name or ''}{query}"


def read(text: str) -> Address:
    """The parts of an address as SQLAlchemy, libpq or a cloud's console writes it. Raises AddressError.

    A password may hold `@`, `:` and `/` as they are; `?` has to be written `%3F`.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        raise AddressError(f"can't be read: {_EXAMPLES}")
    backend = _BACKENDS.get(scheme.lower())
    if backend is None:
        raise AddressError(
            f"starts with '{scheme}://', which is not supported: use sqlite:// or postgresql://"
        )
    if backend == SQLITE:
        return _read_sqlite(rest)
    head, _, query = rest.partition("?")
    credentials, at, place = head.rpartition("@")
    user, colon, password = credentials.partition(":")
    hosts, _, name = place.partition("/")
    parameters = _parameters(query)
    listed = parameters.pop("host", "") or unquote(hosts)
    ports = parameters.pop("port", "")
    return Address(
        POSTGRESQL,
        parameters.pop("dbname", "") or unquote(name) or None,
        parameters.pop("user", "") or (unquote(user) if at else None),
        parameters.pop("password", "") or (unquote(password) if colon else None),
        tuple(_hosts(listed, ports)),
        parameters,
        _is_true(parameters.pop("pgbouncer", "false")),
    )


def _read_sqlite(rest: str) -> Address:
    try:
        url = make_url(f"sqlite://{rest}")
    except (ArgumentError, ValueError) as error:
        raise AddressError(f"can't be read: {_EXAMPLES}") from error
    if url.host:
        raise AddressError(f"names a host, which SQLite has not: {_EXAMPLES}")
    name = url.database
    if url.query:
        name = f"{name}?{urlencode(url.query, doseq=True, safe='/:')}"
    return Address(SQLITE, name)


def _parameters(query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        # SQLAlchemy repeats `host`, libpq has one with commas.
        repeated = name in parameters and name in ("host", "port")
        parameters[name] = f"{parameters[name]},{value}" if repeated else value
    if "ssl" in parameters:
        mode = parameters.pop("ssl")
        parameters.setdefault("sslmode", "require" if mode.lower() in _TRUE else mode)
    return parameters


def _hosts(listed: str, ports: str) -> Iterator[tuple[str, int | None]]:
    of_each = [_port(one) for one in ports.split(",")]
    hosts = listed.split(",") if listed else []
    if len(of_each) not in (1, len(hosts)) and hosts:
        raise AddressError(
            f"has {len(of_each)} ports for {len(hosts)} hosts: write one, or one for each"
        )
    for number, host in enumerate(hosts):
        name, port = host, of_each[number if len(of_each) > 1 else 0]
        if not host.startswith(("/", "@")):
            name, colon, own = host.rpartition(":")
            if not colon or host.endswith("]"):
                name, own = host, ""
            port = _port(own) or port
        yield name.strip("[]"), port
    if not hosts and of_each[0]:
        yield "localhost", of_each[0]


def _port(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        # Not shown: it may well be the rest of a password.
        raise AddressError(
            "has a port that is no number from 1 to 65535. If the password holds a '?', write it as %3F"
        )
    return int(text)


def _is_true(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise AddressError("has the parameter 'pgbouncer', which must be true or false")
    return text.lower() in _TRUE


def driver_arguments(address: Address) -> tuple[URL, dict[str, Any]]:
    """The address for aiosqlite or asyncpg, and what `connect_args` must hold. Raises AddressError."""
    if address.backend == SQLITE:
        return make_url(f"sqlite+aiosqlite:///{address.name or ''}"), {}
    arguments = _asyncpg_arguments(address)
    host, port = address.hosts[0] if len(address.hosts) == 1 else (None, None)
    if address.hosts and (host is None or host.startswith("/")):
        arguments["host"] = [name for name, _ in address.hosts]
        arguments["port"] = [number or 5432 for _, number in address.hosts]
        host = port = None
    query = {}
    if size := address.parameters.get("prepared_statement_cache_size"):
        query["prepared_statement_cache_size"] = size
    if address.pgbouncer:
        # Only a statement without a name, parsed anew with each use, is sure to be where it is executed.
        query["prepared_statement_cache_size"] = "0"
        arguments["statement_cache_size"] = 0
        arguments["prepared_statement_name_func"] = _no_name
    url = URL.create(
        "postgresql+asyncpg",
        address.user,
        address.password,
        host,
        port,
        address.name,
        query,
    )
    return url, arguments


def _no_name() -> str:
    return ""


def _asyncpg_arguments(address: Address) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    settings: dict[str, str] = {}
    tls: dict[str, str] = {}
    for name, value in address.parameters.items():
        if name == "connect_timeout":
            # libpq waits for ever when it is 0
            arguments["timeout"] = _seconds(value) or None
        elif name in ("application_name", "options"):
            settings[name] = value
        elif name == "fallback_application_name":
            settings.setdefault("application_name", value)
        elif name in ("target_session_attrs", "passfile", "krbsrvname"):
            arguments[name] = value
        elif name == "sslmode" or name in _TLS:
            tls[name] = value
        elif value.lower() not in _WITHOUT_EFFECT.get(name, ()) and name not in _OWN:
            raise AddressError(
                f"has the parameter '{name}' with a value that asyncpg, the driver of this program, can't "
                "be told: leave it out. It knows host, port, user, password, dbname, sslmode, "
                f"{', '.join(_TLS)}, connect_timeout, application_name, options, target_session_attrs, "
                "passfile and pgbouncer"
            )
    if settings:
        arguments["server_settings"] = settings
    return arguments | _tls_arguments(tls)


def _tls_arguments(tls: dict[str, str]) -> dict[str, Any]:
    if tls.get("sslrootcert") == "system":
        # asyncpg knows it not; in libpq it means that all is verified
        return {"ssl": ssl.create_default_context()}
    for name in _FILES:
        if name in tls and not Path(tls[name]).is_file():
            raise AddressError(f"has {name}={tls[name]}, which is no file that can be read here")
    if set(tls) <= {"sslmode"}:
        return {"ssl": tls["sslmode"]} if tls else {}
    # asyncpg makes its own of certificates, but only of those in an address
    return {"dsn": f"postgresql:///?{urlencode(tls)}"}


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        raise AddressError(
            "has the parameter 'connect_timeout', which must be a number of seconds"
        ) from None


def libpq_address(address: Address) -> str:
    """The same for SQLAlchemy with psycopg2, whatever its version, with its password."""
    if address.backend == SQLITE:
        return f"sqlite:///{address.name or ''}"
    parameters = {k: v for k, v in address.parameters.items() if k not in _OWN}
    place = ""
    if len(address.hosts) == 1 and not address.hosts[0][0].startswith("/"):
        place = _host_list(address.hosts)
    elif address.hosts:
        parameters["host"] = ",".join(name for name, _ in address.hosts)
        parameters["port"] = ",".join(str(number or 5432) for _, number in address.hosts)
    credentials = ""
    if address.user is not None:
        secret = "" if address.password is None else f":{_quoted(address.password)}"
        credentials = f"{_quoted(address.user)}{secret}@"
    query = f"?{urlencode(parameters, quote_via=quote, safe='/,')}" if parameters else ""
    return f"postgresql://{credentials}{place}/{_quoted(address.name or '')}{query}"


def _host_list(hosts: tuple[tuple[str, int | None], ...]) -> str:
    written = (f"[{name}]" if ":" in name else name for name, _ in hosts)
    return ",".join(
        name if port is None else f"{name}:{port}"
        for name, (_, port) in zip(written, hosts, strict=True)
    )


def _quoted(text: str) -> str:
    return quote(text, safe="")
