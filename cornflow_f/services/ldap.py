"""The LDAP directory that knows the users. Source: the legacy's ``shared/authentication/ldap.py``.

`LDAP_USE_TLS`, `LDAP_PROTOCOL_VERSION` and `LDAP_GROUP_ATTRIBUTE` are read and used by nobody, as in
the legacy: TLS is asked for by the scheme of `LDAP_HOST` (``ldaps://``), the protocol is version 3, a
group is known by its `cn`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from ldap3 import NO_ATTRIBUTES, Connection, Server
from ldap3.core.exceptions import LDAPException
from ldap3.protocol.sasl.sasl import validate_simple_password
from ldap3.utils.conv import escape_filter_chars

from cornflow_f import shadowing
from cornflow_f.config import Settings
from cornflow_f.constants import Role
from cornflow_f.errors import CommunicationError, InvalidCredentials

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10
"""How long the directory may take; the legacy waits for ever."""

_THREADS = 8

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """What the directory says of a user who gave the right password."""

    email: str | None
    roles: tuple[int, ...]


class Directory:
    """Asks an LDAP server. ldap3 blocks, so it works in threads of its own: a slow directory holds up
    nothing but log-ins. `close` when the application stops."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ldap")
        if settings.ldap_use_tls.lower() in ("true", "1"):
            logger.warning(
                "LDAP_USE_TLS has no effect, as in the legacy: write ldaps:// in LDAP_HOST"
            )

    async def log_in(self, username: str, password: str) -> DirectoryEntry:
        """Raises InvalidCredentials, or CommunicationError when the directory does not do its part."""
        shadowing.require_world("the directory")
        return await self._in_thread(lambda: self._log_in(username, password))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except (LDAPException, OSError) as error:
            raise CommunicationError(
                "The LDAP server could not be reached or refused the request",
                log=f"LDAP server {self._settings.ldap_host}: {type(error).__name__}: {error}",
            ) from error

    def _log_in(self, username: str, password: str) -> DirectoryEntry:
        with self._bound() as connection:
            dn = self._find(connection, username)
            if dn is None or not self._is_password_of(dn, password):
                raise InvalidCredentials
            return DirectoryEntry(self._email(connection, dn), self._roles(connection, dn))

    @contextmanager
    def _bound(self) -> Iterator[Connection]:
        """A connection as the service that may search."""
        connection = Connection(
            self._server(),
            self._settings.ldap_bind_dn,
            self._settings.ldap_bind_password,
            auto_bind=True,
            receive_timeout=ANSWER_SECONDS,
        )
        try:
            yield connection
        finally:
            connection.unbind()

    def _server(self) -> Server:
        return Server(self._settings.ldap_host, connect_timeout=CONNECT_SECONDS)

    def _find(self, connection: Connection, username: str) -> str | None:
        settings = self._settings
        is_service_user = username == settings.cornflow_service_user
        base = settings.service_base if is_service_user else settings.ldap_user_base
        # Escaped: in the legacy `*` finds the first user, and `x)(cn=admin` rewrites the question.
        wanted = f"(&({settings.ldap_username_attribute}={_escaped(username)}))"
        # parity: of several entries the first counts (shared/authentication/ldap.py, get_dn_from_user)
        entries = _search(connection, base, wanted, NO_ATTRIBUTES)
        return str(entries[0]["dn"]) if entries else None

    def _is_password_of(self, dn: str, password: str) -> bool:
        """Asks by binding. An empty password would bind anonymously, which a directory may well allow:
        it is nobody's, and neither is one that is empty once it is prepared (RFC 4013)."""
        try:
            if not password or not validate_simple_password(password):
                return False
        except (LDAPException, ValueError):
            return False
        connection = Connection(
            self._server(), user=dn, password=password, receive_timeout=ANSWER_SECONDS
        )
        try:
            return bool(connection.bind())
        finally:
            connection.unbind()

    def _email(self, connection: Connection, dn: str) -> str | None:
        attribute = self._settings.ldap_email_attribute
        if not attribute:
            return None
        person = f"(objectclass={self._settings.ldap_user_object_class})"
        return _first(_search(connection, dn, person, attribute)[:1])

    def _roles(self, connection: Connection, dn: str) -> tuple[int, ...]:
        """The roles of the groups that the user is a member of."""
        settings = self._settings
        # parity: of two roles with one group the last counts (shared/authentication/ldap.py)
        role_of = {
            settings.ldap_group_to_role_viewer: Role.VIEWER,
            settings.ldap_group_to_role_planner: Role.PLANNER,
            settings.ldap_group_to_role_admin: Role.ADMIN,
            settings.ldap_group_to_role_service: Role.SERVICE,
        }
        # Escaped: in the legacy a user called `boss,ou=it` is taken for the `boss` of that unit.
        wanted = f"(&(objectClass={settings.ldap_group_object_class})(member={_escaped(dn)}))"
        groups = _search(connection, settings.ldap_group_base, wanted, "cn")
        names = {_first([entry]) for entry in groups}
        return tuple(role.value for name, role in role_of.items() if name in names)


def _escaped(value: str) -> str:
    """Text as a value in a filter, and nothing but a value."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidCredentials from None
    return str(escape_filter_chars(value))


def _search(connection: Connection, base: str, wanted: str, attribute: str) -> list[dict[str, Any]]:
    connection.search(base, wanted, attributes=[attribute])
    return [one for one in connection.response or () if one["type"] == "searchResEntry"]


def _first(entries: list[dict[str, Any]]) -> str | None:
    """The first value of the attribute that was asked for."""
    for entry in entries:
        for values in entry["raw_attributes"].values():
            for value in values:
                return str(value.decode(errors="replace"))
    return None
