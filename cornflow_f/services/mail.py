"""Sends mail over SMTP with TLS. Source of subject and wording: the legacy's ``shared/email.py``."""

import asyncio
import smtplib
from dataclasses import dataclass
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from cornflow_f import shadowing
from cornflow_f.errors import CommunicationError, InvalidData

_TIMEOUT_SECONDS = 30
_PROVIDER_ERROR = "There is an error with the email provider. Please contact administration"


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    address: str
    """Both the sender and the name to log in with."""
    password: str


def password_mail(password: str, *, service_name: str, sender: str, receiver: str) -> str:
    """The mail with a temporary password, ready to send."""
    # parity: the text is the clients' to see, so it is the legacy's to the letter (shared/email.py)
    text = f"""
    <html>
        <body>{" "}
            <p>
                <p> Hi, </p>
                Here is your temporary password to access {service_name}: <big><b>{password}</b></big>.<br>
                You can use it to login and then change your password. Please change your password as soon as you can.
                Your older password has been disabled.
            </p>
            <p>{service_name}</p>
        </body>
    </html>
    """
    mail = MIMEMultipart("alternative")
    mail["Subject"] = f"{service_name} - Temporary password"
    mail["From"] = sender
    mail["To"] = receiver
    mail.attach(MIMEText(text, "html"))
    return mail.as_string()


async def send(server: MailServer, receiver: str, mail: str) -> None:
    """InvalidData when the provider refuses us or the receiver, CommunicationError when it is not there."""
    isolation = shadowing.current()
    if isolation is not None:
        isolation.mail(server.address, receiver, mail)
        return
    await asyncio.to_thread(_send, server, receiver, mail)


def _send(server: MailServer, receiver: str, mail: str) -> None:
    try:
        with smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT_SECONDS) as connection:
            connection.login(server.address, server.password)
            connection.sendmail(server.address, receiver, mail)
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPRecipientsRefused) as error:
        raise InvalidData(_PROVIDER_ERROR) from error
    except (OSError, smtplib.SMTPException) as error:
        # legacy-5xx: the legacy fails here.
        raise CommunicationError(_PROVIDER_ERROR, log=f"Mail server failed: {error}") from error
