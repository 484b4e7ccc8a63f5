"""Password recovery by e-mail. Source: the legacy's ``endpoints/user.py``, RecoverPassword."""

from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.config import Settings
from cornflow_f.errors import ConfigurationError, InvalidCredentials
from cornflow_f.models import User
from cornflow_f.security import generate_password
from cornflow_f.services import user as user_service
from cornflow_f.services.mail import MailServer, password_mail, send
from cornflow_f.validation.passwords import check_email_pattern


def mail_server(settings: Settings) -> MailServer:
    address, password = settings.service_email_address, settings.service_email_password
    host, port = settings.service_email_server, settings.service_email_port
    if address is None or password is None or host is None or port is None:
        raise ConfigurationError(
            "This functionality is not available. Check that cornflow's email is correctly configured"
        )
    return MailServer(host, port, address, password)


async def recover(session: AsyncSession, email: str, settings: Settings) -> None:
    """Mails a new password. Tells nobody whether the address is a user's.

    The password changes only after the mail server has taken the mail.
    """
    server = mail_server(settings)
    if problem := check_email_pattern(email):
        raise InvalidCredentials(problem)
    if not await user_service.is_taken(session, User.email, email):
        return
    password = generate_password()
    mail = password_mail(
        password, service_name=settings.service_name, sender=server.address, receiver=email
    )
    await send(server, email, mail)
    user = await user_service.find_by_email(session, email)
    if user is not None:
        await user_service.save_changes(session, user, {"password": password})
