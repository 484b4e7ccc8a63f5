"""Outside services that a journey asks for: started, told to the stacks, compared.

A service is a class in `SERVICES`, by the name journeys use. It is started before its stack, gives
the stack its address in environment variables that the configuration names, and hands over what
the stack sent it after each step. There is one for each side, or one for both if it is `shared`.
"""

from __future__ import annotations

import datetime
import ipaddress
import logging
import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from parity_core.compare.mail import describe
from parity_core.model import Json, ParityError
from parity_tests.config import ServiceConfig
from parity_tests.stage.process import free_port
from parity_tests.stage.services.base import Quiet, Service, told
from parity_tests.stage.services.orchestrators import (
    AirflowService,
    DatabricksService,
    FolderService,
)


class MailServer(Quiet):
    """SMTP over TLS with a self-signed certificate; takes every login and every mail.

    `SMTP_REFUSE` in a journey's settings makes it refuse the `login` or the `recipient`.
    """

    observation = "mail"

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        try:
            from aiosmtpd.controller import Controller
            from aiosmtpd.smtp import AuthResult
        except ImportError:
            raise ParityError("journeys with a mail server need the package aiosmtpd") from None
        # aiosmtpd logs every login as a deprecation of its own
        logging.getLogger("mail").setLevel(logging.ERROR)
        refuse = settings.get("SMTP_REFUSE", "")
        if refuse not in ("", "login", "recipient"):
            raise ParityError(f"SMTP_REFUSE is `login` or `recipient`, not `{refuse}`")
        self._mails: list[Json] = []
        self._config = config
        mails = self._mails

        class Handler:
            async def handle_RCPT(  # noqa: N802 - aiosmtpd finds its hooks by these names
                self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
            ) -> str:
                if refuse == "recipient":
                    return "550 5.1.1 No such mailbox"
                envelope.rcpt_tos.append(address)
                return "250 OK"

            async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
                mails.append(describe(envelope.mail_from, envelope.rcpt_tos, envelope.content))
                return "250 Accepted"

        def authenticate(*_: Any) -> Any:
            # `handled=False`: aiosmtpd itself sends the refusal, or the client would wait for ever
            return AuthResult(success=refuse != "login", handled=False)

        self._controller = Controller(
            Handler(),
            hostname="127.0.0.1",
            port=free_port(),
            ssl_context=self_signed(folder),
            authenticator=authenticate,
            auth_require_tls=False,
        )
        self._controller.start()

    def environment(self) -> Mapping[str, str]:
        return told(self._config, host="127.0.0.1", port=str(self._controller.port))

    def sent(self) -> list[Json]:
        return list(self._mails)

    def forget(self) -> None:
        self._mails.clear()

    def stop(self) -> None:
        self._controller.stop()


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's TLS context for 127.0.0.1, with a certificate of this moment."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise ParityError("a mail server with TLS needs the package cryptography") from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"smtp-{free_port()}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


Starter = Callable[[ServiceConfig, Mapping[str, str], Path], Service]


class DirectoryServer(Quiet):
    """OpenLDAP's slapd with the entries of the LDIF file that the configuration names."""

    observation = "directory"

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        from parity_tests.stage.services.servers.slapd import Slapd

        self._config = config
        self._slapd = Slapd(config.folder / str(config.options["ldif"]), folder)

    @staticmethod
    def missing() -> str | None:
        from parity_tests.stage.services.servers import slapd

        return None if slapd.installed() else slapd.MISSING

    def environment(self) -> Mapping[str, str]:
        return told(self._config, url=self._slapd.url)

    def stop(self) -> None:
        self._slapd.stop()


class OpenIdService(Quiet):
    """An OpenID provider with one address for both sides, so that both get the very same tokens.

    `OPENID_FAULT` in a journey's settings makes it tell its keys wrongly. A journey mints the tokens:
    `as: {minted: {…}, alg: RS256, secret: "${openid.first}", header: {kid: first}}`.
    """

    observation = "openid"
    shared = True
    _keys = ("first", "second", "stranger")
    provides = ("openid.issuer", *(f"openid.{key}" for key in _keys), "openid.public")

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        from parity_tests.stage.services.servers.openid import OpenIdProvider

        self._config = config
        try:
            self._provider = OpenIdProvider(settings.get("OPENID_FAULT", ""))
        except ValueError as error:
            raise ParityError(f"OPENID_FAULT: {error}") from None

    @staticmethod
    def missing() -> str | None:
        from importlib.util import find_spec

        return None if find_spec("cryptography") else "the package cryptography is not installed"

    def values(self) -> Mapping[str, str]:
        keys = {f"openid.{name}": self._provider.private_key(name) for name in self._keys}
        public = self._provider.public_key("first")
        return {"openid.issuer": self._provider.issuer, "openid.public": public, **keys}

    def environment(self) -> Mapping[str, str]:
        return told(self._config, issuer=self._provider.issuer)

    def stop(self) -> None:
        self._provider.stop()


class RunnerService(Quiet):
    """What solves in an orchestrator's place, by the commands of the configuration: one for each side."""

    observation = "runner"

    def __init__(self, config: ServiceConfig, settings: Mapping[str, str], folder: Path) -> None:
        from parity_tests.stage.services.servers.companion import Companion

        options = config.options
        self._config = config
        self._companion = Companion(
            options["command"],
            options.get("ready", ()),
            str(options.get("health", "/")),
            {**config.environment, **{k: str(v) for k, v in options.get("process", {}).items()}},
            [config.folder / path for path in options.get("pythonpath", ())],
            folder,
        )

    def environment(self) -> Mapping[str, str]:
        return told(self._config, url=self._companion.url)

    def serve(self, origin: str) -> None:
        self._companion.serve(origin)

    def stop(self) -> None:
        self._companion.stop()


SERVICES: dict[str, type[Service]] = {
    "smtp": MailServer,
    "ldap": DirectoryServer,
    "openid": OpenIdService,
    "runner": RunnerService,
    "airflow": AirflowService,
    "databricks": DatabricksService,
    "folder": FolderService,
}


def provided(name: str) -> tuple[str, ...]:
    """The names of the values that a service gives to journeys."""
    return _known(name).provides


def missing(names: Iterable[str]) -> str | None:
    """What this machine lacks for one of the services; None when all can be started."""
    return next((lack for name in names if (lack := _known(name).missing())), None)


def is_shared(name: str) -> bool:
    return _known(name).shared


def start(
    name: str, configs: Mapping[str, ServiceConfig], settings: Mapping[str, str], folder: Path
) -> Service:
    starter: Starter = _known(name)
    if name not in configs:
        raise ParityError(f"the configuration has no [services.{name}] for the service `{name}`")
    return starter(configs[name], settings, folder)


def _known(name: str) -> type[Service]:
    if name not in SERVICES:
        raise ParityError(f"no service `{name}`; there are {', '.join(sorted(SERVICES))}")
    return SERVICES[name]
