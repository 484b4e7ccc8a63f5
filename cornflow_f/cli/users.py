"""`users`: create users with a role, and tokens for business intelligence tools."""

import click
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.cli import options
from cornflow_f.cli.run import CouldNotRun, load_settings, run_in_session
from cornflow_f.constants import Role
from cornflow_f.models import User
from cornflow_f.security import create_bi_token, generate_password
from cornflow_f.services import provisioning

_ARTICLES = {Role.ADMIN: "an admin"}


@click.group()
def users() -> None:
    """The users of the API."""


@users.group()
def create() -> None:
    """Create a user, or give an existing one another role.

    Without --password, --password-stdin and --password-env a password is made up and printed once.
    """


def _command_for(role: Role) -> None:
    name = role.name.lower()
    article = _ARTICLES.get(role, f"a {name}")

    @create.command(name, help=f"Create {article} user, or make an existing user {article} too.")
    @options.username
    @options.email
    @options.password
    @options.password_stdin
    @options.password_env
    # Scripts written for the legacy pass it; what happened is always said here.
    @click.option("-v", "--verbose", is_flag=True, expose_value=False, hidden=True)
    def _create(
        username: str,
        email: str,
        password: str | None,
        password_stdin: bool,
        password_env: str | None,
    ) -> None:
        chosen = options.chosen_password(password, password_stdin, password_env)
        _create_user(role, username, email, chosen)


for _role in (Role.VIEWER, Role.PLANNER, Role.ADMIN, Role.SERVICE):
    _command_for(_role)


def _create_user(role: Role, username: str, email: str, chosen: str | None) -> None:
    password = chosen or generate_password()
    outcome = run_in_session(
        lambda session: provisioning.create_user_with_role(session, username, email, password, role)
    )
    name = role.name.lower()
    match outcome:
        case provisioning.ProvisioningOutcome.CREATED:
            click.echo(f"User {username} is created with the role {name}.")
            if chosen is None:
                click.echo(f"Password: {password}")
        case provisioning.ProvisioningOutcome.ROLE_ADDED:
            click.echo(f"User {username} existed, and has the role {name} now. Same password.")
        case provisioning.ProvisioningOutcome.UNCHANGED:
            click.echo(f"User {username} existed with the role {name}. Nothing is changed.")


@create.command("token")
@click.option(
    "-i", "--idx", type=int, required=True, help="The id of the user the token is made for."
)
@options.username
@options.password
@options.password_stdin
def create_token(idx: int, username: str, password: str | None, password_stdin: bool) -> None:
    """Print a token that never expires, for business intelligence tools.

    The user and password are those of a service user, who asks for the token of user --idx.
    """
    chosen = options.chosen_password(password, password_stdin)
    if chosen is None:
        raise click.UsageError("Give the service user's --password or --password-stdin.")
    secret = load_settings().secret_bi_key
    if not secret:
        raise CouldNotRun("SECRET_BI_KEY is not set: it signs these tokens")

    async def work(session: AsyncSession) -> str:
        if not await provisioning.is_service_user(session, username, chosen):
            raise CouldNotRun("The asking user has no permissions to generate tokens")
        user = await session.scalar(select(User).where(User.id == idx, User.deleted_at.is_(None)))
        if user is None:
            raise CouldNotRun("User does not exist")
        return create_bi_token(secret, user.username)

    click.echo(run_in_session(work))
