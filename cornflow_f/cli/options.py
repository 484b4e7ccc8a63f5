"""Options that several commands have; short names as in the legacy's CLI."""

import os
import sys

import click

verbose = click.option("-v", "--verbose", is_flag=True, help="Name every row.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
username = click.option("-u", "--username", required=True, help="The name the user logs in with.")
password = click.option(
    "-p", "--password", help="The password. Other users of this machine may see it: prefer stdin."
)
password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of stdin."
)
password_env = click.option(
    "--password-env", metavar="VARIABLE", help="Read the password from this environment variable."
)
email = click.option("-e", "--email", required=True, help="The e-mail address of the user.")


def chosen_password(
    password: str | None, from_stdin: bool, variable: str | None = None
) -> str | None:
    """The password given in one of the three ways, or None."""
    if password is not None and from_stdin:
        raise click.UsageError("Give --password or --password-stdin, not both.")
    if variable is not None:
        if password is not None or from_stdin:
            raise click.UsageError("Give --password-env alone.")
        if not os.environ.get(variable):
            raise click.UsageError(f"--password-env: {variable} is not set.")
        return os.environ[variable]
    if not from_stdin:
        return password
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError("--password-stdin: there is no password on stdin.")
    return line
