"""A mail server that keeps what it is sent."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity_core.compare.mail import describe
from parity_core.model import Json, ParityError
from parity_tests.config import ServiceConfig
from parity_tests.stage.process import free_port
from parity_tests.stage.services.base import Quiet, filled_environment


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
            raise ParityError(
                "journeys with a mail server need the package aiosmtpd: pip install 'parity-tests[services]'"
            ) from None
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
        return filled_environment(self._config, host="127.0.0.1", port=str(self._controller.port))

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
